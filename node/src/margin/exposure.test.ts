import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accounts, bundle, MARKET, place, trade, USD, World } from "../../test/margin/world.ts";
import { maximum } from "../kernel/fixed-point.ts";
import { openInterestCap } from "./caps.ts";
import type { MarginAction, MarketParameters, OutcomeBound } from "./types.ts";

const PRICE = 100_000n;
const RICH = 10_000_000n;

function worldOf(names: readonly string[], market: Partial<MarketParameters>): World {
  const balances = Object.fromEntries(names.map((name) => [name, RICH]));
  const markets = [{ ...MARKET, ...market }];
  return new World({ accounts: accounts(balances), markets }).block(BLOCK);
}

/** 40,000 USD of corruption: 10,000 USD may be at risk, which are 100 lots at 10 %. */
const BLOCK = { prices: [PRICE], costOfCorruption: 40_000n * USD };
const CAPPED = { corruptMovePpm: 100_000n };

/** Codes of one bundle per entry, one action each. */
function act(world: World, ...actions: readonly (readonly [string, MarginAction])[]): string[] {
  world.block({ ...BLOCK, bundles: actions.map(([name, action]) => bundle(name, action)) });
  return world.outcomes.flat().map(({ code }) => code);
}

function boundAt(world: World, at: number): OutcomeBound | undefined {
  return world.outcomes.flat()[at]?.bound;
}

describe("the cap on open interest", () => {
  const take = { timeInForce: "ioc" } as const;

  /** Longs of a and shorts of b: all that the cap allows. */
  function full(): World {
    const world = worldOf(["a", "b", "c", "d"], CAPPED);
    const codes = act(
      world,
      ["b", place("sell", 100n, PRICE)],
      ["a", place("buy", 100n, PRICE, take)],
    );
    expect(codes).toEqual(["OK", "OK"]);
    return world;
  }

  test("rule CAPS: an order that opens and takes beyond the cap is refused, with cap and remainder", () => {
    const world = worldOf(["a", "b"], CAPPED);
    const codes = act(
      world,
      ["b", place("sell", 300n, PRICE)],
      ["a", place("buy", 101n, PRICE, take)],
      ["a", place("buy", 60n, PRICE, take)],
      ["a", place("buy", 41n, PRICE, take)],
      ["a", place("buy", 40n, PRICE, take)],
    );
    const capped = "OPEN_INTEREST_CAP_REACHED";
    expect(codes).toEqual(["OK", capped, "OK", capped, "OK"]);
    expect(boundAt(world, 1)).toMatchObject({ cap: 10_000n * USD, remainder: 10_000n * USD });
    expect(boundAt(world, 3)).toMatchObject({ cap: 10_000n * USD, remainder: 4_000n * USD });
  });

  test("rule CAPS: at the cap whoever closes is taken, against orders that open", () => {
    const world = full();
    const codes = act(
      world,
      ["c", place("buy", 100n, PRICE)],
      ["a", place("sell", 100n, PRICE, take)],
      ["d", place("sell", 100n, PRICE)],
      ["b", place("buy", 100n, PRICE, take)],
    );
    expect(codes).toEqual(["OK", "OK", "OK", "OK"]);
    expect([world.size("a"), world.size("b")]).toEqual([0n, 0n]);
    expect([world.size("c"), world.size("d")]).toEqual([100n, -100n]);
  });

  test("rule CAPS: an order that turns a position opens what is beyond 0", () => {
    const world = full();
    const codes = act(
      world,
      ["c", place("buy", 150n, PRICE)],
      ["a", place("sell", 101n, PRICE, take)],
      ["a", place("sell", 100n, PRICE, take)],
    );
    expect(codes).toEqual(["OK", "OPEN_INTEREST_CAP_REACHED", "OK"]);
  });

  test("rule CAPS: a cap that fell, or a price that rose, closes nothing", () => {
    const world = full();
    world.block({ prices: [PRICE], afterMs: 3_600_000, costOfCorruption: 0n });
    for (let count = 0; count < 20; count += 1) world.block({ ...BLOCK, costOfCorruption: 0n });
    const cap = openInterestCap(world.state.caps, world.state.parameters);
    expect(cap).toBeLessThan(10_000n * USD);
    expect(world.state.markets[0]).toMatchObject({ openInterest: 100n });
    expect(act(world, ["c", place("buy", 1n, PRICE)])).toEqual(["OK"]);
    expect(act(world, ["a", place("sell", 1n, PRICE, take)])).toEqual(["OK"]);
  });

  test("rule CAPS: what is at risk in all markets together is capped; a market without a move is free", () => {
    const two = [
      { ...MARKET, ...CAPPED },
      { ...MARKET, ...CAPPED, id: 1 },
      { ...MARKET, corruptMovePpm: 0n, id: 2 },
    ];
    const world = new World({ markets: two, accounts: accounts({ a: RICH, b: RICH }) });
    const prices = [PRICE, PRICE, PRICE];
    world.block({ ...BLOCK, prices });
    const [one, other, free] = [0, 1, 2].map((market) => ({ ...take, market }));
    const bundles = [
      bundle("b", ...[0, 1, 2].map((market) => place("sell", 200n, PRICE, { market }))),
      bundle("a", place("buy", 70n, PRICE, one), place("buy", 31n, PRICE, other)),
      bundle("a", place("buy", 30n, PRICE, other), place("buy", 200n, PRICE, free)),
    ];
    world.block({ ...BLOCK, prices, bundles });
    const codes = world.outcomes.slice(1).map((each) => each.map(({ code }) => code));
    expect(codes).toEqual([
      ["OK", "OPEN_INTEREST_CAP_REACHED"],
      ["OK", "OK"],
    ]);
  });

  test("rule CAPS: orders raise what is at risk to the cap and never above it, and never fail to reduce", () => {
    const names = ["a", "b", "c"];
    const order = fc.record({
      name: fc.constantFrom(...names),
      side: fc.constantFrom("buy" as const, "sell" as const),
      size: fc.bigInt(1n, 70n),
      away: fc.bigInt(-20n, 20n),
      timeInForce: fc.constantFrom("gtc" as const, "ioc" as const, "post-only" as const),
    });
    const run = (orders: readonly (typeof order extends fc.Arbitrary<infer T> ? T : never)[]) => {
      const world = worldOf(names, CAPPED);
      for (const { name, side, size, away, timeInForce } of orders) {
        const before = world.state.markets[0]?.openInterest ?? 0n;
        const held = (side === "buy" ? -1n : 1n) * world.size(name);
        const action = place(side, size, PRICE + away, { timeInForce });
        const [code] = act(world, [name, action]);
        const after = world.state.markets[0]?.openInterest ?? 0n;
        expect(after).toBeLessThanOrEqual(maximum(before, 100n));
        if (held >= size) expect(code).not.toBe("OPEN_INTEREST_CAP_REACHED");
      }
    };
    fc.assert(fc.property(fc.array(order, { minLength: 20, maxLength: 50 }), run), { numRuns: 60 });
  });
});

describe("the position limit", () => {
  const FREE = { corruptMovePpm: 0n };
  const LIMIT = { ...FREE, positionLotsMax: 50n };

  test("position and open orders of one side together stay within the limit, and the refusal tells both", () => {
    const world = worldOf(["a", "b"], LIMIT);
    trade(world, { long: "a", short: "b", size: 20n, price: PRICE });
    const codes = act(
      world,
      ["a", place("buy", 25n, 99_000n)],
      ["a", place("buy", 6n, 99_000n)],
      ["a", place("buy", 5n, 99_000n)],
      ["a", place("sell", 71n, 101_000n)],
      ["a", place("sell", 70n, 101_000n)],
    );
    const limited = "POSITION_LIMIT_REACHED";
    expect(codes).toEqual(["OK", limited, "OK", limited, "OK"]);
    expect(boundAt(world, 1)).toMatchObject({ cap: 50n, remainder: 5n });
    expect(boundAt(world, 3)).toMatchObject({ cap: 50n, remainder: 70n });
  });

  test("what only reduces is never held back, even from beyond the limit", () => {
    const world = worldOf(["a", "b"], FREE);
    trade(world, { long: "a", short: "b", size: 80n, price: PRICE });
    // The limit as it would be if a genesis had had it: no act lowers it today.
    const markets = world.state.markets.map((market) => ({
      ...market,
      parameters: { ...market.parameters, ...LIMIT },
    }));
    world.state = { ...world.state, markets };
    const codes = act(
      world,
      ["a", place("sell", 80n, 101_000n)],
      ["b", place("buy", 80n, 99_000n, { reduceOnly: true })],
      ["a", place("buy", 1n, 99_000n)],
    );
    expect(codes).toEqual(["OK", "OK", "POSITION_LIMIT_REACHED"]);
    expect(boundAt(world, 2)).toMatchObject({ cap: 50n, remainder: 0n });
  });

  test("a quote beyond the limit is refused with its numbers, the others rest", () => {
    const world = worldOf(["a"], LIMIT);
    const quote = { side: "buy", price: 99_000n } as const;
    const quotes = [
      { ...quote, clientId: 1, size: 30n },
      { ...quote, clientId: 2, size: 21n },
      { ...quote, clientId: 3, size: 20n },
    ];
    expect(act(world, ["a", { kind: "quote", market: 0, quotes }])).toEqual([
      "POSITION_LIMIT_REACHED",
    ]);
    expect(world.outcomes[0]?.[0]).toMatchObject({ resting: 50n });
    expect(boundAt(world, 0)).toMatchObject({ cap: 50n, remainder: 20n });
  });
});
