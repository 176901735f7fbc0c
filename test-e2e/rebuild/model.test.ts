import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PRODUCTION } from "../../node/src/kernel/parameters.ts";
import { applyMarginBlock, createMargin } from "../../node/src/margin/engine.ts";
import type { MarginState, Position } from "../../node/src/margin/state.ts";
import { MARKET_AMOUNTS, type MarginBlock, type MarketAct } from "../../node/src/margin/types.ts";
import { mayDecide } from "./market-decisions.ts";
import { executeBlock } from "./model/block.ts";
import { ordersOf } from "./model/numbers.ts";
import { accountKey, blocksOf, GENESIS, historyDrawn, START_MS } from "./model/random-blocks.ts";
import {
  type Action,
  type Block,
  createWorld,
  type Genesis,
  getMarket,
  type World,
} from "./model/world.ts";

function engine(genesis: Genesis): MarginState {
  const parameters = { ...PRODUCTION.margin, ...genesis.rules };
  return createMargin(genesis, parameters, genesis.rules.genesisTimeMs);
}

function marginBlock(block: Block, height: number): MarginBlock {
  const power = (author: string): bigint =>
    block.members.find(({ key }) => key === author)?.power ?? 0n;
  return {
    ...block,
    height,
    totalPower: block.members.reduce((total, member) => total + member.power, 0n),
    reports: block.reports.map((report) => ({ ...report, power: power(report.author) })),
    acts: block.acts.map(({ market, ...act }) => ({ market, act: act as MarketAct })),
  };
}

const NO_POSITION = { size: 0n, cost: 0n, fundingIndex: 0n };

function withoutMarket({ size, cost, fundingIndex }: Position): typeof NO_POSITION {
  return { size, cost, fundingIndex };
}

/** Both states in one shape: the engine's, with what it leaves out filled in. */
function stateOfEngine(state: MarginState): unknown {
  return {
    fund: state.fund,
    totalDebt: state.totalDebt,
    caps: state.caps,
    accounts: Array.from(state.accounts, ([key, account]) => ({
      key,
      ...account,
      positions: state.markets.map((_, id) => {
        const position = account.positions.find(({ market }) => market === id);
        return position === undefined ? NO_POSITION : withoutMarket(position);
      }),
      orders: account.orders.map(({ slot: _, ...order }) => order).sort(byMarketAndSequence),
    })).sort((left, right) => (left.key < right.key ? -1 : 1)),
    markets: state.markets.map(({ oracle, nextSequence, funding, fundingClaims, ...market }) => {
      const { reports, ...rest } = oracle;
      const { index: fundingIndex, ...paid } = funding;
      const newest = Array.from(reports, ([author, report]) => ({ author, ...report }));
      return {
        ...rest,
        ...paid,
        ...market.terms,
        numbers: MARKET_AMOUNTS.map((name) => market.parameters[name]),
        fundingIndex,
        fundingClaims,
        nextSequence,
        newest: newest.sort(byAuthor),
      };
    }),
  };
}

function stateOfModel(world: World): unknown {
  return {
    fund: world.fund,
    totalDebt: world.accounts.reduce((total, { debt }) => total + debt, 0n),
    caps: world.caps,
    accounts: world.accounts.map((account) => ({
      ...account,
      positions: account.positions.map((each) => (each.size === 0n ? NO_POSITION : each)),
      orders: ordersOf(world, account.key)
        .map(({ lots, ...order }) => ({ ...order, size: lots }))
        .sort(byMarketAndSequence),
    })),
    markets: world.markets.map(({ rules, ...market }) => ({
      ...market,
      numbers: MARKET_AMOUNTS.map((name) => rules[name]),
      newest: market.newest.toSorted(byAuthor),
    })),
  };
}

interface Placed {
  readonly market: number;
  readonly sequence: number;
}

function byMarketAndSequence(left: Placed, right: Placed): number {
  return left.market - right.market || left.sequence - right.sequence;
}

function byAuthor(left: { readonly author: string }, right: { readonly author: string }): number {
  return left.author < right.author ? -1 : 1;
}

/** Runs both over the blocks and demands equality to the unit after each. Counts what happened. */
function compare(
  genesis: Genesis,
  blocks: readonly Block[],
  seen = new Map<string, number>(),
): void {
  const world = createWorld(genesis);
  let state = engine(genesis);
  for (const [index, drawn] of blocks.entries()) {
    // What the ledger refuses does not come here.
    const acts = drawn.acts.filter((act) => mayDecide(getMarket(world, act.market), act, true));
    const block = { ...drawn, acts };
    const executed = executeBlock(world, block);
    const applied = applyMarginBlock(state, marginBlock(block, index + 1));
    state = applied.state;
    const outcomes = applied.outcomes.map((bundle) =>
      bundle.map(({ field: _, fix: __, ...outcome }) => outcome),
    );
    expect(outcomes, `outcomes of block ${index}`).toEqual(executed.outcomes);
    expect(applied.events, `events of block ${index}`).toEqual(executed.events);
    expect(stateOfEngine(state), `state after block ${index}`).toEqual(stateOfModel(world));
    for (const event of executed.events) count(seen, nameOf(event));
    for (const { code } of executed.outcomes.flat()) count(seen, code);
  }
}

function count(seen: Map<string, number>, name: string): void {
  seen.set(name, (seen.get(name) ?? 0) + 1);
}

function nameOf(event: { readonly [field: string]: unknown }): string {
  if (event["kind"] === "funding") return `funding ${Math.sign(Number(event["rate"]))}`;
  if (event["kind"] === "funding-payment") {
    return `funding-payment ${Math.sign(Number(event["amount"]))}`;
  }
  const detail = event["to"] ?? event["step"] ?? event["reason"] ?? event["state"] ?? "";
  return `${String(event["kind"])} ${String(detail)}`.trim();
}

/** What random histories must meet, or the comparison says nothing about it. */
const EXPECTED = [
  ..."index-price fresh,index-price stale,index-price resuming,oracle-outlier,fill,deposit".split(
    ",",
  ),
  ..."stage called,stage reduce-only,stage liquidating,stage healthy,liquidation".split(","),
  ..."funding 1,funding 0,funding -1,funding-payment 1,funding-payment -1".split(","),
  ..."close-out,deficit,debt-repaid,withdrawal,order-cancelled ladder".split(","),
  ..."order-cancelled margin,order-cancelled self-trade,order-cancelled nothing-to-reduce".split(
    ",",
  ),
  ..."OK,UNKNOWN_MARKET,UNKNOWN_ACCOUNT,ORDER_NOT_FOUND,SIZE_OUT_OF_RANGE".split(","),
  ..."DUPLICATE_CLIENT_ID,PRICE_NOT_FRESH,PRICE_OUT_OF_BAND,NOTHING_TO_REDUCE".split(","),
  ..."WOULD_NOT_FILL,TIME_OUT_OF_RANGE,order-cancelled expired".split(","),
  ..."POST_ONLY_WOULD_TAKE,ACCOUNT_REDUCE_ONLY,INSUFFICIENT_MARGIN,AMOUNT_OUT_OF_RANGE".split(","),
  ..."WITHDRAWALS_SHUT,INSUFFICIENT_COLLATERAL,OUTFLOW_CAP_REACHED".split(","),
  ..."market-mode open,market-mode reduce-only,market-mode paused,MARKET_PAUSED".split(","),
  ..."market-terms scheduled,market-terms cancelled,market-terms noticed".split(","),
  ..."market-terms in-effect,MARKET_REDUCE_ONLY".split(","),
  ..."POSITION_LIMIT_REACHED,OPEN_INTEREST_CAP_REACHED".split(","),
];

/** A wider search: QUORATE_HISTORIES=5000 QUORATE_SEED=7 npx vitest run test-e2e/rebuild. */
const RUNS = Number(process.env["QUORATE_HISTORIES"] ?? 120);
const SEED = Number(process.env["QUORATE_SEED"] ?? 20_260_101);
/** Making a failing history smaller may take long: after this it is shown as it is by then. */
const LIMITED = { interruptAfterTimeLimit: 60_000 + RUNS * 200, markInterruptAsFailure: true };

describe("the margin engine and a naive model written from node/spec/margin.md", () => {
  test(
    "agree to the unit on random histories",
    () => {
      const seen = new Map<string, number>();
      const property = fc.property(historyDrawn(90), (history) => {
        compare(GENESIS, blocksOf(history), seen);
      });
      fc.assert(property, { numRuns: RUNS, seed: SEED, ...LIMITED });
      const missing = EXPECTED.filter((name) => !seen.has(name));
      expect(missing, "never happened").toEqual([]);
    },
    120_000 + RUNS * 400,
  );

  test("agree where more accounts are to be liquidated than one block serves", () => {
    compare(...crowd(300));
  }, 120_000);

  test("agree where more accounts are to be closed out than one block closes", () => {
    const seen = new Map<string, number>();
    const [genesis, blocks] = crowd(150, [10_000n, 8_000n, 8_000n, 8_000n]);
    compare(genesis, blocks.slice(0, 2), seen);
    expect(seen.get("close-out")).toBe(64);
    compare(genesis, blocks, seen);
    expect(seen.get("close-out")).toBe(64 + 150);
  }, 120_000);

  test("agree where an order, and an account, met all the orders that they may", () => {
    const seen = new Map<string, number>();
    compare(...deepBook(), seen);
    expect([seen.get("WOULD_NOT_FILL"), seen.get("BLOCK_SHARE_SPENT")]).toEqual([4, 2]);
    expect(seen.get("fill")).toBe(1_024);
  }, 120_000);

  test("agree at the limit of open orders", () => {
    const [genesis, blocks] = crowd(1);
    const first = blocks[0];
    if (first === undefined) throw new Error("no block");
    const actions = Array.from({ length: 258 }, (_, clientId) => ({
      kind: "place" as const,
      market: 0,
      clientId,
      side: "buy" as const,
      size: 1n,
      price: 9_990n - BigInt(clientId % 3),
      timeInForce: "gtc" as const,
      reduceOnly: false,
      selfTrade: "cancel-maker" as const,
      untilMs: 0,
    }));
    const seen = new Map<string, number>();
    compare(genesis, [{ ...first, bundles: [{ account: accountKey(0xfe), actions }] }], seen);
    expect(seen.get("TOO_MANY_ORDERS")).toBe(2);
  });
});

/** Offers of one lot, more than one order may meet, against one rich taker. */
function deepBook(): [Genesis, Block[]] {
  const [genesis, [first]] = crowd(0, [10_000n]);
  if (first === undefined) throw new Error("no block");
  const taker = accountKey(0xfe);
  const makers = [1, 2, 3, 4, 5].map(accountKey);
  const order = { kind: "place", market: 0, price: 10_000n, reduceOnly: false } as const;
  const rest = { selfTrade: "cancel-maker", untilMs: 0 } as const;
  const offer = (clientId: number): Action => {
    return { ...order, ...rest, clientId, side: "sell", size: 1n, timeInForce: "gtc" };
  };
  const take = (timeInForce: "fok" | "gtc"): Action => {
    return { ...order, ...rest, clientId: 1, side: "buy", size: 5_000n, timeInForce };
  };
  const next = (index: number, actions: readonly Action[]): Block => {
    const timestampMs = first.timestampMs + 500 * index;
    const reports = first.reports.map((report) => ({ ...report, slot: index }));
    const bundles = [{ account: taker, actions }];
    return { ...first, timestampMs, clockMs: timestampMs, creditMs: 500, reports, bundles };
  };
  const offers = makers.map((account) => {
    return { account, actions: Array.from({ length: 206 }, (_, id) => offer(id)) };
  });
  const accounts = [taker, ...makers].map((account) => ({ account, balance: 10n ** 15n }));
  const foks = Array.from({ length: 5 }, () => take("fok"));
  return [
    { ...genesis, accounts },
    [{ ...first, bundles: offers }, next(1, [...foks, take("gtc")]), next(2, [take("gtc")])],
  ];
}

const FALLING = [10_000n, 9_700n, 9_690n, 9_500n, 9_400n, 9_900n, 9_000n, 8_900n];

/** Many small longs against one rich short; then the price falls by 3 % and goes on falling. */
function crowd(size: number, prices = FALLING): [Genesis, Block[]] {
  const keys = Array.from({ length: size }, (_, index) =>
    (index + 16).toString(16).padStart(4, "0").repeat(16),
  );
  const rich = accountKey(0xfe);
  const genesis: Genesis = {
    ...GENESIS,
    insuranceFund: 5_000_000n,
    accounts: [
      { account: rich, balance: 10n ** 15n },
      ...keys.map((account, index) => ({ account, balance: 41_000_000n + BigInt(index % 7) * 9n })),
    ],
  };
  const members = ["e1", "e2", "e3", "e4"].map((byte) => ({ key: byte.repeat(32), power: 5n }));
  const place = (account: string, side: "buy" | "sell", lots: bigint): Block["bundles"][number] => {
    const order = { kind: "place", market: 0, clientId: 1, side, size: lots } as const;
    const terms = {
      price: 10_000n,
      timeInForce: "gtc",
      reduceOnly: false,
      selfTrade: "cancel-maker",
      untilMs: 0,
    } as const;
    return { account, actions: [{ ...order, ...terms }] };
  };
  const blocks = prices.map((price, index): Block => {
    const timestampMs = START_MS + 500 * (index + 1);
    const reports = members.map(({ key }) => ({ author: key, market: 0, slot: index, price }));
    const bundles =
      index === 0
        ? [
            place(rich, "sell", 1_000n * BigInt(size)),
            ...keys.map((key, place_) => place(key, "buy", 990n + BigInt(place_ % 5))),
          ]
        : [];
    const clocks = {
      timestampMs,
      clockMs: timestampMs,
      creditMs: 500,
      costOfCorruption: 10n ** 24n,
    };
    return { ...clocks, members, reports, deposits: [], acts: [], bundles };
  });
  return [genesis, blocks];
}
