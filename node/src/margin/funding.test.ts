import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { randomFrom } from "../../test/margin/random.ts";
import { RANDOM_MARKETS, RandomBlocks } from "../../test/margin/random-blocks.ts";
import {
  accounts,
  bundle,
  crowd,
  key,
  MARKET,
  place,
  trade,
  USD,
  World,
} from "../../test/margin/world.ts";
import { divFloor } from "../kernel/fixed-point.ts";
import { marginTotals } from "./engine.ts";
import { fundingRate, premiumOf } from "./funding.ts";
import { IMPACT_ORDERS_MAX } from "./limits.ts";
import { OrderBook } from "./order-book.ts";
import type { MarketParameters, Place, Side } from "./types.ts";

const PRICE = 100_000n;
/** A payment every 10 s, by 10 samples; 10 lots are the impact notional at 100,000 ticks. */
const PAYING: MarketParameters = { ...MARKET, fundingIntervalMs: 10_000n };
const RICH = { a: 100_000n, b: 100_000n, maker: 1_000_000n };

/** `a` is long 100 lots, `b` short; the block that ends the first interval comes tenth. */
function paying(more: Partial<MarketParameters> = {}, money: Record<string, bigint> = RICH): World {
  const world = new World({ markets: [{ ...PAYING, ...more }], accounts: accounts(money) });
  world.block({ prices: [PRICE] });
  trade(world, { long: "a", short: "b", size: 100n, price: PRICE });
  return world;
}

function quote(world: World, side: Side, size: bigint, price: bigint, more: Partial<Place> = {}) {
  expect(world.act([PRICE], bundle("maker", place(side, size, price, more)))).toEqual(["OK"]);
}

/** Blocks of a second at the price, until one pays. */
function untilPaid(world: World, price = PRICE): void {
  for (let block = 0; block < 30; block += 1) {
    world.block({ prices: [price] });
    if (world.eventsOf("funding").length > 0) return;
  }
  throw new Error("nothing was paid in 30 blocks");
}

describe("funding", () => {
  test("where the book is above the index longs pay shorts the median of the samples, once an interval", () => {
    const world = paying();
    quote(world, "buy", 10n, 100_400n);
    const before = [world.view("a"), world.view("b")];
    untilPaid(world);
    // 0.4 % of 100 lots of 1,000 USD.
    const paid = 400n * USD;
    expect(world.clockMs).toBe(world.state.genesisTimeMs + 10_000);
    expect(world.eventsOf("funding")).toEqual([
      {
        ...{ kind: "funding", market: 0, interval: 0, rate: 4_000n, price: PRICE, samples: 9 },
        index: 4_000n * PRICE * 10_000n,
      },
    ]);
    expect(world.view("a").equity).toBe(before[0]!.equity - paid);
    expect(world.view("b").equity).toBe(before[1]!.equity + paid);
    // Equity counts it at once; balances move when a position is touched.
    expect(world.view("a").balance).toBe(before[0]!.balance);
    for (let block = 0; block < 9; block += 1) {
      world.block({ prices: [PRICE] });
      expect(world.eventsOf("funding")).toEqual([]);
    }
    world.block({ prices: [PRICE] });
    expect(world.eventsOf("funding")).toMatchObject([{ interval: 1, rate: 4_000n, samples: 10 }]);
    expect(world.view("a").equity).toBe(before[0]!.equity - 2n * paid);
  });

  test("where it is below, shorts pay longs; what a fill touches is settled before it, as an event", () => {
    const world = paying();
    quote(world, "sell", 10n, 99_700n);
    untilPaid(world);
    expect(world.eventsOf("funding")).toMatchObject([{ rate: -3_000n }]);
    const equity = world.view("b").equity;
    const [before] = [world.view("b").balance];
    world.act([PRICE], bundle("b", place("buy", 4n, 99_700n, { timeInForce: "ioc" })));
    const kinds = world.events.map(({ kind }) => kind);
    expect(kinds).toEqual(["funding-payment", "fill"]);
    expect(world.events[0]).toEqual({
      ...{ kind: "funding-payment", account: key("b"), market: 0, size: -100n },
      ...{ amount: -300n * USD, dust: 0n },
    });
    const fee = (4n * 997n * USD * 500n) / 1_000_000n;
    expect(world.view("b").balance).toBe(before - 300n * USD - 4n * 997n * USD - fee);
    expect(world.view("b").equity).toBe(equity + 4n * 3n * USD - fee);
  });

  test("the rate is capped, and a market without an interval has none", () => {
    const world = paying({ fundingCapPpm: 2_500n });
    quote(world, "buy", 10n, 104_000n);
    untilPaid(world);
    expect(world.eventsOf("funding")).toMatchObject([{ rate: 2_500n }]);
    const never = paying({ fundingIntervalMs: 0n });
    quote(never, "buy", 10n, 104_000n);
    expect(() => untilPaid(never)).toThrow("nothing was paid");
    expect(never.state.markets[0]?.funding).toMatchObject({ samples: [], index: 0n });
  });

  test("who holds the book for half of the samples, or fewer, moves nothing", () => {
    for (const [cancelled, rate] of [
      [5, 0n],
      [6, 4_000n],
    ] as const) {
      const world = paying();
      // The quote stands for the samples of blocks 4 to 8, or to 9, out of 10.
      quote(world, "buy", 10n, 100_400n, { clientId: 9 });
      for (let block = 1; block < cancelled; block += 1) world.block({ prices: [PRICE] });
      const cancel = { kind: "cancel", market: 0, clientId: 9 } as const;
      world.act([PRICE], bundle("maker", cancel));
      untilPaid(world);
      expect(world.eventsOf("funding"), `${cancelled}`).toMatchObject([{ rate }]);
    }
  });

  test("the book of the block before counts: what comes and goes in a block makes no sample", () => {
    const world = paying();
    world.act([PRICE], bundle("maker", place("buy", 10n, 104_000n)));
    expect(world.state.markets[0]?.funding.samples.at(-1)).toBe(0n);
    world.block({ prices: [PRICE] });
    expect(world.state.markets[0]?.funding.samples.at(-1)).toBe(40_000n);
  });

  test("rule STALE: no sample and no payment on a price that is not fresh", () => {
    const world = paying();
    quote(world, "buy", 10n, 100_400n);
    world.block({ prices: [PRICE] });
    // The reports stop; what counts grows old, and the interval ends meanwhile.
    for (let block = 0; block < 5; block += 1) world.block({});
    for (let block = 0; block < 6; block += 1) {
      world.block({});
      expect(world.state.markets[0]?.oracle.state).toBe("stale");
      expect(world.eventsOf("funding")).toEqual([]);
    }
    for (let block = 0; block < 10; block += 1) {
      world.block({ prices: [PRICE] });
      expect(world.state.markets[0]?.oracle.state).toBe("resuming");
      expect(world.eventsOf("funding")).toEqual([]);
    }
    expect(world.state.markets[0]?.funding.index).toBe(0n);
    // Of the two intervals that ended, the first is paid, by its own samples.
    untilPaid(world);
    expect(world.state.markets[0]?.oracle.state).toBe("fresh");
    expect(world.eventsOf("funding")).toMatchObject([{ interval: 0, rate: 4_000n }]);
    untilPaid(world);
    expect(world.eventsOf("funding")).toMatchObject([{ interval: 2 }]);
  });

  test("rule STALE: however long a gap is, one interval is paid; a halt is no time at all", () => {
    const world = paying();
    quote(world, "buy", 10n, 100_400n);
    for (let block = 0; block < 5; block += 1) world.block({ prices: [PRICE] });
    world.block({ prices: [PRICE], afterMs: 3_600_000, creditMs: 1_000 });
    expect(world.eventsOf("funding")).toEqual([]);
    untilPaid(world);
    expect(world.eventsOf("funding")).toHaveLength(1);
    const gap = paying();
    quote(gap, "buy", 10n, 100_400n);
    for (let block = 0; block < 6; block += 1) gap.block({ prices: [PRICE] });
    // Ten intervals in one block of the clock: one payment, and the price is not fresh before.
    gap.block({ prices: [PRICE], afterMs: 100_000 });
    untilPaid(gap);
    expect(gap.eventsOf("funding")).toMatchObject([{ interval: 0 }]);
    expect(gap.state.markets[0]?.funding.index).toBe(4_000n * PRICE * 10_000n);
  });

  test("nothing is minted: who can't pay is found by the ladder of the same block", () => {
    const world = paying({}, { ...RICH, a: 4_060n });
    quote(world, "buy", 10n, 104_000n);
    world.block({ prices: [PRICE] });
    // Payments of 1 % of 100,000 USD against 4,010 of equity: margins are 4,000 and 2,000.
    const stages = [3_010n, 2_010n].map((equity) => {
      untilPaid(world);
      expect(world.view("a").equity).toBe(equity * USD);
      return world.view("a").stage;
    });
    expect(stages).toEqual(["called", "called"]);
    untilPaid(world);
    expect(world.eventsOf("stage")).toMatchObject([{ account: key("a"), to: "liquidating" }]);
    expect(world.eventsOf("liquidation")).toHaveLength(1);
  });

  test("rule ORDER: what funding brought is locked like a gain, from the withdrawal that settles it", () => {
    const world = paying();
    quote(world, "buy", 10n, 100_400n);
    untilPaid(world);
    const free = world.view("b").freeCollateral;
    const due = 400n * USD;
    const withdraw = { kind: "withdraw", amount: 1n } as const;
    expect(world.act([PRICE], bundle("b", withdraw))).toEqual(["OK"]);
    expect(world.events.map(({ kind }) => kind)).toEqual(["funding-payment", "withdrawal"]);
    expect(world.eventsOf("funding-payment")).toMatchObject([{ account: key("b"), amount: due }]);
    expect(world.view("b").freeCollateral).toBe(free - 1n);
    const closedAt = world.nowMs;
    quote(world, "buy", 1n, 100_000n);
    while (world.nowMs < closedAt + 67_500) world.block({ prices: [PRICE] });
    const later = world.state.accounts.get(key("b"))!;
    expect(later.locks).toMatchObject([{ amount: due }]);
    expect(world.view("b").freeCollateral).toBeGreaterThan(free);
    // Who pays has no way around it: its free collateral fell when the rate was fixed.
    const payer = world.view("a");
    expect(payer.freeCollateral).toBeLessThanOrEqual(payer.equity - payer.initialMargin);
  });

  test("the worked example of node/spec/margin.md §13", () => {
    const world = paying({}, { ...RICH, a: 4_100n });
    expect(world.view("a").equity).toBe(4_050n * USD);
    const bids = [place("buy", 4n, 100_600n), place("buy", 6n, 100_400n)];
    expect(world.act([PRICE], bundle("maker", ...bids))).toEqual(["OK", "OK"]);
    untilPaid(world);
    expect(world.eventsOf("funding")).toMatchObject([
      { rate: 4_800n, index: 4_800_000_000_000n, samples: 9 },
    ]);
    expect(world.view("a")).toMatchObject({ equity: 3_570n * USD, stage: "called" });
    world.act([PRICE], bundle("a", place("sell", 1n, 100_600n, { timeInForce: "ioc" })));
    expect(world.eventsOf("funding-payment")[0]).toMatchObject({ amount: -480n * USD, dust: 0n });
    expect(world.view("a").balance).toBe((-95_950n - 480n + 1_006n) * USD - 503_000n);
  });

  test("the work of a rate does not grow with those who hold the market", () => {
    const { world, names } = crowd(300, () => 900n, { fundingIntervalMs: 10_000n });
    world.act([PRICE], bundle("z", place("buy", 10n, 100_100n)));
    untilPaid(world);
    untilPaid(world);
    expect(world.eventsOf("funding")).toMatchObject([{ rate: 1_000n }]);
    expect(world.changes.map(({ key: leaf }) => leaf)).toEqual(["funding/0", "market/0"]);
    for (const name of names) expect(world.view(name).equity).toBe(899n * USD - 500_000n);
  });

  test("a refused withdrawal settles nothing", () => {
    const world = paying();
    quote(world, "buy", 10n, 100_400n);
    untilPaid(world);
    const before = world.state.accounts.get(key("b"));
    const all = { kind: "withdraw", amount: 10n ** 15n } as const;
    expect(world.act([PRICE], bundle("b", all))).toEqual(["INSUFFICIENT_COLLATERAL"]);
    expect(world.state.accounts.get(key("b"))).toEqual(before);
  });
});

describe("payments", () => {
  test("sum to 0 to the unit: once all have settled, the pools are empty and the fund has the dust", () => {
    let dusts = 0;
    for (let seed = 201; seed <= 212; seed += 1) {
      const names = ["a", "b", "c", "d", "e", "f"];
      const balances = Object.fromEntries(names.map((name) => [name, 20_000n]));
      const markets = RANDOM_MARKETS.map((each) => ({ ...each, takerFeePpm: 0n }));
      const world = new World({ markets, accounts: accounts(balances) });
      const blocks = new RandomBlocks(randomFrom(seed), names);
      for (let height = 0; height < 80; height += 1) {
        world.apply(blocks.next(world));
        const dust = world.eventsOf("funding-payment").map((event) => event.dust);
        expect(dust.every((each) => each === 0n || each === 1n)).toBe(true);
        dusts += dust.filter((each) => each === 1n).length;
        // What positions have a claim on, exactly: what payers have put in.
        world.state.markets.forEach(({ fundingClaims }, market) => {
          let claims = 0n;
          for (const { positions } of world.state.accounts.values()) {
            const position = positions.find((each) => each.market === market);
            if (position !== undefined) claims += position.size * position.fundingIndex;
          }
          expect(claims).toBe(fundingClaims);
        });
      }
      const { markets: left, accounts: holders } = world.state;
      const open = [...holders.values()].some(({ positions }) => positions.length > 0);
      if (!open) for (const { fundingClaims } of left) expect(fundingClaims).toBe(0n);
    }
    expect(dusts).toBeGreaterThan(20);
  });

  test("who pays rounds up, who is paid rounds down, and a closed market holds nothing back", () => {
    // 0.000001 USD a lot and tick: 3 lots at 1,003 ticks pay fractions of a unit.
    const odd = { microUsdPerLotTick: 1n, fundingCapPpm: 20_000n, fundingImpactNotional: 1n };
    const world = new World({
      markets: [{ ...PAYING, ...odd }],
      accounts: accounts({ a: 1n, b: 1n, c: 1n, maker: 100n }),
    });
    const act = (...bundles: Parameters<World["act"]>[1][]) => world.act([1_003n], ...bundles);
    world.block({ prices: [1_003n] });
    act(bundle("a", place("sell", 3n, 1_003n)), bundle("b", place("buy", 2n, 1_003n)));
    act(bundle("c", place("buy", 1n, 1_003n)), bundle("maker", place("buy", 1n, 1_010n)));
    untilPaid(world, 1_003n);
    const rate = 6_979n;
    expect(world.eventsOf("funding")).toMatchObject([{ rate }]);
    const money = () => {
      const { balances, fund, fundingPools } = marginTotals(world.state);
      return { sum: balances + fund + fundingPools, fund, fundingPools };
    };
    const { sum, fund } = money();
    const cancel = { kind: "cancel-all" } as const;
    act(bundle("maker", cancel), bundle("a", place("buy", 3n, 1_003n)));
    act(bundle("b", place("sell", 2n, 1_003n)), bundle("c", place("sell", 1n, 1_003n)));
    const exact = (lots: bigint): bigint => lots * rate * 1_003n;
    const due = [3n, -2n, -1n].map((lots) => divFloor(exact(lots), 1_000_000n));
    expect(due).toEqual([20n, -14n, -7n]);
    expect(money()).toMatchObject({ sum, fundingPools: 0n });
    // 20 - 14 - 7: one unit of dust, and taker fees of 2 and 1.
    expect(money().fund - fund).toBe(1n + 3n);
  });
});

describe("premium", () => {
  const orders = fc.array(fc.record({ size: fc.bigInt(1n, 40n), price: fc.bigInt(900n, 1_100n) }), {
    maxLength: 8,
  });
  const rules = { ...MARKET, microUsdPerLotTick: 7n, fundingImpactNotional: 300_001n };

  function bookOf(bids: readonly { size: bigint; price: bigint }[], asks: typeof bids): OrderBook {
    const book = new OrderBook();
    let sequence = 0;
    const insert = (side: Side, { size, price }: { size: bigint; price: bigint }) => {
      const terms = {
        account: key("m"),
        market: 0,
        clientId: sequence,
        timeInForce: "gtc",
      } as const;
      book.insert({ ...terms, side, size, price, reduceOnly: false, untilMs: 0, sequence });
      sequence += 1;
    };
    for (const order of bids) insert("buy", order);
    for (const order of asks) insert("sell", order);
    return book;
  }

  /** Average price of the best `lots`, as a fraction of `lots`; undefined if there are not so many. */
  function impact(list: readonly { size: bigint; price: bigint }[], lots: bigint, better: bigint) {
    const prices = list
      .flatMap(({ size, price }) => Array.from({ length: Number(size) }, () => price))
      .sort((one, two) => Number(better * (two - one)))
      .slice(0, Number(lots));
    return BigInt(prices.length) < lots ? undefined : prices.reduce((sum, each) => sum + each, 0n);
  }

  test("is Hyperliquid's (max(impact bid - O, 0) - max(O - impact ask, 0)) / O, in ppm towards 0", () => {
    const book = { price: 1_000n, nowMs: 0 };
    let moved = 0;
    fc.assert(
      fc.property(orders, orders, (bids, asks) => {
        const lots = 43n; // ceil(300,001 / 7,000)
        const fair = lots * 1_000n;
        const bid = impact(bids, lots, 1n) ?? 0n;
        const ask = impact(asks, lots, -1n) ?? 10n ** 12n;
        const over = (bid > fair ? bid - fair : 0n) - (fair > ask ? fair - ask : 0n);
        const ppm = premiumOf(bookOf(bids, asks), rules, book);
        if (ppm !== 0n) moved += 1;
        expect(ppm).toBe((over * 1_000_000n) / fair);
        // A mirrored book gives the opposite, to the unit: longs and shorts are treated alike.
        const mirror = (list: typeof bids) =>
          list.map(({ size, price }) => ({ size, price: 2_000n - price }));
        expect(premiumOf(bookOf(mirror(asks), mirror(bids)), rules, book)).toBe(-ppm);
      }),
      { numRuns: 500 },
    );
    expect(moved).toBeGreaterThan(50);
  });

  test("a quote that is too small, too deep in the book or over has no say", () => {
    const at = { price: 1_000n, nowMs: 10 };
    expect(premiumOf(bookOf([{ size: 42n, price: 1_100n }], []), rules, at)).toBe(0n);
    expect(premiumOf(bookOf([{ size: 43n, price: 1_100n }], []), rules, at)).toBe(100_000n);
    const crumbs = Array.from({ length: IMPACT_ORDERS_MAX }, () => ({ size: 1n, price: 1_100n }));
    const deep = { ...rules, fundingImpactNotional: 7_000n * BigInt(IMPACT_ORDERS_MAX) };
    expect(premiumOf(bookOf(crumbs, []), deep, at)).toBe(100_000n);
    const deeper = { ...deep, fundingImpactNotional: 7_000n * BigInt(IMPACT_ORDERS_MAX + 1) };
    const more = [...crumbs, { size: 1n, price: 1_100n }];
    expect(premiumOf(bookOf(more, []), deeper, at)).toBe(0n);
    const book = new OrderBook();
    const terms = { account: key("m"), market: 0, clientId: 1, timeInForce: "gtt" } as const;
    const order = { ...terms, side: "buy", size: 99n, price: 1_100n, reduceOnly: false } as const;
    book.insert({ ...order, untilMs: 11, sequence: 0 });
    expect(premiumOf(book, rules, at)).toBe(100_000n);
    expect(premiumOf(book, rules, { ...at, nowMs: 11 })).toBe(0n);
  });
});

describe("rate", () => {
  test("is what more than half of all possible samples reach, whatever the others say", () => {
    const sample = fc.bigInt(-50_000n, 50_000n);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.array(sample, { maxLength: 12 }),
        fc.bigInt(0n, 20_000n),
        (possible, given, cap) => {
          const samples = given.slice(0, possible);
          const fundingIntervalMs = BigInt(possible) * 1_000n;
          const rules = { ...PAYING, fundingIntervalMs, fundingCapPpm: cap };
          const rate = fundingRate(samples, rules);
          expect(rate <= cap && rate >= -cap).toBe(true);
          const reach = (bound: bigint): number =>
            samples.filter((each) => (bound > 0n ? each >= bound : each <= bound)).length;
          if (rate !== 0n) expect(2 * reach(rate)).toBeGreaterThan(possible);
          const further = rate > 0n ? rate + 1n : rate - 1n;
          const isCapped = rate === cap || rate === -cap;
          if (!isCapped && rate > 0n) expect(2 * reach(further) <= possible).toBe(true);
          if (!isCapped && rate === 0n) {
            expect(2 * reach(1n) <= possible && 2 * reach(-1n) <= possible).toBe(true);
          }
          expect(
            fundingRate(
              samples.map((each) => -each),
              rules,
            ),
          ).toBe(-rate);
        },
      ),
    );
  });
});
