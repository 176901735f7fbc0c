/** node/spec/margin.md §2 and §3: the whole state, as lists that one can read. */
export const OUTLIER_PPM = 100_000n;
export const OPEN_ORDERS_MAX = 256;
export const LIQUIDATIONS_PER_BLOCK_MAX = 256;
export const CLOSE_OUTS_PER_BLOCK_MAX = 64;
export const WHOLE_POSITION_NOTIONAL = 1_000_000_000n;
export const CLOSE_OUT_AFTER_MISSES = 8;
export const GAIN_LOCK_BUCKETS = 8;
export const PRICE_TICKS_MAX = 9_007_199_254_740_991n;
export const STEPS_PER_ORDER_MAX = 1_024;
export const STEPS_PER_ACCOUNT_MAX = 4_096;
export const STEPS_PER_BLOCK_MAX = 131_072;
export const EXPIRIES_PER_BLOCK_MAX = 1_024;
export const IMPACT_ORDERS_MAX = 256;

export interface MarketRules {
  readonly id: number;
  readonly name: string;
  readonly microUsdPerLotTick: bigint;
  readonly initialMarginPpm: bigint;
  readonly maintenanceMarginPpm: bigint;
  readonly takerFeePpm: bigint;
  readonly liquidationFeePpm: bigint;
  readonly liquidationSharePpm: bigint;
  readonly priceBandPpm: bigint;
  readonly orderLotsMax: bigint;
  readonly positionLotsMax: bigint;
  readonly corruptMovePpm: bigint;
  readonly fundingIntervalMs: bigint;
  readonly fundingSampleMs: bigint;
  readonly fundingCapPpm: bigint;
  readonly fundingImpactNotional: bigint;
}

/** In the order of the leaf `market/<id>` (§12). */
export const MARKET_NUMBERS: readonly string[] = [
  "microUsdPerLotTick",
  "initialMarginPpm",
  "maintenanceMarginPpm",
  "takerFeePpm",
  "liquidationFeePpm",
  "liquidationSharePpm",
  "priceBandPpm",
  "orderLotsMax",
  "positionLotsMax",
  "corruptMovePpm",
  "fundingIntervalMs",
  "fundingSampleMs",
  "fundingCapPpm",
  "fundingImpactNotional",
];

/** One of these numbers, and what it shall be. */
export interface Numbered {
  readonly name: string;
  readonly value: bigint;
}

/** §4.1. */
export type Act =
  | {
      readonly market: number;
      readonly kind: "restrict";
      readonly mode: "reduce-only" | "paused";
    }
  | {
      readonly market: number;
      readonly kind: "schedule";
      readonly opens: boolean;
      readonly amounts: readonly Numbered[];
    }
  | { readonly market: number; readonly kind: "cancel" };

export interface Scheduled {
  readonly fromMs: number;
  opens: boolean;
  readonly amounts: readonly Numbered[];
  noticedMs: number;
  initialBefore: bigint;
}

export interface Rules {
  readonly genesisTimeMs: number;
  readonly oracleSlotMs: number;
  readonly oracleReportMsMax: number;
  readonly freshSlotsToResume: number;
  readonly resumeGraceMs: number;
  readonly callDeadlineMs: number;
  readonly termsDelayMs: number;
  readonly gainLockMs: number;
  readonly outflowWindowMs: number;
  readonly withdrawalMinimum: bigint;
  readonly bondHaircutPpm: bigint;
  readonly bondLagMs: number;
  readonly capFallPpm: bigint;
  readonly outflowSharePpm: bigint;
}

export interface Genesis {
  readonly rules: Rules;
  readonly markets: readonly MarketRules[];
  readonly accounts: readonly { readonly account: string; readonly balance: bigint }[];
  readonly insuranceFund: bigint;
}

export type Stage = "healthy" | "called" | "reduce-only" | "liquidating";
export type PriceState = "stale" | "resuming" | "fresh";

export interface Position {
  size: bigint;
  cost: bigint;
  /** The market's funding index up to which it has paid. */
  fundingIndex: bigint;
}

export interface Account {
  readonly key: string;
  balance: bigint;
  /** By market; size 0 where it has none. */
  readonly positions: Position[];
  stage: Stage;
  deadlineMs: number;
  debt: bigint;
  waited: number;
  misses: number;
  locks: { untilMs: number; amount: bigint }[];
  withdrawnWindow: number;
  withdrawn: bigint;
}

/** §9, rule CAPS. */
export interface Caps {
  lagFromMs: number;
  lowestBefore: bigint;
  lowest: bigint;
  budget: bigint;
  outflows: { epoch: number; amount: bigint }[];
}

export interface Newest {
  readonly author: string;
  readonly slot: number;
  readonly price: bigint;
  readonly includedMs: number;
}

export interface Market {
  rules: MarketRules;
  mode: "open" | "reduce-only" | "paused";
  scheduled: Scheduled | undefined;
  price: bigint;
  state: PriceState;
  newest: Newest[];
  resumingSinceMs: number;
  freshSlots: number;
  quorumSlot: number;
  quorumMs: number;
  nextSequence: number;
  /** §5.1: micro-USD x ppm that a long lot has paid since genesis. */
  fundingIndex: bigint;
  /** §5.2: sum of size x index of the positions. */
  fundingClaims: bigint;
  lastRate: bigint;
  interval: number;
  sampleSlot: number;
  samples: bigint[];
}

export type TimeInForce = "gtc" | "ioc" | "post-only" | "fok" | "gtt";

export interface Order {
  readonly account: string;
  readonly market: number;
  readonly clientId: number;
  readonly side: "buy" | "sell";
  readonly price: bigint;
  readonly timeInForce: TimeInForce;
  readonly reduceOnly: boolean;
  readonly untilMs: number;
  readonly sequence: number;
  lots: bigint;
}

export type Action =
  | {
      readonly kind: "place";
      readonly market: number;
      readonly clientId: number;
      readonly side: "buy" | "sell";
      readonly size: bigint;
      readonly price: bigint;
      readonly timeInForce: TimeInForce;
      readonly reduceOnly: boolean;
      readonly selfTrade: "cancel-maker" | "cancel-taker" | "cancel-both" | "decrement";
      readonly untilMs: number;
    }
  | { readonly kind: "cancel"; readonly market: number; readonly clientId: number }
  | { readonly kind: "withdraw"; readonly amount: bigint }
  | { readonly kind: "stake"; readonly owner: string; readonly amount: bigint }
  | { readonly kind: "cancel-all" }
  | { readonly kind: "quote"; readonly market: number; readonly quotes: readonly Quote[] };

export interface Quote {
  readonly clientId: number;
  readonly side: "buy" | "sell";
  readonly size: bigint;
  readonly price: bigint;
}

export interface Report {
  readonly author: string;
  readonly market: number;
  readonly slot: number;
  readonly price: bigint;
}

/** What the ledger hands to the engine for one block. */
export interface Block {
  readonly timestampMs: number;
  /** The ledger's clock: genesis time and the credited part of each block's span. */
  readonly clockMs: number;
  /** What the clock gained by this block. */
  readonly creditMs: number;
  readonly costOfCorruption: bigint;
  readonly members: readonly { readonly key: string; readonly power: bigint }[];
  readonly reports: readonly Report[];
  readonly deposits: readonly { readonly account: string; readonly amount: bigint }[];
  readonly acts: readonly Act[];
  readonly bundles: readonly { readonly account: string; readonly actions: readonly Action[] }[];
}

/** What happened, in order: the words of the document, the numbers as values. */
export type Event = { readonly kind: string } & { readonly [field: string]: unknown };

export interface World {
  readonly rules: Rules;
  readonly accounts: Account[];
  readonly markets: readonly Market[];
  orders: Order[];
  fund: bigint;
  readonly caps: Caps;
  /** Time of the block. */
  nowMs: number;
  /** The ledger's clock at the block. */
  clockMs: number;
  events: Event[];
  /** Resting orders that the block's orders have met (§8.3). */
  passes: number;
  /** The same by account. */
  passesOf: Map<string, number>;
}

export function newAccount(world: Pick<World, "markets" | "accounts">, key: string): Account {
  const account: Account = {
    key,
    balance: 0n,
    positions: world.markets.map(() => ({ size: 0n, cost: 0n, fundingIndex: 0n })),
    stage: "healthy",
    deadlineMs: 0,
    debt: 0n,
    waited: 0,
    misses: 0,
    locks: [],
    withdrawnWindow: 0,
    withdrawn: 0n,
  };
  world.accounts.push(account);
  world.accounts.sort((left, right) => (left.key < right.key ? -1 : 1));
  return account;
}

export function createWorld(genesis: Genesis): World {
  const world: World = {
    rules: genesis.rules,
    accounts: [],
    markets: genesis.markets.map((rules) => ({
      rules,
      mode: "open",
      scheduled: undefined,
      price: 0n,
      state: "stale",
      newest: [],
      resumingSinceMs: 0,
      freshSlots: 0,
      quorumSlot: -1,
      quorumMs: 0,
      nextSequence: 0,
      fundingIndex: 0n,
      fundingClaims: 0n,
      lastRate: 0n,
      interval: 0,
      sampleSlot: -1,
      samples: [],
    })),
    orders: [],
    fund: genesis.insuranceFund,
    caps: { lagFromMs: 0, lowestBefore: 0n, lowest: 0n, budget: 0n, outflows: [] },
    nowMs: genesis.rules.genesisTimeMs,
    clockMs: genesis.rules.genesisTimeMs,
    events: [],
    passes: 0,
    passesOf: new Map(),
  };
  for (const { account, balance } of genesis.accounts) newAccount(world, account).balance = balance;
  return world;
}

export function findAccount(world: World, key: string): Account | undefined {
  return world.accounts.find((account) => account.key === key);
}

export function getAccount(world: World, key: string): Account {
  const account = findAccount(world, key);
  if (account === undefined) throw new Error(`no account ${key}`);
  return account;
}

export function getMarket(world: World, id: number): Market {
  const market = world.markets[id];
  if (market === undefined || market.rules.id !== id) throw new Error(`no market ${id}`);
  return market;
}

export function getPosition(account: Account, market: number): Position {
  const position = account.positions[market];
  if (position === undefined) throw new Error(`no position ${market} of ${account.key}`);
  return position;
}

export function sideSign(side: "buy" | "sell"): bigint {
  return side === "buy" ? 1n : -1n;
}
