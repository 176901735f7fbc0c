import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accounts, bundle, key, PARAMETERS, trade, USD, World } from "../../test/margin/world.ts";
import { maximum } from "../kernel/fixed-point.ts";
import type { MarginParameters } from "../kernel/parameters.ts";
import { GENESIS_CAPS, outflowCap, stepCaps } from "./caps.ts";
import type { MarginAction } from "./types.ts";

const PRICE = 100_000n;
const HOUR_MS = 3_600_000;

function withdraw(usd: bigint): MarginAction {
  return { kind: "withdraw", amount: usd * USD };
}

/** 4,000 USD of corruption: half of it counts, and half of that may leave. */
const COST = { costOfCorruption: 4_000n * USD, prices: [PRICE] };
const CAP = 1_000n * USD;
const SMALL = { withdrawalMinimum: 100n * USD };

/** Accounts of 10,000 USD each, and the caps in force. */
function worldOf(names: readonly string[], more: Partial<MarginParameters> = {}): World {
  const balances = Object.fromEntries(names.map((name) => [name, 10_000n]));
  const world = new World({ accounts: accounts(balances) }, { ...SMALL, ...more });
  return world.block(COST);
}

function codesOf(world: World): readonly string[] {
  return world.outcomes.flat().map(({ code }) => code);
}

describe("the outflow cap", () => {
  test("rule CAPS: a withdrawal above what is left of the cap is refused, with cap, epoch and remainder", () => {
    const world = worldOf(["a", "b"]);
    world.block({ ...COST, bundles: [bundle("a", withdraw(700n)), bundle("b", withdraw(301n))] });
    expect(codesOf(world)).toEqual(["OK", "OUTFLOW_CAP_REACHED"]);
    const epochMs = PARAMETERS.outflowWindowMs / 24;
    const bound = { cap: CAP, epoch: Math.floor(world.clockMs / epochMs), remainder: 300n * USD };
    expect(world.outcomes[1]?.[0]).toMatchObject({ field: "amount", bound });
    expect(world.view("b").balance).toBe(10_000n * USD);
    world.block({ ...COST, bundles: [bundle("b", withdraw(300n))] });
    expect(codesOf(world)).toEqual(["OK"]);
  });

  test("rule CAPS: what left comes back to the cap after the whole window, not before", () => {
    const world = worldOf(["a", "b"], { withdrawalMinimum: 0n });
    world.block({ ...COST, bundles: [bundle("a", withdraw(1_000n))] });
    const day = PARAMETERS.outflowWindowMs;
    const ask = [bundle("b", withdraw(1n))];
    world.block({ ...COST, afterMs: day, bundles: ask });
    expect(codesOf(world)).toEqual(["OUTFLOW_CAP_REACHED"]);
    world.block({ ...COST, afterMs: day / 24, bundles: ask });
    expect(codesOf(world)).toEqual(["OK"]);
  });

  test("rule CAPS: each account keeps its minimum of the window, whatever others took out", () => {
    const world = worldOf(["a", "b"]);
    world.block({ ...COST, bundles: [bundle("a", withdraw(1_000n))] });
    world.block({ ...COST, bundles: [bundle("b", withdraw(60n), withdraw(40n), withdraw(1n))] });
    expect(codesOf(world)).toEqual(["OK", "OK", "OUTFLOW_CAP_REACHED"]);
    expect(world.outcomes[0]?.[2]?.bound).toMatchObject({ cap: CAP, remainder: 0n });
    // Whoever had more than its minimum under the cap has none left.
    world.block({ ...COST, bundles: [bundle("a", withdraw(1n))] });
    expect(codesOf(world)).toEqual(["OUTFLOW_CAP_REACHED"]);
    expect(world.outcomes[0]?.[0]?.bound).toMatchObject({ cap: CAP, remainder: 0n });
    world.block({ ...COST, afterMs: PARAMETERS.outflowWindowMs / 2, bundles: [] });
    world.block({
      ...COST,
      afterMs: PARAMETERS.outflowWindowMs / 2 - 10_000,
      bundles: [bundle("b", withdraw(100n)), bundle("b", withdraw(1n))],
    });
    expect(codesOf(world)).toEqual(["OK", "OUTFLOW_CAP_REACHED"]);
  });

  test("rule CAPS: an account that a deposit opens has its minimum from the next window on", () => {
    const world = worldOf(["a"]);
    world.block({ ...COST, bundles: [bundle("a", withdraw(1_000n))] });
    const deposits = [{ account: key("new"), amount: 100n * USD }];
    world.block({ ...COST, deposits, bundles: [bundle("new", withdraw(1n))] });
    expect(codesOf(world)).toEqual(["OUTFLOW_CAP_REACHED"]);
    const restMs = PARAMETERS.outflowWindowMs - (world.clockMs % PARAMETERS.outflowWindowMs);
    world.block({ ...COST, afterMs: restMs, bundles: [bundle("new", withdraw(100n))] });
    expect(codesOf(world)).toEqual(["OK"]);
  });

  test("rule CAPS: the minimum gives way to rule ORDER", () => {
    const world = new World({ accounts: accounts({ a: 4_100n, b: 100_000n, c: 10n }) }, SMALL);
    world.block({ prices: [PRICE] });
    trade(world, { long: "a", short: "b", size: 100n, price: PRICE });
    world.block({ prices: [PRICE], afterMs: 10_000 });
    // The price is resuming: the breach can be seen and not be closed out.
    world.block({ prices: [90_000n], bundles: [bundle("c", withdraw(1n))] });
    expect(world.view("a").equity).toBeLessThan(0n);
    expect(codesOf(world)).toEqual(["WITHDRAWALS_SHUT"]);
  });

  test("rule CAPS: a stake stays on the chain and takes nothing of the cap", () => {
    const world = worldOf(["a", "b"]);
    const stake = { kind: "stake", owner: key("o"), amount: 5_000n * USD } as const;
    world.block({ ...COST, bundles: [bundle("a", stake), bundle("b", withdraw(1_000n))] });
    expect(codesOf(world)).toEqual(["OK", "OK"]);
  });

  test("rule CAPS: over any window no more leaves than the cap and the minimums, whoever asks for whatever", () => {
    const names = ["a", "b", "c"];
    const step = fc.record({
      afterMs: fc.integer({ min: 1, max: 9_000 }),
      cost: fc.bigInt(0n, 20_000n),
      name: fc.constantFrom(...names),
      usd: fc.bigInt(1n, 900n),
    });
    const windowMs = 20_000;
    const run = (steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[]) => {
      const more = { outflowWindowMs: windowMs, bondLagMs: 5_000, capFallPpm: 900_000_000n };
      const world = worldOf(names, more);
      const taken: { atMs: number; amount: bigint; cap: bigint }[] = [];
      for (const { afterMs, cost, name, usd } of steps) {
        const bundles = [bundle(name, withdraw(usd))];
        world.block({ prices: [PRICE], afterMs, costOfCorruption: cost * USD, bundles });
        const cap = outflowCap(world.state.caps, world.state.parameters);
        for (const { amount } of world.eventsOf("withdrawal")) {
          taken.push({ atMs: world.clockMs, amount, cap });
        }
      }
      for (const { atMs } of taken) {
        const inside = taken.filter((one) => one.atMs <= atMs && one.atMs > atMs - windowMs);
        const out = inside.reduce((sum, { amount }) => sum + amount, 0n);
        const cap = inside.map((one) => one.cap).reduce(maximum, 0n);
        // Any window meets at most two windows of an account's minimum.
        const minimums = 2n * SMALL.withdrawalMinimum * BigInt(names.length);
        expect(out).toBeLessThanOrEqual(cap + minimums);
      }
    };
    fc.assert(fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), run), { numRuns: 150 });
  });
});

describe("the height of the caps", () => {
  const tick = fc.record({
    creditMs: fc.integer({ min: 1, max: 1_200_000 }),
    cost: fc.oneof(fc.constant(0n), fc.bigInt(0n, 50_000_000_000n)),
  });
  const ticks = fc.array(tick, { minLength: 2, maxLength: 80 });

  /** Budget and cost after each block. */
  function follow(drawn: readonly { readonly creditMs: number; readonly cost: bigint }[]) {
    let caps = GENESIS_CAPS;
    let clockMs = 1_000;
    return drawn.map(({ creditMs, cost }) => {
      clockMs += creditMs;
      caps = stepCaps(caps, { clockMs, creditMs, costOfCorruption: cost }, PARAMETERS);
      return { clockMs, cost, budget: caps.budget };
    });
  }

  test("rule CAPS: the caps never fall by more than 10 % in an hour, whatever the bonds do", () => {
    fc.assert(
      fc.property(ticks, (drawn) => {
        const seen = follow(drawn);
        for (const [index, { clockMs, budget }] of seen.entries()) {
          for (const later of seen.slice(index)) {
            if (later.clockMs - clockMs > HOUR_MS) break;
            expect(later.budget * 10n).toBeGreaterThanOrEqual(budget * 9n);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test("rule CAPS: a rise counts only after the lag, and only as far as it lasted through it", () => {
    fc.assert(
      fc.property(ticks, (drawn) => {
        const seen = follow(drawn);
        seen.forEach(({ clockMs, budget }, index) => {
          const before = seen[index - 1];
          if (before === undefined || budget <= before.budget) return;
          const since = clockMs - PARAMETERS.bondLagMs;
          const costs = seen.slice(0, index + 1).filter((one) => one.clockMs > since);
          for (const { cost } of costs) expect(budget * 2n).toBeLessThanOrEqual(cost);
        });
      }),
      { numRuns: 300 },
    );
  });

  test("rule CAPS: they follow the bonds down at their pace, and up after the lag; the haircut counts for nothing", () => {
    const world = worldOf(["a"]);
    const budget = () => world.state.caps.budget;
    expect(budget()).toBe(2_000n * USD);
    expect(outflowCap(world.state.caps, PARAMETERS)).toBe(CAP);
    world.block({ afterMs: HOUR_MS / 2, costOfCorruption: 0n });
    expect(budget()).toBe(1_900n * USD);
    world.block({ afterMs: HOUR_MS / 2, costOfCorruption: 8_000n * USD });
    expect(budget()).toBe(1_805n * USD);
    world.block({ afterMs: HOUR_MS / 2, costOfCorruption: 8_000n * USD });
    expect(budget()).toBeLessThan(1_805n * USD);
    world.block({ afterMs: HOUR_MS / 2, costOfCorruption: 8_000n * USD });
    expect(budget()).toBe(4_000n * USD);
  });

  test("a halt of the chain lowers no cap, and blocks that change nothing write no leaf", () => {
    const world = worldOf(["a"]);
    world.block({ afterMs: 10 * HOUR_MS, creditMs: 0, costOfCorruption: 0n });
    expect(world.state.caps.budget).toBe(2_000n * USD);
    const steady = worldOf(["a"]);
    steady.block(COST);
    expect(steady.changes.filter(({ key: leaf }) => leaf === "caps")).toEqual([]);
  });
});
