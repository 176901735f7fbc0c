import type { MarginParameters } from "../../src/kernel/parameters.ts";
import { accountView, applyMarginBlock, createMargin } from "../../src/margin/engine.ts";
import type { MarginState } from "../../src/margin/state.ts";
import type {
  ActionOutcome,
  LeafChange,
  MarginAction,
  MarginBlock,
  MarginEvent,
  MarginGenesis,
  MarketParameters,
  OracleReport,
  Place,
  Side,
} from "../../src/margin/types.ts";

export const START_MS = 1_700_000_000_000;

export const PARAMETERS: MarginParameters = {
  oracleSlotMs: 1_000,
  oracleReportMsMax: 5_000,
  freshSlotsToResume: 3,
  resumeGraceMs: 10_000,
  callDeadlineMs: 60_000,
  termsDelayMs: 100_000,
  gainLockMs: 60_000,
  depositWindowMs: 3_600_000,
  depositWindowMax: 1_000_000_000_000n,
  bundleActionsMax: 64,
  sessionMsMax: 604_800_000,
  sessionsMax: 8,
  outflowWindowMs: 86_400_000,
  withdrawalMinimum: 1_000_000_000n,
  bondHaircutPpm: 500_000n,
  bondLagMs: 3_600_000,
  capFallPpm: 100_000n,
  outflowSharePpm: 500_000n,
};

/** One lot at one tick is 0.01 USD, so a lot at 100,000 ticks is 1,000 USD. */
export const MARKET: MarketParameters = {
  id: 0,
  name: "SPX-PERP",
  microUsdPerLotTick: 10_000n,
  initialMarginPpm: 40_000n,
  maintenanceMarginPpm: 20_000n,
  takerFeePpm: 500n,
  liquidationFeePpm: 5_000n,
  liquidationSharePpm: 250_000n,
  priceBandPpm: 50_000n,
  orderLotsMax: 100_000n,
  positionLotsMax: 1_000_000n,
  corruptMovePpm: 300_000n,
  // Off unless a test is about it: 100 samples an interval, quotes for 10 lots at 100,000 ticks.
  fundingIntervalMs: 0n,
  fundingSampleMs: 1_000n,
  fundingCapPpm: 10_000n,
  fundingImpactNotional: 10_000_000_000n,
};

export const USD = 1_000_000n;

/** A readable account or member key: the letter, repeated as hex of its code. */
export function key(name: string): string {
  const hex = Array.from(name, (letter) => letter.charCodeAt(0).toString(16)).join("");
  return hex.padEnd(64, "0");
}

export const MEMBERS = ["v1", "v2", "v3", "v4"].map((name) => ({ key: key(name), power: 100n }));

export interface BlockInput {
  readonly afterMs?: number;
  /** What of it the ledger's clock counts; all unless told. */
  readonly creditMs?: number;
  /** Reported by every member for the present slot, per market. */
  readonly prices?: readonly bigint[];
  readonly reports?: readonly OracleReport[];
  readonly members?: MarginBlock["members"];
  readonly deposits?: MarginBlock["deposits"];
  readonly bundles?: MarginBlock["bundles"];
  readonly acts?: MarginBlock["acts"];
  /** So much that no cap is in the way, unless told. */
  readonly costOfCorruption?: bigint;
}

/** Drives one engine through blocks and keeps what the last one said. */
export class World {
  state: MarginState;
  nowMs = START_MS;
  clockMs = START_MS;
  height = 0;
  outcomes: readonly (readonly ActionOutcome[])[] = [];
  events: readonly MarginEvent[] = [];
  changes: readonly LeafChange[] = [];

  constructor(genesis: Partial<MarginGenesis> = {}, parameters: Partial<MarginParameters> = {}) {
    const full = { markets: [MARKET], accounts: [], insuranceFund: 0n, ...genesis };
    this.state = createMargin(full, { ...PARAMETERS, ...parameters }, START_MS);
  }

  get slot(): number {
    return Math.floor((this.nowMs - START_MS) / 1_000);
  }

  reports(prices: readonly bigint[], members = MEMBERS): OracleReport[] {
    return prices.flatMap((price, market) =>
      members.map(({ key: author, power }) => ({ author, power, market, slot: this.slot, price })),
    );
  }

  /** The next block as the ledger would hand it on. */
  blockOf(input: BlockInput): MarginBlock {
    const { afterMs = 1_000, prices = [], members = MEMBERS } = input;
    this.nowMs += afterMs;
    const creditMs = input.creditMs ?? afterMs;
    this.clockMs += creditMs;
    this.height += 1;
    return {
      height: this.height,
      timestampMs: this.nowMs,
      clockMs: this.clockMs,
      totalPower: members.reduce((sum, { power }) => sum + power, 0n),
      costOfCorruption: input.costOfCorruption ?? 10n ** 24n,
      creditMs,
      members,
      reports: [...this.reports(prices), ...(input.reports ?? [])],
      deposits: input.deposits ?? [],
      bundles: input.bundles ?? [],
      acts: input.acts ?? [],
    };
  }

  apply(block: MarginBlock): this {
    const result = applyMarginBlock(this.state, block);
    this.state = result.state;
    this.outcomes = result.outcomes;
    this.events = result.events;
    this.changes = result.changes;
    return this;
  }

  block(input: BlockInput = {}): this {
    return this.apply(this.blockOf(input));
  }

  /** One bundle per entry. */
  act(prices: readonly bigint[], ...bundles: MarginBlock["bundles"]): readonly string[] {
    this.block({ prices, bundles });
    return this.outcomes.flat().map(({ code }) => code);
  }

  view(name: string): NonNullable<ReturnType<typeof accountView>> {
    const view = accountView(this.state, key(name), this.clockMs);
    if (view === undefined) throw new Error(`no account ${name}`);
    return view;
  }

  size(name: string, market = 0): bigint {
    return this.view(name).positions.find((position) => position.market === market)?.size ?? 0n;
  }

  eventsOf<K extends MarginEvent["kind"]>(kind: K): Extract<MarginEvent, { kind: K }>[] {
    return this.events.filter((event): event is Extract<MarginEvent, { kind: K }> => {
      return event.kind === kind;
    });
  }
}

let nextClientId = 1;

export function place(side: Side, size: bigint, price: bigint, more: Partial<Place> = {}): Place {
  nextClientId += 1;
  const base = { kind: "place", market: 0, clientId: nextClientId, timeInForce: "gtc" } as const;
  const rest = { reduceOnly: false, selfTrade: "cancel-maker", untilMs: 0 } as const;
  return { ...base, side, size, price, ...rest, ...more };
}

export function bundle(
  name: string,
  ...actions: readonly MarginAction[]
): MarginBlock["bundles"][number] {
  return { account: key(name), actions };
}

export function accounts(
  balances: Readonly<Record<string, bigint>>,
): { account: string; balance: bigint }[] {
  return Object.entries(balances).map(([name, usd]) => ({
    account: key(name),
    balance: usd * USD,
  }));
}

/** `long` buys from `short` at the price, in a world whose price is that. */
export function trade(
  world: World,
  order: { long: string; short: string; size: bigint; price: bigint; prices?: readonly bigint[] },
): void {
  const { long, short, size, price, prices = [price] } = order;
  const codes = world.act(
    prices,
    bundle(short, place("sell", size, price)),
    bundle(long, place("buy", size, price, { timeInForce: "ioc" })),
  );
  if (codes.some((code) => code !== "OK")) throw new Error(`trade refused: ${codes.join(", ")}`);
}

/** Many poor accounts, each long one lot at 100,000 ticks against one rich account. */
export function crowd(
  count: number,
  usd: (index: number) => bigint,
  market: Partial<MarketParameters> = {},
): { world: World; names: string[] } {
  const price = 100_000n;
  const names = Array.from({ length: count }, (_, index) => `p${String(index).padStart(4, "0")}`);
  const poor = Object.fromEntries(names.map((name, index) => [name, usd(index)]));
  const markets = [{ ...MARKET, ...market }];
  const world = new World({ markets, accounts: accounts({ z: 1_000_000n, ...poor }) });
  world.block({ prices: [price] });
  world.act([price], bundle("z", place("sell", BigInt(count), price)));
  const order = { timeInForce: "ioc" } as const;
  world.act([price], ...names.map((name) => bundle(name, place("buy", 1n, price, order))));
  return { world, names };
}
