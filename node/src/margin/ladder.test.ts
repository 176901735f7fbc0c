import { describe, expect, test } from "vitest";
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
import { marginTotals } from "./engine.ts";
import {
  CLOSE_OUT_AFTER_MISSES,
  CLOSE_OUTS_PER_BLOCK_MAX,
  LIQUIDATIONS_PER_BLOCK_MAX,
} from "./limits.ts";

const PRICE = 100_000n;
/** `a` is long 100 lots (100,000 USD) with an equity of 4,050 USD after the fee of 50. */
function leveraged(balances: Record<string, bigint> = {}, fund = 0n): World {
  const rest = { b: 100_000n, c: 100_000n, ...balances };
  const world = new World({
    accounts: accounts({ a: 4_100n, ...rest }),
    insuranceFund: fund * USD,
  });
  world.block({ prices: [PRICE] });
  trade(world, { long: "a", short: "b", size: 100n, price: PRICE });
  return world;
}

describe("calls", () => {
  test("rule CALL: under initial margin a call with its deadline and numbers", () => {
    const world = leveraged();
    world.block({ prices: [99_000n] });
    expect(world.eventsOf("stage")).toEqual([
      {
        kind: "stage",
        account: key("a"),
        from: "healthy",
        to: "called",
        equity: 3_050n * USD,
        initialMargin: 3_960n * USD,
        maintenanceMargin: 1_980n * USD,
        deadlineMs: world.nowMs + 60_000,
      },
    ]);
    world.block({ prices: [99_000n] });
    expect(world.eventsOf("stage")).toEqual([]);
  });

  test("rule CALL: equity of exactly the initial margin is no call, a tick less is", () => {
    const world = leveraged();
    const gap = world.view("a").equity - world.view("a").initialMargin;
    const withdrawal = { kind: "withdraw", amount: gap } as const;
    expect(world.act([PRICE], bundle("a", withdrawal))).toEqual(["OK"]);
    world.block({ prices: [PRICE] });
    expect(world.view("a")).toMatchObject({ stage: "healthy", equity: 4_000n * USD });
    world.block({ prices: [99_999n] });
    expect(world.view("a")).toMatchObject({ stage: "called", equity: 3_999n * USD });
    world.block({ prices: [PRICE] });
    expect(world.view("a")).toMatchObject({ stage: "healthy", equity: 4_000n * USD });
  });

  test("rule CALL: a missed deadline makes the account reduce-only, not liquidated", () => {
    const world = leveraged();
    world.block({ prices: [99_000n] });
    const { deadlineMs } = world.view("a");
    const open = place("buy", 1n, 95_000n, { timeInForce: "post-only" });
    while (world.nowMs < deadlineMs - 1_000) world.block({ prices: [99_000n] });
    expect(world.view("a").stage).toBe("called");
    world.block({ prices: [99_000n] });
    expect(world.view("a")).toMatchObject({ stage: "reduce-only", deadlineMs: 0 });
    expect(world.size("a")).toBe(100n);
    const codes = world.act([99_000n], bundle("a", open, place("sell", 50n, 99_500n)));
    expect(codes).toEqual(["ACCOUNT_REDUCE_ONLY", "OK"]);
  });

  test("rule CALL: a halt of the chain consumes no call", () => {
    const world = leveraged();
    world.block({ prices: [99_000n] });
    const { deadlineMs } = world.view("a");
    world.block({ prices: [99_000n], afterMs: 600_000, creditMs: 1_000 });
    while (world.clockMs < deadlineMs - 1_000) world.block({ prices: [99_000n] });
    expect(world.eventsOf("stage")).toEqual([]);
    expect(world.view("a")).toMatchObject({ stage: "called", deadlineMs });
    world.block({ prices: [99_000n] });
    expect(world.view("a").stage).toBe("reduce-only");
  });

  test("rule CALL: at initial margin again the call is cleared, from any stage", () => {
    const world = leveraged();
    world.block({ prices: [99_000n] }).block({ prices: [PRICE] });
    expect(world.eventsOf("stage")).toMatchObject([
      { from: "called", to: "healthy", deadlineMs: 0 },
    ]);
    world.block({ prices: [97_900n] });
    expect(world.view("a").stage).toBe("liquidating");
    world.block({ prices: [99_000n] });
    expect(world.view("a").stage).toBe("reduce-only");
    world.block({ prices: [99_000n], deposits: [{ account: key("a"), amount: 5_000n * USD }] });
    expect(world.view("a").stage).toBe("healthy");
  });

  test("rule CALL: under maintenance margin it is liquidated at once, deadline or not", () => {
    const world = leveraged();
    world.act([PRICE], bundle("c", place("buy", 100n, 97_500n)));
    world.block({ prices: [99_000n] });
    expect(world.view("a").stage).toBe("called");
    world.block({ prices: [97_900n] });
    expect(world.eventsOf("stage")).toMatchObject([{ from: "called", to: "liquidating" }]);
    expect(world.eventsOf("liquidation")).toMatchObject([{ size: -25n, filled: 25n }]);
  });

  test("rule CALL: equity of exactly the maintenance margin is not liquidated", () => {
    const world = leveraged();
    // At 98,000: equity 2,050, maintenance 1,960. Take the difference out of the balance by hand.
    const account = world.state.accounts.get(key("a"))!;
    const poorer = { ...account, balance: account.balance - 90n * USD };
    world.state = { ...world.state, accounts: world.state.accounts.with(key("a"), poorer) };
    world.block({ prices: [98_000n] });
    expect(world.view("a")).toMatchObject({
      equity: 1_960n * USD,
      maintenanceMargin: 1_960n * USD,
    });
    expect(world.view("a").stage).toBe("called");
    world.block({ prices: [97_999n] });
    expect(world.view("a").stage).toBe("liquidating");
  });

  test("rule STALE: after a gap there are calls at once, and no liquidation before the grace", () => {
    const world = leveraged();
    world.act([PRICE], bundle("c", place("buy", 100n, 97_000n)));
    world.block({ afterMs: 60_000 });
    world.block({ prices: [97_500n] });
    const resumedAt = world.nowMs;
    expect(world.eventsOf("stage")).toMatchObject([{ account: key("a"), to: "called" }]);
    while (world.nowMs < resumedAt + 9_000) {
      world.block({ prices: [97_500n] });
      expect(world.eventsOf("liquidation")).toEqual([]);
      expect(world.eventsOf("close-out")).toEqual([]);
    }
    world.block({ prices: [97_500n] });
    expect(world.eventsOf("liquidation")).toMatchObject([{ account: key("a"), filled: 25n }]);
  });

  test("rule STALE: no step of the ladder on a stale price, even for a called account", () => {
    const world = leveraged();
    world.block({ prices: [99_000n] });
    world.block({ afterMs: 6_000 });
    for (let step = 0; step < 70; step += 1) {
      world.block();
      expect(world.events).toEqual([]);
    }
    world.block({ deposits: [{ account: key("a"), amount: 5_000n * USD }] });
    expect(world.view("a").stage).toBe("called");
    world.block({ prices: [99_000n] });
    expect(world.state.markets[0]?.oracle.state).toBe("resuming");
    expect(world.eventsOf("stage")).toMatchObject([{ from: "called", to: "healthy" }]);
  });
});

describe("liquidation", () => {
  test("rule LADDER: a capped share at the bankruptcy limit, in the block of the breach", () => {
    const world = leveraged();
    world.act([PRICE], bundle("a", place("sell", 1n, 104_000n)));
    world.act([PRICE], bundle("c", place("buy", 60n, 96_000n)));
    world.block({ prices: [97_900n] });
    // Equity 1,950 over 100 lots: 19.50 USD a lot, 1,950 ticks under the index.
    expect(world.events.map(({ kind }) => kind)).toEqual([
      "index-price",
      "stage",
      "order-cancelled",
      "liquidation",
      "fill",
    ]);
    expect(world.eventsOf("liquidation")).toEqual([
      {
        kind: "liquidation",
        account: key("a"),
        market: 0,
        size: -25n,
        limit: 95_950n,
        filled: 25n,
        // 0.5 % of 25 lots at 960 USD.
        fee: 120n * USD,
      },
    ]);
    expect(world.eventsOf("fill")[0]?.fill).toMatchObject({ takerClientId: undefined, fee: 0n });
    expect(world.size("a")).toBe(75n);
    expect(world.state.markets[0]?.oracle.price).toBe(97_900n);
    expect(world.eventsOf("index-price")).toMatchObject([{ price: 97_900n }]);
  });

  test("rule LADDER: a short is bought back above the index", () => {
    const world = new World({ accounts: accounts({ a: 4_100n, b: 100_000n, c: 100_000n }) });
    world.block({ prices: [PRICE] });
    trade(world, { long: "b", short: "a", size: 100n, price: PRICE });
    world.act([PRICE], bundle("c", place("sell", 60n, 103_000n)));
    world.block({ prices: [102_100n] });
    expect(world.eventsOf("liquidation")).toMatchObject([
      { size: 25n, limit: 104_100n, filled: 25n },
    ]);
    expect(world.size("a")).toBe(-75n);
  });

  test("rule LADDER: the limit stays inside the band", () => {
    const wide = { ...MARKET, maintenanceMarginPpm: 300_000n, initialMarginPpm: 400_000n };
    const world = new World({ markets: [wide], accounts: accounts({ a: 41_000n, b: 100_000n }) });
    world.block({ prices: [PRICE] });
    trade(world, { long: "a", short: "b", size: 100n, price: PRICE });
    world.block({ prices: [80_000n] });
    expect(world.eventsOf("liquidation")).toMatchObject([{ limit: 76_000n }]);
  });

  test("rule LADDER: a position of at most 1,000 USD goes whole", () => {
    const world = new World({ accounts: accounts({ a: 41n, b: 100_000n, c: 100_000n }) });
    world.block({ prices: [PRICE] });
    world.act([PRICE], bundle("a", place("buy", 1n, PRICE, { timeInForce: "post-only" })));
    world.act([PRICE], bundle("b", place("sell", 1n, PRICE)));
    world.block({ prices: [97_800n] });
    expect(world.eventsOf("liquidation")).toMatchObject([{ size: -1n, filled: 0n }]);
  });

  test("rule LADDER: the fee never takes more than the equity that is left", () => {
    const world = new World({
      markets: [{ ...MARKET, liquidationFeePpm: 50_000n, liquidationSharePpm: 1_000_000n }],
      accounts: accounts({ a: 4_100n, b: 100_000n, c: 100_000n }),
    });
    world.block({ prices: [PRICE] });
    trade(world, { long: "a", short: "b", size: 100n, price: PRICE });
    world.act([PRICE], bundle("c", place("buy", 100n, 96_000n)));
    world.block({ prices: [97_900n] });
    expect(world.eventsOf("liquidation")).toMatchObject([{ filled: 100n, fee: 50n * USD }]);
    expect(world.view("a")).toMatchObject({ balance: 0n, positions: [] });
  });

  test("rule LADDER: an empty book is tried again, then a deep breach is closed out solvent", () => {
    const world = leveraged();
    for (let miss = 1; miss <= CLOSE_OUT_AFTER_MISSES; miss += 1) {
      world.block({ prices: [96_500n] });
      expect(world.eventsOf("liquidation")).toMatchObject([{ filled: 0n, fee: 0n }]);
    }
    world.block({ prices: [96_500n] });
    expect(world.eventsOf("close-out")).toEqual([
      {
        kind: "close-out",
        account: key("a"),
        market: 0,
        size: 100n,
        price: 96_500n,
        against: [{ account: key("b"), size: 100n }],
      },
    ]);
    expect(world.eventsOf("deficit")).toEqual([]);
    // 4,050 less 3,500: all of its equity stays its own.
    expect(world.view("a")).toMatchObject({ balance: 550n * USD, positions: [] });
    world.block({ prices: [96_500n] });
    expect(world.view("a").stage).toBe("healthy");
  });

  test("rule LADDER: a shallow breach is never closed out for want of bids", () => {
    const world = leveraged();
    for (let block = 0; block < 30; block += 1) world.block({ prices: [97_500n] });
    expect(world.size("a")).toBe(100n);
    expect(world.view("a").stage).toBe("liquidating");
  });

  test("rule LADDER: an account that an earlier fill of the block helped is left alone", () => {
    const markets = [MARKET, { ...MARKET, id: 1, name: "NDX-PERP" }];
    const world = new World({ markets, accounts: accounts({ a: 4_100n, w: 8_200n, z: 500_000n }) });
    const prices = [PRICE, PRICE];
    world.block({ prices });
    trade(world, { long: "a", short: "z", size: 100n, price: PRICE, prices });
    trade(world, { long: "z", short: "w", size: 100n, price: PRICE, prices });
    const bid = place("buy", 90n, PRICE, { market: 1, timeInForce: "ioc" });
    const offer = place("sell", 90n, PRICE, { market: 1 });
    expect(world.act(prices, bundle("z", offer), bundle("w", bid))).toEqual(["OK", "OK"]);
    // `a` is breached and offers all it holds; then `w` is breached worse and has to buy.
    const reduce = place("sell", 100n, 98_500n, { timeInForce: "post-only" });
    expect(world.act([97_900n, PRICE], bundle("a", reduce))).toEqual(["OK"]);
    expect(world.view("a").stage).toBe("liquidating");
    world.block({ prices: [97_900n, 90_000n] });
    expect(world.eventsOf("liquidation")).toMatchObject([{ account: key("w"), filled: 25n }]);
    expect(world.view("a")).toMatchObject({ orders: [{ size: 75n }], equity: 2_100n * USD });
  });

  test("rule LADDER: whoever waited comes first, so that no breached account starves", () => {
    const count = LIQUIDATIONS_PER_BLOCK_MAX + 40;
    const { world, names } = crowd(count, (index) => 41n + BigInt(index % 3));
    world.block({ prices: [97_600n] });
    const first = new Set(world.eventsOf("liquidation").map(({ account }) => account));
    expect(first.size).toBe(LIQUIDATIONS_PER_BLOCK_MAX);
    const late = names.map(key).filter((account) => !first.has(account));
    expect(late.map((account) => world.state.accounts.get(account)?.waited)).toEqual(
      late.map(() => 1),
    );
    // The worst ratios of equity to maintenance went first.
    const balances = late.map((account) => world.state.accounts.get(account)?.balance);
    expect(balances).toEqual(late.map(() => -957_500_000n));
    world.block({ prices: [97_600n] });
    const served = world.eventsOf("liquidation").map(({ account }) => account);
    expect(served.slice(0, late.length).toSorted()).toEqual(late.toSorted());
  });

  test("rule LADDER: close-outs of a block are bounded, the rest waits in turn", () => {
    const count = CLOSE_OUTS_PER_BLOCK_MAX + 6;
    const { world, names } = crowd(count, () => 41n);
    world.block({ prices: [90_000n] });
    const first = world.eventsOf("close-out").map(({ account }) => account);
    expect(first).toEqual(names.slice(0, CLOSE_OUTS_PER_BLOCK_MAX).map(key));
    const late = names.slice(CLOSE_OUTS_PER_BLOCK_MAX);
    const waited = late.map((name) => world.state.accounts.get(key(name))?.waited);
    expect(waited).toEqual(late.map(() => 1));
    world.block({ prices: [90_000n] });
    expect(world.eventsOf("close-out").map(({ account }) => account)).toEqual(late.map(key));
  });
});

describe("bankruptcy", () => {
  test("rule LADDER: a gap of 30 % that the fund pays", () => {
    const world = leveraged({}, 50_000n);
    const before = marginTotals(world.state);
    world.block({ prices: [70_000n] });
    // 4,050 less 30,000.
    expect(world.eventsOf("deficit")).toEqual([
      {
        kind: "deficit",
        account: key("a"),
        deficit: 25_950n * USD,
        paidByFund: 25_950n * USD,
        paidByCut: 0n,
        cuts: [],
      },
    ]);
    expect(world.view("a")).toMatchObject({ balance: 0n, positions: [], debt: 0n });
    expect(world.view("b").equity).toBe(130_000n * USD);
    const after = marginTotals(world.state);
    expect(after.balances + after.fund).toBe(before.balances + before.fund);
    expect(after.fund).toBe(50_050n * USD - 25_950n * USD);
  });

  test("rule LADDER: a gap that exhausts the fund is cut pro rata and repaid by later fees", () => {
    const world = leveraged({ d: 70_000n }, 10_000n);
    world.block({ prices: [70_000n] });
    const paidByCut = 25_950n * USD - 10_050n * USD;
    const [deficit] = world.eventsOf("deficit");
    expect(deficit).toMatchObject({ paidByFund: 10_050n * USD, paidByCut });
    // Equities of 130,000, 100,000 and 70,000 in 300,000: 13/30, 10/30, 7/30 of 15,900.
    expect(deficit?.cuts).toEqual([
      { account: key("b"), amount: 6_890n * USD },
      { account: key("c"), amount: 5_300n * USD },
      { account: key("d"), amount: 3_710n * USD },
    ]);
    expect(world.state).toMatchObject({ fund: 0n, totalDebt: paidByCut });
    expect(world.view("d")).toMatchObject({ balance: 66_290n * USD, debt: 3_710n * USD });
    trade(world, { long: "c", short: "d", size: 100n, price: 70_000n });
    // The fee of 35 USD goes to the creditors before the fund grows.
    expect(world.state).toMatchObject({ fund: 0n, totalDebt: paidByCut - 35n * USD });
    const repaid = world.eventsOf("debt-repaid").map(({ amount }) => amount);
    expect(repaid.reduce((sum, amount) => sum + amount, 0n)).toBe(35n * USD);
    expect(repaid).toHaveLength(3);
  });

  test("rule LADDER: close-out takes lots pro rata from opposite positions, never from flat accounts", () => {
    const world = new World({
      accounts: accounts({ a: 1_400n, b: 100_000n, c: 100_000n, d: 100_000n, e: 100_000n }),
      insuranceFund: 100_000n * USD,
    });
    world.block({ prices: [PRICE] });
    trade(world, { long: "a", short: "b", size: 10n, price: PRICE });
    trade(world, { long: "a", short: "c", size: 20n, price: PRICE });
    trade(world, { long: "e", short: "c", size: 1n, price: PRICE });
    world.block({ prices: [80_000n] });
    expect(world.eventsOf("close-out")[0]?.against).toEqual([
      // 30 x 10 / 31 = 9.68, 30 x 21 / 31 = 20.32.
      { account: key("b"), size: 10n },
      { account: key("c"), size: 20n },
    ]);
    expect(["a", "b", "c", "d", "e"].map((name) => world.size(name))).toEqual([
      0n,
      0n,
      -1n,
      0n,
      1n,
    ]);
    expect(world.view("d").balance).toBe(100_000n * USD);
  });
});
