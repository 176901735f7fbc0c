import fc from "fast-check";
import type { Act, Action, Block, Genesis, Report } from "./world.ts";

/**
 * Random histories of one small universe: prices that creep and jump, reporters that lie and fall
 * silent, accounts that trade at the edge of their margin. Prices and lots are drawn relative to
 * the running price, so that most orders have a meaning.
 */
export const START_MS = 1_700_000_000_000;
/** What the ledger's clock counts of one block's span, at most. */
const CREDIT_MS_MAX = 500;
const START_PRICES = [10_000n, 250n] as const;

export function accountKey(index: number): string {
  return index.toString(16).padStart(2, "0").repeat(32);
}

const MEMBERS = [0, 1, 2, 3, 4].map((index) => ({
  key: (0xa0 + index).toString(16).repeat(32),
  power: BigInt(10 + 3 * index),
}));

/** Two epochs: one member differs, and one has another power. */
const SETS = [MEMBERS.slice(0, 4), [...MEMBERS.slice(0, 2), ...MEMBERS.slice(3)]] as const;

export const GENESIS: Genesis = {
  rules: {
    genesisTimeMs: START_MS,
    oracleSlotMs: 500,
    oracleReportMsMax: 2_500,
    freshSlotsToResume: 3,
    resumeGraceMs: 1_500,
    callDeadlineMs: 1_200,
    termsDelayMs: 1_500,
    gainLockMs: 3_001,
    outflowWindowMs: 5_003,
    withdrawalMinimum: 40_000_000n,
    bondHaircutPpm: 400_001n,
    bondLagMs: 900,
    // Far above what a genesis may have, so that a history sees a cap fall.
    capFallPpm: 400_000_000n,
    outflowSharePpm: 333_333n,
  },
  markets: [
    {
      id: 0,
      name: "SPX-PERP",
      microUsdPerLotTick: 100n,
      initialMarginPpm: 40_000n,
      maintenanceMarginPpm: 20_000n,
      takerFeePpm: 500n,
      liquidationFeePpm: 5_000n,
      liquidationSharePpm: 200_000n,
      priceBandPpm: 50_000n,
      orderLotsMax: 1_000_000n,
      positionLotsMax: 700_000n,
      corruptMovePpm: 5_000n,
      fundingIntervalMs: 3_000n,
      fundingSampleMs: 500n,
      fundingCapPpm: 7_001n,
      fundingImpactNotional: 30_000_000_001n,
    },
    {
      id: 1,
      name: "VIX-PERP",
      microUsdPerLotTick: 37n,
      initialMarginPpm: 99_999n,
      maintenanceMarginPpm: 60_001n,
      takerFeePpm: 0n,
      liquidationFeePpm: 10_007n,
      liquidationSharePpm: 333_333n,
      priceBandPpm: 200_000n,
      orderLotsMax: 5_000_000n,
      positionLotsMax: 6_000_000n,
      corruptMovePpm: 0n,
      fundingIntervalMs: 1_203n,
      fundingSampleMs: 401n,
      fundingCapPpm: 30_003n,
      fundingImpactNotional: 999_999n,
    },
  ],
  accounts: [0, 1, 2, 3, 4, 5].map((index) => ({
    account: accountKey(index),
    balance: BigInt(index * index) * 1_000_000_007n,
  })),
  insuranceFund: 300_000_000n,
};

const MARKETS = GENESIS.markets.length;

/** One in `often` is drawn by the second arbitrary. */
function mostly<T>(usual: fc.Arbitrary<T>, often: number, rare: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ arbitrary: usual, weight: often - 1 }, { arbitrary: rare, weight: 1 });
}

const lotsDrawn = fc.oneof(
  { arbitrary: fc.bigInt(1n, 500n), weight: 3 },
  { arbitrary: fc.bigInt(1_000n, 40_000n), weight: 9 },
  { arbitrary: fc.bigInt(30_000n, 400_000n), weight: 9 },
  { arbitrary: fc.constantFrom(0n, 1n, 1_000_001n, 5_000_001n), weight: 1 },
);

const actionDrawn = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("place" as const),
      market: mostly(fc.nat(MARKETS - 1), 40, fc.constant(MARKETS)),
      clientId: fc.nat(30),
      side: fc.constantFrom("buy" as const, "sell" as const),
      lots: lotsDrawn,
      awayPpm: mostly(
        fc.integer({ min: -3_000, max: 3_000 }),
        4,
        fc.integer({ min: -60_000, max: 60_000 }),
      ),
      timeInForce: fc.constantFrom(
        "gtc" as const,
        "gtc" as const,
        "ioc" as const,
        "post-only" as const,
        "fok" as const,
        "gtt" as const,
      ),
      reduceOnly: mostly(fc.constant(false), 4, fc.constant(true)),
      selfTrade: fc.constantFrom(
        "cancel-maker" as const,
        "cancel-taker" as const,
        "cancel-both" as const,
        "decrement" as const,
      ),
      /** After the block; of gtt alone, and now and then of another. */
      lastsMs: fc.integer({ min: -200, max: 4_000 }),
      isEndWrong: mostly(fc.constant(false), 40, fc.constant(true)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cancel-all" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("quote" as const),
      market: mostly(fc.nat(MARKETS - 1), 40, fc.constant(MARKETS)),
      quotes: fc.array(
        fc.record({
          clientId: fc.nat(30),
          side: fc.constantFrom("buy" as const, "sell" as const),
          lots: lotsDrawn,
          awayPpm: fc.integer({ min: -3_000, max: 3_000 }),
        }),
        { maxLength: 4 },
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("cancel" as const),
      market: fc.nat(MARKETS - 1),
      clientId: fc.nat(12),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("withdraw" as const),
      amount: fc.oneof(fc.bigInt(-1n, 20n), fc.bigInt(1n, 300_000_000n)),
    }),
  },
);

export type ActionDrawn = typeof actionDrawn extends fc.Arbitrary<infer T> ? T : never;

/** Of the owners; what the ledger would refuse is left out where the history is executed. */
const actDrawn = fc.record({
  market: fc.nat(MARKETS - 1),
  kind: fc.constantFrom(
    "restrict" as const,
    "schedule" as const,
    "schedule" as const,
    "schedule" as const,
    "cancel" as const,
  ),
  mode: fc.constantFrom("reduce-only" as const, "paused" as const),
  opens: fc.boolean(),
  maintenancePpm: fc.bigInt(15_000n, 110_000n),
  abovePpm: fc.option(fc.bigInt(1n, 60_000n), { nil: undefined }),
  takerFeePpm: fc.option(fc.bigInt(0n, 900n), { nil: undefined }),
  spans: fc.option(fc.constantFrom([0n, 300n], [1_203n, 401n], [2_000n, 500n]), { nil: undefined }),
});

export type ActDrawn = typeof actDrawn extends fc.Arbitrary<infer T> ? T : never;

const reporterDrawn = fc.record({
  reports: mostly(fc.constant(true), 12, fc.constant(false)),
  noisePpm: mostly(
    fc.integer({ min: -800, max: 800 }),
    15,
    fc.integer({ min: -990_000, max: 300_000 }),
  ),
  slotsAway: mostly(fc.constant(0), 6, fc.integer({ min: -4, max: 3 })),
});

const blockDrawn = fc.record({
  elapsedMs: mostly(fc.integer({ min: 1, max: 700 }), 25, fc.integer({ min: 1, max: 9_000 })),
  movesPpm: fc.array(
    mostly(
      fc.integer({ min: -10_000, max: 10_000 }),
      8,
      fc.integer({ min: -120_000, max: 120_000 }),
    ),
    { minLength: MARKETS, maxLength: MARKETS },
  ),
  set: mostly(fc.constant(0), 12, fc.constant(1)),
  outage: mostly(fc.constant(false), 20, fc.constant(true)),
  reporters: fc.array(reporterDrawn, { minLength: 10, maxLength: 10 }),
  deposits: mostly<{ readonly account: number; readonly amount: bigint }[]>(
    fc.constant([]),
    8,
    fc.array(fc.record({ account: fc.nat(7), amount: fc.bigInt(1n, 400_000_000n) }), {
      maxLength: 2,
    }),
  ),
  act: mostly(fc.constant(undefined), 12, actDrawn),
  bundles: fc.array(
    fc.record({
      account: mostly(fc.nat(5), 12, fc.nat(8)),
      actions: fc.array(actionDrawn, { minLength: 1, maxLength: 4 }),
    }),
    { maxLength: 4 },
  ),
});

export type BlockDrawn = typeof blockDrawn extends fc.Arbitrary<infer T> ? T : never;

export function historyDrawn(blocksMax: number): fc.Arbitrary<BlockDrawn[]> {
  // Without fast-check's bias to small values: the engine's edges lie at large positions.
  const block = fc.noBias(blockDrawn);
  return fc.array(block, { minLength: blocksMax >> 1, maxLength: blocksMax, size: "max" });
}

function away(price: bigint, ppm: number): bigint {
  return price + (price * BigInt(ppm)) / 1_000_000n;
}

/** Of corruption, in turn, five blocks each. */
const COSTS = [3_000_000_000n, 5_000_000_000n, 4_999_999_999n, 700_000_000n, 0n, 900_000_001n];

/** Makes blocks of what was drawn: running time and prices. */
export function blocksOf(history: readonly BlockDrawn[]): Block[] {
  let timestampMs = START_MS;
  let clockMs = START_MS;
  let prices: readonly bigint[] = START_PRICES;
  return history.map((drawn, index) => {
    timestampMs += drawn.elapsedMs;
    const creditMs = Math.min(drawn.elapsedMs, CREDIT_MS_MAX);
    clockMs += creditMs;
    prices = prices.map((price, market) => {
      const next = away(price, drawn.movesPpm[market] ?? 0);
      return next < 20n ? 20n : next;
    });
    const members = SETS[drawn.set === 0 ? 0 : 1];
    return {
      timestampMs,
      clockMs,
      creditMs,
      costOfCorruption: COSTS[Math.floor(index / 5) % COSTS.length] ?? 0n,
      members,
      reports: drawn.outage ? [] : reportsOf(drawn, timestampMs, prices),
      deposits: drawn.deposits.map(({ account, amount }) => ({
        account: accountKey(account),
        amount,
      })),
      acts: drawn.act === undefined ? [] : [actOf(drawn.act)],
      bundles: drawn.bundles.map(({ account, actions }) => ({
        account: accountKey(account),
        actions: actions.map((action) => actionOf(action, prices, timestampMs)),
      })),
    };
  });
}

function actOf(drawn: ActDrawn): Act {
  const { market, kind, mode, opens } = drawn;
  if (kind === "cancel") return { market, kind };
  if (kind === "restrict") return { market, kind, mode };
  const { maintenancePpm, abovePpm, takerFeePpm, spans } = drawn;
  const numbers: [string, bigint | undefined][] = [
    ["initialMarginPpm", abovePpm === undefined ? undefined : maintenancePpm + abovePpm],
    ["maintenanceMarginPpm", maintenancePpm],
    ["takerFeePpm", takerFeePpm],
    ["fundingIntervalMs", spans?.[0]],
    ["fundingSampleMs", spans?.[1]],
  ];
  const amounts = numbers.flatMap(([name, value]) => (value === undefined ? [] : { name, value }));
  return { market, kind, opens, amounts };
}

function reportsOf(drawn: BlockDrawn, nowMs: number, prices: readonly bigint[]): Report[] {
  const slot = Math.floor((nowMs - START_MS) / GENESIS.rules.oracleSlotMs);
  return MEMBERS.flatMap(({ key }, index) =>
    prices.flatMap((price, market): Report[] => {
      const reporter = drawn.reporters[index * MARKETS + market];
      if (reporter?.reports !== true) return [];
      const reported = away(price, reporter.noisePpm);
      const at = Math.max(0, slot + reporter.slotsAway);
      return [{ author: key, market, slot: at, price: reported }];
    }),
  );
}

function actionOf(drawn: ActionDrawn, prices: readonly bigint[], nowMs: number): Action {
  if (drawn.kind === "quote") {
    const { kind, market } = drawn;
    const quotes = drawn.quotes.map(({ lots, awayPpm, ...rest }) => {
      return { ...rest, size: lots, price: away(prices[market] ?? 1n, awayPpm) };
    });
    return { kind, market, quotes };
  }
  if (drawn.kind !== "place") return drawn;
  const { lots, awayPpm, lastsMs, isEndWrong, ...rest } = drawn;
  const hasEnd = (rest.timeInForce === "gtt") !== isEndWrong;
  const untilMs = hasEnd ? nowMs + lastsMs : 0;
  return { ...rest, size: lots, price: away(prices[drawn.market] ?? 1n, awayPpm), untilMs };
}
