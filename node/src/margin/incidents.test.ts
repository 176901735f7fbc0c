import { describe, expect, test } from "vitest";
import { attack, CAPS_IN_FORCE } from "../../test/margin/attack.ts";
import {
  accounts,
  bundle,
  key,
  MEMBERS,
  place,
  trade,
  USD,
  World,
} from "../../test/margin/world.ts";
import { marginTotals } from "./engine.ts";

/**
 * What went wrong elsewhere, told as blocks. Each test names the incident; the rule that answers it
 * stands in its name.
 */
const PRICE = 100_000n;

describe("incidents of other venues", () => {
  test("rule STALE: a chain comes back with the sources of f+1 late: nobody is liquidated at the old price, nor at the new one before the grace", () => {
    // dYdX, 2025-10-10: eight hours of halt, then liquidations at prices of before it.
    const world = new World({ accounts: accounts({ a: 4_050n, b: 100_000n }) });
    world.block({ prices: [PRICE] });
    trade(world, { long: "a", short: "b", size: 100n, price: PRICE });
    const eightHoursMs = 8 * 3_600_000;
    const early = MEMBERS.slice(0, 2);
    // At 97,000 the account is under maintenance margin; two of four report it, two are silent.
    world.block({ afterMs: eightHoursMs, creditMs: 500 });
    for (let count = 0; count < 20; count += 1) {
      const block = world.blockOf({});
      world.apply({ ...block, reports: world.reports([97_000n], early) });
      expect([...world.eventsOf("liquidation"), ...world.eventsOf("close-out")]).toEqual([]);
    }
    expect(world.state.markets[0]?.oracle).toMatchObject({ price: PRICE, state: "stale" });
    // All four are back: a call at once, and time for a deposit before the ladder goes on.
    world.block({ prices: [97_000n] });
    expect(world.eventsOf("stage")).toMatchObject([{ account: key("a"), to: "called" }]);
    world.block({
      prices: [97_000n],
      deposits: [{ account: key("a"), amount: 5_000n * USD }],
    });
    for (let count = 0; count < 20; count += 1) {
      world.block({ prices: [97_000n] });
      expect(world.eventsOf("liquidation")).toEqual([]);
    }
    expect(world.state.markets[0]?.oracle.state).toBe("fresh");
    expect(world.view("a").stage).toBe("healthy");
  });

  test("rule ORDER: after a gap of 30 % the winner asks for everything first, and gets it last and not all", () => {
    // The profit of the one is money that the other does not have.
    const world = new World({ accounts: accounts({ loser: 4_050n, winner: 10_000n }) });
    world.block({ prices: [PRICE] });
    trade(world, { long: "loser", short: "winner", size: 100n, price: PRICE });
    const all = { kind: "withdraw", amount: 35_000n * USD } as const;
    const own = { kind: "withdraw", amount: 5_000n * USD } as const;
    const bid = place("buy", 100n, 70_000n, { timeInForce: "ioc" });
    world.act([70_000n], bundle("winner", all, bid, own));
    // The ladder came first: what the loser lacks was cut from the winner, and stands as a debt.
    expect(world.eventsOf("deficit")).toMatchObject([
      { account: key("loser"), paidByFund: 50n * USD },
    ]);
    const [deficit] = world.eventsOf("deficit");
    expect(deficit?.cuts).toMatchObject([{ account: key("winner"), amount: deficit?.paidByCut }]);
    const codes = world.outcomes.flat().map(({ code }) => code);
    // Not even its own while the gain is locked; then what the loser could pay, and no more.
    expect(codes).toEqual(["INSUFFICIENT_COLLATERAL", "OK", "INSUFFICIENT_COLLATERAL"]);
    for (let count = 0; count < 70; count += 1) world.block({ prices: [70_000n] });
    const later = world.act([70_000n], bundle("winner", all, own));
    expect(later).toEqual(["INSUFFICIENT_COLLATERAL", "OK"]);
    const { balances, fund, lots } = marginTotals(world.state);
    expect(balances + fund).toBe((14_050n - 5_000n) * USD);
    expect(lots).toEqual([0n]);
  });

  test("rule LADDER: a crash of many accounts at once takes lots of a hedged account pro rata, never all of one", () => {
    // Hyperliquid, 2025-10-10: deleveraging closed whole hedges of market makers, by rank.
    const names = Array.from({ length: 20 }, (_, index) => `p${index}`);
    const poor = Object.fromEntries(names.map((name) => [name, 450n]));
    const makers = { hedger: 1_000_000n, other: 1_000_000n };
    const world = new World({ accounts: accounts({ ...poor, ...makers }), insuranceFund: 0n });
    world.block({ prices: [PRICE] });
    for (const [index, name] of names.entries()) {
      const short = index < 15 ? "hedger" : "other";
      trade(world, { long: name, short, size: 10n, price: PRICE });
    }
    const half = names.slice(0, 10).map((name) => ({ account: key(name), amount: 10_000n * USD }));
    world.block({ prices: [PRICE], deposits: half });
    world.act([80_000n]);
    expect(world.eventsOf("close-out")).toHaveLength(10);
    // 100 of the 200 short lots are closed; each close-out takes three of four from the hedger.
    expect(world.size("hedger")).toBe(-75n);
    expect(world.size("other")).toBe(-25n);
    for (const { against } of world.eventsOf("close-out")) {
      expect(against.map(({ account }) => account)).toEqual([key("hedger"), key("other")]);
    }
  });

  test("rule LADDER: an order that runs ahead of a close-out does not dodge it", () => {
    // Sherlock, GMX #210: who saw the deleveraging come made the position small in time.
    const world = new World({
      accounts: accounts({ a: 4_050n, b: 100_000n, c: 100_000n, d: 100_000n }),
    });
    world.block({ prices: [PRICE] });
    trade(world, { long: "a", short: "b", size: 50n, price: PRICE });
    trade(world, { long: "a", short: "c", size: 50n, price: PRICE });
    world.act([PRICE], bundle("d", place("sell", 100n, 96_000n)));
    const flee = place("buy", 50n, 72_000n, { timeInForce: "ioc" });
    world.act([70_000n], bundle("b", flee));
    // The ladder is before every order of the block that brings the price.
    expect(world.eventsOf("close-out")).toMatchObject([
      {
        against: [
          { account: key("b"), size: 50n },
          { account: key("c"), size: 50n },
        ],
      },
    ]);
  });

  test("rule CAPS: a quorum that prints a price for a friend gains without caps, and loses with them", () => {
    // Mango Markets, October 2022: a price pumped, a paper gain, and everything withdrawn at once.
    const [none, outflow, all] = CAPS_IN_FORCE.map(attack);
    expect(none?.profit).toBeGreaterThan(8_000_000n * USD);
    expect(none?.takenOut).toBeGreaterThan(10_000_000n * USD);
    // A third of four bonds of 1,000,000; half of it counts, half of that leaves.
    const cap = 333_333_333_333n;
    expect(outflow?.takenOut).toBe(cap);
    expect(outflow?.profit).toBeLessThan(0n);
    expect(all?.takenOut).toBe(cap);
    expect(all?.paperGain).toBeLessThanOrEqual(cap + 1n);
  });
});
