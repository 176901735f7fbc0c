import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SORTED_PER_STEP, sortSteps } from "./sort-steps.ts";
import { atOnce } from "./steps.ts";

interface Item {
  readonly rank: number;
  readonly at: number;
}

const byRank = (one: Item, two: Item): number => one.rank - two.rank;
const itemsOf = (ranks: readonly number[]): Item[] => ranks.map((rank, at) => ({ rank, at }));

describe("a sort in steps", () => {
  test("is the sort at once: order, equals as they stood, and the list itself untouched", () => {
    const short = fc.integer({ min: 0, max: 40 });
    const long = fc.integer({ min: SORTED_PER_STEP - 2, max: 5 * SORTED_PER_STEP });
    const ranks = fc
      .tuple(fc.oneof(short, long), fc.integer({ min: 1, max: 5_000 }), fc.integer())
      .map(([length, kinds, seed]) =>
        Array.from({ length }, (_, at) => Math.abs(Math.imul(at + 1, seed)) % kinds),
      );
    fc.assert(
      fc.property(ranks, (each) => {
        const items = itemsOf(each);
        const before = items.slice();
        expect(atOnce(sortSteps(items, byRank))).toEqual(items.toSorted(byRank));
        expect(items).toEqual(before);
      }),
      { numRuns: 100 },
    );
  });

  test("no step compares more than a run needs, however long the list is", () => {
    const length = 60 * SORTED_PER_STEP + 7;
    const items = itemsOf(Array.from({ length }, (_, at) => Math.imul(at, 2_654_435_761) >>> 8));
    let compared = 0;
    const counting = (one: Item, two: Item): number => {
      compared += 1;
      return byRank(one, two);
    };
    const steps = sortSteps(items, counting);
    let most = 0;
    for (let isOver = false; !isOver; ) {
      const before = compared;
      isOver = steps.next().done === true;
      most = Math.max(most, compared - before);
    }
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(SORTED_PER_STEP * Math.log2(SORTED_PER_STEP));
  });
});
