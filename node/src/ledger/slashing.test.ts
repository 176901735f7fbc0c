import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { keyOf, TestChain } from "../../test/ledger/test-chain.ts";
import { slashDue } from "./slashing.ts";

const seat = (index: number) => keyOf(`seat${index}`);
const seven = { owners: ["a", "b", "c", "d", "e", "f", "g"] };
const bondOf = (chain: TestChain, key: string) =>
  chain.state.seats.get(key)?.bond ?? chain.state.unbonding.get(key)?.amount;

describe("correlated slashing", () => {
  test("a lone offender loses slashPpm, however large its seat is", () => {
    const chain = new TestChain();
    chain.block({ transactions: [chain.proofAgainst(seat(0))] });
    expect(bondOf(chain, seat(0))).toBe(95n);
    expect(chain.state.slashedPot).toBe(5n);
  });

  test("a later offender raises what the earlier ones within the window lose", () => {
    const chain = new TestChain(seven);
    chain.block({ transactions: [chain.proofAgainst(seat(0))] });
    expect(chain.state.slashedPot).toBe(5n);
    // Two of seven: 5 % + 3 x 2/7 = 90.71 %, rounded up.
    chain.block({ transactions: [chain.proofAgainst(seat(1))] });
    expect([seat(0), seat(1)].map((key) => bondOf(chain, key))).toEqual([9n, 9n]);
    const slashed = chain.events("slashed").map(({ key, amount }) => [key, amount]);
    expect(new Map(slashed as [string, bigint][])).toEqual(
      new Map([
        [seat(0), 86n],
        [seat(1), 91n],
      ]),
    );
    // Three of seven are more than a third: nothing is left to any of them.
    chain.block({ transactions: [chain.proofAgainst(seat(2))] });
    expect([0, 1, 2].map((index) => bondOf(chain, seat(index)))).toEqual([0n, 0n, 0n]);
    expect(chain.state.slashedPot).toBe(300n);
    expect(chain.state.tombstones.get(seat(0))).toMatchObject({ bond: 100n, slashed: 100n });
  });

  test("offenders further apart than the window do not weigh together", () => {
    const chain = new TestChain({ ...seven, rotation: { slashCorrelationMs: 10_000 } });
    chain.block({ transactions: [chain.proofAgainst(seat(0))] });
    chain.run(10_000, { spanMs: 1_000 });
    chain.block({ transactions: [chain.proofAgainst(seat(1))] });
    expect([seat(0), seat(1)].map((key) => bondOf(chain, key))).toEqual([95n, 95n]);
  });

  test("a bond on its way back is slashed further, one that came back is not", () => {
    const release = { unbondingMs: 61_000, slashCorrelationMs: 200_000 };
    for (const [waitMs, left] of [
      [30_000, 9n],
      [62_000, undefined],
    ] as const) {
      const chain = new TestChain({ ...seven, rotation: release });
      chain.addSpare("spare", "b");
      chain.run(20_000, { spanMs: 1_000 });
      chain.block({ signsOfLife: [chain.heartbeat(keyOf("spare"))] });
      chain.block({ transactions: [chain.proofAgainst(seat(0))] });
      expect(chain.state.unbonding.get(seat(0))?.amount).toBe(95n);
      chain.run(waitMs, { spanMs: 1_000 });
      chain.block({ transactions: [chain.proofAgainst(seat(1))] });
      expect(chain.state.unbonding.get(seat(0))?.amount).toBe(left);
      expect(bondOf(chain, seat(1))).toBe(9n);
    }
  });

  test("a spare that never sat weighs nothing against others, and others against it", () => {
    const chain = new TestChain(seven);
    const spare = chain.addSpare("spare", "a", { bond: 400n });
    chain.block({ transactions: [chain.proofAgainst(spare)] });
    expect(bondOf(chain, spare)).toBe(380n);
    // Alone in power: the spare's 400 at stake do not make seat0's fault a conspiracy.
    chain.block({ transactions: [chain.proofAgainst(seat(0))] });
    expect(bondOf(chain, seat(0))).toBe(95n);
    // 5 % + 3 x 1/7 = 47.86 % of 400, rounded up.
    expect(bondOf(chain, spare)).toBe(208n);
  });

  test("what is due is at most the bond, rises with the power condemned, and rounds up", () => {
    const drawn = fc.record({
      bond: fc.bigInt(0n, 10n ** 15n),
      power: fc.bigInt(0n, 10n ** 12n),
      others: fc.bigInt(0n, 10n ** 12n),
      more: fc.bigInt(0n, 10n ** 12n),
      rest: fc.bigInt(1n, 10n ** 13n),
      slashPpm: fc.bigInt(0n, 1_000_000n),
    });
    fc.assert(
      fc.property(drawn, ({ bond, power, others, more, rest, slashPpm }) => {
        const total = power + others + more + rest;
        const terms = { slashPpm, slashCorrelationMultiplier: 3, total };
        const due = (condemned: bigint) => slashDue({ bond, power }, { ...terms, condemned });
        const [one, two] = [due(power + others), due(power + others + more)];
        expect(two).toBeGreaterThanOrEqual(one);
        expect(two).toBeLessThanOrEqual(bond);
        expect(one * 1_000_000n).toBeGreaterThanOrEqual(bond * slashPpm);
        const isThird = others > 0n && (power + others) * 3n >= total;
        if (isThird) expect(one).toBe(bond);
      }),
      { numRuns: 1_000 },
    );
  });
});
