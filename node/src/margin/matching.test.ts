import { beforeEach, describe, expect, test } from "vitest";
import {
  accounts,
  bundle,
  key,
  MARKET,
  place,
  trade,
  USD,
  World,
} from "../../test/margin/world.ts";
import {
  EXPIRIES_PER_BLOCK_MAX,
  OPEN_ORDERS_MAX,
  STEPS_PER_ACCOUNT_MAX,
  STEPS_PER_BLOCK_MAX,
  STEPS_PER_ORDER_MAX,
} from "./limits.ts";
import type { SelfTradeMode } from "./types.ts";

const PRICE = 100_000n;
let world: World;

beforeEach(() => {
  world = new World({
    accounts: accounts({ a: 100_000n, b: 100_000n, c: 100_000n, d: 100_000n, poor: 1_000n }),
  });
  world.block({ prices: [PRICE] });
});

function makers(): string[] {
  return world
    .eventsOf("fill")
    .map(({ fill }) => `${fill.maker.slice(0, 2)}@${fill.price}x${fill.size}`);
}

describe("matching", () => {
  test("a better price trades first, then the older order, at the maker's price", () => {
    world.act(
      [PRICE],
      bundle("a", place("sell", 5n, 100_100n)),
      bundle("b", place("sell", 5n, 100_000n)),
      bundle("c", place("sell", 5n, 100_000n)),
    );
    world.act([PRICE], bundle("d", place("buy", 12n, 100_200n)));
    expect(makers()).toEqual(["62@100000x5", "63@100000x5", "61@100100x2"]);
    world.act([PRICE], bundle("d", place("buy", 4n, 100_200n)));
    expect(makers()).toEqual(["61@100100x3"]);
    expect(world.outcomes[0]?.[0]).toMatchObject({ code: "OK", filled: 3n, resting: 1n });
  });

  test("a partly filled order keeps its place, on the buying side too", () => {
    world.act(
      [PRICE],
      bundle("a", place("buy", 5n, PRICE)),
      bundle("b", place("buy", 5n, PRICE)),
      bundle("c", place("sell", 2n, PRICE)),
    );
    world.act([PRICE], bundle("d", place("sell", 5n, PRICE)));
    expect(makers()).toEqual(["61@100000x3", "62@100000x2"]);
  });

  test("an order meets its owner's own: the resting one is cancelled, the next one trades", () => {
    world.act(
      [PRICE],
      bundle("a", place("sell", 5n, PRICE, { clientId: 900_001 })),
      bundle("b", place("sell", 5n, PRICE)),
    );
    world.act([PRICE], bundle("a", place("buy", 3n, PRICE)));
    expect(world.eventsOf("order-cancelled")).toEqual([
      {
        kind: "order-cancelled",
        account: key("a"),
        market: 0,
        clientId: 900_001,
        size: 5n,
        reason: "self-trade",
      },
    ]);
    expect(makers()).toEqual(["62@100000x3"]);
    expect(world.view("a").orders).toEqual([]);
  });

  test("the taker pays the fee to the fund, rounded up; the maker pays nothing", () => {
    world.act([PRICE], bundle("a", place("sell", 3n, 99_999n)));
    world.act([PRICE], bundle("b", place("buy", 3n, 99_999n)));
    // 3 lots x 99,999 ticks x 10,000 = 2,999,970,000; 500 ppm of it, exactly 1,499,985.
    expect(world.eventsOf("fill")[0]?.fill.fee).toBe(1_499_985n);
    expect(world.state.fund).toBe(1_499_985n);
    expect(world.view("a").balance).toBe(100_000n * USD + 2_999_970_000n);
    expect(world.view("b").balance).toBe(100_000n * USD - 2_999_970_000n - 1_499_985n);
  });

  test("the fills of one order together pay one rounding of the fee, as the margin check did", () => {
    const tiny = { ...MARKET, microUsdPerLotTick: 1n };
    world = new World({ markets: [tiny], accounts: accounts({ a: 10n, b: 10n }) });
    world.block({ prices: [1_000n] });
    const ten = Array.from({ length: 10 }, () => place("sell", 1n, 1_000n));
    const buy = place("buy", 10n, 1_000n, { timeInForce: "ioc" });
    world.act([1_000n], bundle("a", ...ten), bundle("b", buy));
    const fees = world.eventsOf("fill").map(({ fill }) => fill.fee);
    // 0.05 % of 10,000 micro-USD is 5; each fill rounded up by itself would cost 10.
    expect(fees).toEqual([1n, 0n, 1n, 0n, 1n, 0n, 1n, 0n, 1n, 0n]);
    expect(world.view("b").equity).toBe(10n * USD - 5n);
  });

  test("immediate-or-cancel lapses, post-only never takes", () => {
    world.act([PRICE], bundle("a", place("sell", 3n, PRICE)));
    const ioc = place("buy", 5n, PRICE, { timeInForce: "ioc" });
    world.act([PRICE], bundle("b", ioc));
    expect(world.outcomes[0]?.[0]).toMatchObject({ filled: 3n, resting: 0n });
    world.act([PRICE], bundle("a", place("sell", 3n, PRICE)));
    const post = place("buy", 5n, PRICE, { timeInForce: "post-only" });
    const below = place("buy", 5n, 99_999n, { timeInForce: "post-only" });
    expect(world.act([PRICE], bundle("b", post, below))).toEqual(["POST_ONLY_WOULD_TAKE", "OK"]);
  });

  test("reduce-only is cut to the position and cannot turn it", () => {
    const none = place("sell", 1n, PRICE, { reduceOnly: true });
    expect(world.act([PRICE], bundle("a", none))).toEqual(["NOTHING_TO_REDUCE"]);
    trade(world, { long: "a", short: "b", size: 5n, price: PRICE });
    const sell = place("sell", 9n, 100_010n, { reduceOnly: true });
    world.act([PRICE], bundle("a", sell));
    expect(world.outcomes[0]?.[0]).toMatchObject({ filled: 0n, resting: 5n });
    trade(world, { long: "c", short: "a", size: 3n, price: PRICE });
    world.act([PRICE], bundle("d", place("buy", 9n, 100_010n)));
    expect(world.size("a")).toBe(0n);
    expect(world.size("d")).toBe(2n);
    expect(world.eventsOf("order-cancelled")).toMatchObject([{ reason: "nothing-to-reduce" }]);
  });

  test("a maker that no longer carries the margin is passed over and cancelled", () => {
    world.act([PRICE], bundle("poor", place("buy", 20n, PRICE)));
    world.act([95_500n], bundle("a", place("sell", 20n, 99_000n)));
    expect(world.eventsOf("order-cancelled")).toMatchObject([
      { account: key("poor"), reason: "margin" },
    ]);
    expect(world.size("poor")).toBe(0n);
  });
});

describe("self-trade", () => {
  /** `a` sells 5 in front of `b`'s 5, and buys 7 of its own. */
  function meet(selfTrade: SelfTradeMode): readonly unknown[] {
    const own = place("sell", 5n, PRICE, { clientId: 9 });
    world.act([PRICE], bundle("a", own), bundle("b", place("sell", 5n, PRICE)));
    world.act([PRICE], bundle("a", place("buy", 7n, PRICE, { selfTrade, clientId: 10 })));
    const open = world.view("a").orders.map(({ clientId, size }) => `${clientId}x${size}`);
    const gone = world.eventsOf("order-cancelled").map(({ size }) => size);
    return [makers(), gone, open, world.outcomes[0]?.[0]?.resting];
  }

  test("cancel-maker: the resting order goes, the new one trades on", () => {
    expect(meet("cancel-maker")).toEqual([["62@100000x5"], [5n], ["10x2"], 2n]);
  });

  test("cancel-taker: the new one lapses, the resting order stays", () => {
    expect(meet("cancel-taker")).toEqual([[], [], ["9x5"], 0n]);
  });

  test("cancel-both: both go", () => {
    expect(meet("cancel-both")).toEqual([[], [5n], [], 0n]);
  });

  test("decrement: both shrink by the smaller size, without a trade", () => {
    expect(meet("decrement")).toEqual([["62@100000x2"], [5n], [], 0n]);
    const own = place("sell", 5n, 100_010n, { clientId: 11 });
    world.act([PRICE], bundle("a", own));
    world.act([PRICE], bundle("b", place("buy", 3n, PRICE)));
    const small = place("buy", 2n, 100_010n, { selfTrade: "decrement" });
    world.act([PRICE], bundle("a", small));
    expect(world.eventsOf("order-cancelled")).toMatchObject([{ clientId: 11, size: 2n }]);
    expect(world.view("a").orders).toMatchObject([{ clientId: 11, size: 3n }]);
  });
});

describe("fill or kill", () => {
  const fok = (size: bigint, price: bigint) => place("buy", size, price, { timeInForce: "fok" });

  test("fills whole, over several orders and prices", () => {
    world.act(
      [PRICE],
      bundle("a", place("sell", 5n, PRICE)),
      bundle("b", place("sell", 5n, PRICE + 10n)),
    );
    world.act([PRICE], bundle("c", fok(8n, PRICE + 10n)));
    expect(makers()).toEqual(["61@100000x5", "62@100010x3"]);
    expect(world.outcomes[0]?.[0]).toMatchObject({ code: "OK", filled: 8n, resting: 0n });
  });

  test("or changes nothing at all, an order that could not give its lots included", () => {
    world.act([PRICE], bundle("poor", place("sell", 20n, PRICE)));
    world.act([104_000n], bundle("a", place("sell", 5n, 104_000n)));
    const before = world.state.markets[0]?.book.best("sell");
    expect(world.act([104_000n], bundle("c", fok(21n, 104_000n)))).toEqual(["WOULD_NOT_FILL"]);
    expect(world.events.map(({ kind }) => kind)).toEqual([]);
    expect(world.state.markets[0]?.book.best("sell")).toEqual(before);
    const ioc = place("buy", 21n, 104_000n, { timeInForce: "ioc" });
    expect(world.act([104_000n], bundle("c", ioc))).toEqual(["OK"]);
    expect(world.eventsOf("order-cancelled")).toMatchObject([{ reason: "margin" }]);
    expect(makers()).toEqual(["61@104000x5"]);
  });

  test("counts what its own fills do to a maker with two orders", () => {
    world.block({ deposits: [{ account: key("thin"), amount: 500n * USD }] });
    const offers = [place("sell", 10n, PRICE), place("sell", 10n, PRICE)];
    // Each of the two is carried by 500 USD, both together are not.
    expect(world.act([PRICE], bundle("thin", offers[0]!))).toEqual(["OK"]);
    world.block({ prices: [PRICE], deposits: [{ account: key("thin"), amount: 500n * USD }] });
    expect(world.act([PRICE], bundle("thin", offers[1]!))).toEqual(["OK"]);
    world.act([PRICE], bundle("thin", { kind: "withdraw", amount: 1n }));
    world.act([102_000n], bundle("c", fok(20n, PRICE)));
    const codes = world.outcomes.flat().map(({ code }) => code);
    expect(codes).toEqual(["WOULD_NOT_FILL"]);
  });
});

describe("orders with an end", () => {
  const until = (price: bigint, afterMs: number) =>
    place("sell", 5n, price, { timeInForce: "gtt", untilMs: world.nowMs + afterMs });

  test("leave the book at their time, by time and not by age", () => {
    const early = { ...until(PRICE, 2_000), clientId: 701 };
    const late = { ...until(PRICE, 3_000), clientId: 700 };
    world.act([PRICE], bundle("a", late, early));
    world.block({ prices: [PRICE] });
    expect(world.eventsOf("order-cancelled")).toMatchObject([{ clientId: 701, reason: "expired" }]);
    world.block({ prices: [PRICE] });
    expect(world.eventsOf("order-cancelled")).toMatchObject([{ clientId: 700, reason: "expired" }]);
    expect(world.state.expiring).toEqual([]);
  });

  test("are refused where the time is over, or where only gtt has one", () => {
    const wrong = place("sell", 5n, PRICE, { untilMs: world.nowMs + 5_000 });
    world.act([PRICE], bundle("a", until(PRICE, 1_000), wrong, until(PRICE, 1_001)));
    const codes = world.outcomes.flat().map(({ code }) => code);
    expect(codes).toEqual(["TIME_OUT_OF_RANGE", "TIME_OUT_OF_RANGE", "OK"]);
  });

  test("a block takes out a bounded number; the others trade no more", () => {
    const names = Array.from({ length: 5 }, (_, index) => `q${index}`);
    const rich = Object.fromEntries(names.map((name) => [name, 10_000_000n]));
    const count = Math.ceil((EXPIRIES_PER_BLOCK_MAX + 2) / names.length);
    /** Orders that leave in the block in which all are over, where somebody bids `limit`. */
    const leaving = (limit: bigint): number => {
      world = new World({ accounts: accounts({ ...rich, c: 100_000n }) });
      world.block({ prices: [PRICE] });
      const many = names.map((name) =>
        bundle(name, ...Array.from({ length: count }, () => until(PRICE, 2_000))),
      );
      world.act([PRICE], ...many);
      world.act([PRICE], bundle("c", place("buy", 5n, limit, { timeInForce: "ioc" })));
      expect(makers()).toEqual([]);
      const gone = world.eventsOf("order-cancelled");
      expect(new Set(gone.map(({ reason }) => reason))).toEqual(new Set(["expired"]));
      return gone.length;
    };
    expect(leaving(PRICE - 1n)).toBe(EXPIRIES_PER_BLOCK_MAX);
    expect(leaving(PRICE)).toBe(count * names.length);
  });
});

describe("many orders at once", () => {
  test("cancel-all empties the book of the account, before every order of the block", () => {
    world.act([PRICE], bundle("a", place("sell", 5n, PRICE), place("buy", 5n, 99_000n)));
    world.act(
      [PRICE],
      bundle("b", place("buy", 5n, PRICE)),
      bundle("a", { kind: "cancel-all" }),
      bundle("nobody", { kind: "cancel-all" }),
    );
    const codes = world.outcomes.flat().map(({ code }) => code);
    expect(codes).toEqual(["OK", "OK", "UNKNOWN_ACCOUNT"]);
    expect([makers(), world.view("a").orders]).toEqual([[], []]);
  });

  test("a mass quote stands in for what the account had in the market", () => {
    const quote = (clientId: number, side: "buy" | "sell", price: bigint) => {
      return { clientId, side, price, size: 5n };
    };
    const first = [quote(1, "buy", 99_990n), quote(2, "sell", 100_010n)];
    world.act([PRICE], bundle("a", { kind: "quote", market: 0, quotes: first }));
    expect(world.outcomes[0]?.[0]).toMatchObject({ code: "OK", resting: 10n });
    // A taker of the same block, in front of it, meets the new quotes, not the old ones.
    const next = [quote(1, "buy", 99_980n), quote(2, "sell", 100_000n), quote(2, "sell", 1n)];
    world.act(
      [PRICE],
      bundle("b", place("buy", 5n, 100_010n)),
      bundle("a", { kind: "quote", market: 0, quotes: next }),
    );
    expect(world.outcomes[1]?.[0]).toMatchObject({ code: "POST_ONLY_WOULD_TAKE", resting: 5n });
    expect(makers()).toEqual([]);
    expect(world.view("a").orders).toMatchObject([{ clientId: 1, price: 99_980n }]);
    const outcomes = [
      world.act([PRICE], bundle("a", { kind: "quote", market: 9, quotes: [] })),
      world.act([PRICE], bundle("no", { kind: "quote", market: 0, quotes: [] })),
      world.act([PRICE], bundle("a", { kind: "quote", market: 0, quotes: [] })),
    ];
    expect(outcomes.flat()).toEqual(["UNKNOWN_MARKET", "UNKNOWN_ACCOUNT", "OK"]);
    expect(world.view("a").orders).toEqual([]);
  });
});

describe("bounded work", () => {
  /** Offers of one lot each, by as many accounts as they need. */
  function offers(count: number): void {
    const names = Array.from({ length: Math.ceil(count / OPEN_ORDERS_MAX) }, (_, i) => `q${i}`);
    const rich = Object.fromEntries(names.map((name) => [name, 100_000_000n]));
    const buyers = { c: 1_000_000_000n, d: 1_000_000_000n };
    world = new World({ accounts: accounts({ ...rich, ...buyers }) });
    world.block({ prices: [PRICE] });
    names.forEach((name, index) => {
      const left = Math.min(OPEN_ORDERS_MAX, count - index * OPEN_ORDERS_MAX);
      const list = Array.from({ length: left }, () => place("sell", 1n, PRICE));
      world.act([PRICE], bundle(name, ...list));
    });
  }

  test("an order meets a bounded number of orders; what is left lapses", () => {
    offers(STEPS_PER_ORDER_MAX + 2);
    world.act([PRICE], bundle("c", place("buy", 2_000n, PRICE)));
    const filled = BigInt(STEPS_PER_ORDER_MAX);
    expect(world.outcomes[0]?.[0]).toMatchObject({ code: "OK", filled, resting: 0n });
    world.act([PRICE], bundle("c", place("buy", 3n, PRICE)));
    expect(world.outcomes[0]?.[0]).toMatchObject({ code: "OK", filled: 2n, resting: 1n });
  });

  const vain = () => place("buy", 2_000n, PRICE, { timeInForce: "fok" });

  test("an account's orders take a bounded share of a block, others go on", () => {
    offers(STEPS_PER_ORDER_MAX);
    const share = Array.from({ length: STEPS_PER_ACCOUNT_MAX / STEPS_PER_ORDER_MAX + 1 }, vain);
    world.act([PRICE], bundle("c", ...share), bundle("d", place("buy", 1n, PRICE)));
    const codes = world.outcomes.flat().map(({ code }) => code);
    expect(codes.slice(-3)).toEqual(["WOULD_NOT_FILL", "BLOCK_SHARE_SPENT", "OK"]);
    expect(world.act([PRICE], bundle("c", place("buy", 1n, PRICE)))).toEqual(["OK"]);
  });

  test("a block refuses orders when its work is done, and cancels go on", () => {
    offers(STEPS_PER_ORDER_MAX);
    const count = STEPS_PER_BLOCK_MAX / STEPS_PER_ACCOUNT_MAX;
    const many = Array.from({ length: count }, (_, index) => `w${String(index).padStart(2, "0")}`);
    const amount = 1_000_000_000n * USD;
    const deposits = many.map((name) => ({ account: key(name), amount }));
    const share = Array.from({ length: STEPS_PER_ACCOUNT_MAX / STEPS_PER_ORDER_MAX }, vain);
    const late = place("buy", 1n, PRICE);
    const bundles = many.map((name) => bundle(name, ...share));
    bundles.push(bundle("d", late, { kind: "cancel-all" }));
    world.block({ prices: [PRICE], deposits, bundles });
    const codes = world.outcomes.flat().map(({ code }) => code);
    expect(codes.slice(-3)).toEqual(["WOULD_NOT_FILL", "BLOCK_FULL", "OK"]);
    expect(world.act([PRICE], bundle("d", late))).toEqual(["OK"]);
  });
});

describe("refusals", () => {
  test("each names its field and says what to do", () => {
    const wrong = [
      [place("buy", 1n, PRICE, { market: 1 }), "UNKNOWN_MARKET", "market"],
      [place("buy", 0n, PRICE), "SIZE_OUT_OF_RANGE", "size"],
      [place("buy", 100_001n, PRICE), "SIZE_OUT_OF_RANGE", "size"],
      [place("buy", 1n, 0n), "PRICE_OUT_OF_RANGE", "price"],
      [place("buy", 1n, 105_001n), "PRICE_OUT_OF_BAND", "price"],
      [place("sell", 1n, 94_999n), "PRICE_OUT_OF_BAND", "price"],
      [place("buy", 100_000n, PRICE), "INSUFFICIENT_MARGIN", "size"],
      [{ kind: "cancel", market: 0, clientId: 1 }, "ORDER_NOT_FOUND", "clientId"],
      [{ kind: "cancel", market: 7, clientId: 1 }, "UNKNOWN_MARKET", "market"],
      [{ kind: "withdraw", amount: 0n }, "AMOUNT_OUT_OF_RANGE", "amount"],
      [{ kind: "withdraw", amount: 100_001n * USD }, "INSUFFICIENT_COLLATERAL", "amount"],
    ] as const;
    world.block({ prices: [PRICE], bundles: [bundle("a", ...wrong.map(([action]) => action))] });
    const got = world.outcomes[0]?.map(({ code, field }) => [code, field]);
    expect(got).toEqual(wrong.map(([, code, field]) => [code, field]));
    expect(world.outcomes[0]?.every(({ fix }) => fix.length > 10)).toBe(true);
    expect(world.act([PRICE], bundle("nobody", place("buy", 1n, PRICE)))).toEqual([
      "UNKNOWN_ACCOUNT",
    ]);
  });

  test("the edges of the band are inside it", () => {
    const actions = [place("buy", 1n, 105_000n), place("sell", 1n, 105_000n)];
    expect(world.act([PRICE], bundle("a", ...actions))).toEqual(["OK", "OK"]);
    expect(world.act([PRICE], bundle("a", place("buy", 1n, 95_000n)))).toEqual(["OK"]);
  });

  test("a client id is unique among the account's open orders", () => {
    const first = place("buy", 1n, 99_000n, { clientId: 3 });
    const again = place("buy", 2n, 99_000n, { clientId: 3 });
    const cancel = { kind: "cancel", market: 0, clientId: 3 } as const;
    expect(world.act([PRICE], bundle("a", first, again))).toEqual(["OK", "DUPLICATE_CLIENT_ID"]);
    expect(world.act([PRICE], bundle("b", first))).toEqual(["OK"]);
    expect(world.act([PRICE], bundle("a", cancel, again))).toEqual(["OK", "OK"]);
    expect(world.view("a").orders).toMatchObject([{ clientId: 3, size: 2n }]);
  });

  test("open orders per account are bounded", () => {
    const orders = Array.from({ length: OPEN_ORDERS_MAX + 1 }, () => place("buy", 1n, 96_000n));
    const codes = world.act(
      [PRICE],
      bundle("a", ...orders, place("buy", 1n, PRICE, { timeInForce: "ioc" })),
    );
    expect(codes.filter((code) => code === "OK")).toHaveLength(OPEN_ORDERS_MAX + 1);
    expect(codes[OPEN_ORDERS_MAX]).toBe("TOO_MANY_ORDERS");
  });
});

describe("initial margin before a trade", () => {
  test("open orders count: the worse side of all of them, at 25 times and not a lot more", () => {
    // 1,000 USD carry 25 lots of 1,000 USD at 4 %; a taker needs the fee on top.
    expect(world.act([PRICE], bundle("poor", place("buy", 25n, PRICE)))).toEqual([
      "INSUFFICIENT_MARGIN",
    ]);
    const post = { timeInForce: "post-only" } as const;
    const buys = [place("buy", 20n, PRICE, post), place("buy", 5n, PRICE, post)];
    const sells = [place("sell", 25n, 100_001n, post), place("sell", 1n, 100_001n, post)];
    const more = place("buy", 1n, PRICE, post);
    expect(world.act([PRICE], bundle("poor", ...buys, ...sells, more))).toEqual([
      "OK",
      "OK",
      "OK",
      "INSUFFICIENT_MARGIN",
      "INSUFFICIENT_MARGIN",
    ]);
  });

  test("what an order loses against the index counts at once", () => {
    // 10 lots at 104,000 lose 400 USD at once and need 400 USD of margin: 800 and a fee of 5.20.
    expect(world.act([PRICE], bundle("poor", place("buy", 13n, 104_000n)))).toEqual([
      "INSUFFICIENT_MARGIN",
    ]);
    expect(world.act([PRICE], bundle("poor", place("buy", 12n, 104_000n)))).toEqual(["OK"]);
  });

  test("requirements are rounded up: one micro-USD decides", () => {
    // A lot at 100,003 ticks: 1,000,030,000; initial margin 4 % of it is 40,001,200 exactly, and at
    // a step of 3 micro-USD per lot and tick 300,009 x 4 % = 12,000.36, so 12,001.
    const odd = { ...world.state.markets[0]!.parameters, microUsdPerLotTick: 3n, takerFeePpm: 0n };
    for (const [balance, code] of [
      [12_000n, "INSUFFICIENT_MARGIN"],
      [12_001n, "OK"],
    ] as const) {
      const small = new World({ markets: [odd], accounts: [{ account: key("a"), balance }] });
      small.block({ prices: [100_003n] });
      expect(small.act([100_003n], bundle("a", place("buy", 1n, 100_003n)))).toEqual([code]);
    }
  });

  test("a reducing order that worsens equity over maintenance is refused", () => {
    trade(world, { long: "poor", short: "a", size: 20n, price: PRICE });
    world.act([PRICE], bundle("a", place("buy", 20n, 95_000n)));
    // Equity is 490 at 97,500, below the initial margin of 780.
    const cheap = place("sell", 20n, 94_000n, { timeInForce: "ioc" });
    const fair = place("sell", 20n, 97_500n, { timeInForce: "ioc" });
    expect(world.act([97_500n], bundle("poor", cheap, fair))).toEqual([
      "INSUFFICIENT_MARGIN",
      "OK",
    ]);
  });
});
