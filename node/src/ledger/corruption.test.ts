import fc from "fast-check";
import { expect, test } from "vitest";
import { TestChain } from "../../test/ledger/test-chain.ts";
import { costOfCorruption } from "./corruption.ts";
import { slashDue } from "./slashing.ts";
import type { LedgerState, Seat } from "./state.ts";

const ROTATION = { slashPpm: 50_000n, slashCorrelationMultiplier: 3 };

/** A ledger whose seats have these powers and bonds. */
function ledger(
  seats: readonly { readonly power: bigint; readonly bond: bigint }[],
  rotation: Partial<typeof ROTATION> = {},
): LedgerState {
  const chain = new TestChain({ rotation: { ...ROTATION, ...rotation } });
  const [seat] = chain.state.seats.values();
  if (seat === undefined) throw new Error("a seat");
  const named = seats.map((own, index): [string, Seat] => [String(index), { ...seat, ...own }]);
  return { ...chain.state, seats: new Map(named) };
}

const FOUR = [100n, 100n, 100n, 100n].map((power) => ({ power, bond: power }));

test("rule CAPS: f+1 of the power together lose their bonds; the last is counted in part", () => {
  expect(costOfCorruption(ledger(FOUR))).toBe(134n);
});

test("rule CAPS: those that have least to lose for their power are counted first", () => {
  const slashed = { power: 100n, bond: 10n };
  expect(costOfCorruption(ledger([...FOUR.slice(1), slashed]))).toBe(10n + 34n);
});

test("rule CAPS: only what is slashed counts", () => {
  const mild = { slashPpm: 50_000n, slashCorrelationMultiplier: 0 };
  // 5 of 100, and 34 hundredths of 5.
  expect(costOfCorruption(ledger(FOUR, mild))).toBe(5n + 1n);
  expect(costOfCorruption(ledger(FOUR, { ...mild, slashPpm: 0n }))).toBe(0n);
});

test("rule CAPS: no coalition with f+1 of the power loses less", () => {
  const seat = fc.record({ power: fc.bigInt(1n, 50n), bond: fc.bigInt(0n, 90n) });
  fc.assert(
    fc.property(fc.array(seat, { minLength: 4, maxLength: 7 }), fc.nat(3), (seats, multiplier) => {
      const total = seats.reduce((sum, { power }) => sum + power, 0n);
      if (seats.some(({ power }) => power * 3n >= total)) return;
      const state = ledger(seats, { slashCorrelationMultiplier: multiplier });
      const cost = costOfCorruption(state);
      const quorum = (2n * total) / 3n + 1n;
      const condemned = total - quorum + 1n;
      const terms = { ...ROTATION, slashCorrelationMultiplier: multiplier, condemned, total };
      for (let mask = 0; mask < 2 ** seats.length; mask += 1) {
        const inside = seats.filter((_, index) => (mask >> index) % 2 === 1);
        if (inside.reduce((sum, { power }) => sum + power, 0n) < condemned) continue;
        const loss = inside.reduce((sum, each) => sum + slashDue(each, terms), 0n);
        expect(loss).toBeGreaterThanOrEqual(cost);
      }
    }),
  );
});
