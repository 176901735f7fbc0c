import type { Steps } from "./steps.ts";

/** Items that are placed between two yields: about a millisecond of work. */
export const SORTED_PER_STEP = 1_024;

type Compare<T> = (one: T, two: T) => number;

/**
 * A sorted copy, as `toSorted` makes it, in steps: runs that are sorted at once, then merged in
 * pairs. A million of items at once would hold the event loop for a second.
 */
export function* sortSteps<T extends object>(items: readonly T[], compare: Compare<T>): Steps<T[]> {
  let runs: T[][] = [];
  for (let from = 0; from < items.length; from += SORTED_PER_STEP) {
    runs.push(items.slice(from, from + SORTED_PER_STEP).sort(compare));
    yield;
  }
  while (runs.length > 1) {
    const longer: T[][] = [];
    for (let at = 0; at < runs.length; at += 2) {
      longer.push(yield* merge(runs[at] ?? [], runs[at + 1] ?? [], compare));
    }
    runs = longer;
  }
  return runs[0] ?? [];
}

/** Of equals that of the left run comes first: it stood before the other. */
function* merge<T extends object>(
  left: readonly T[],
  right: readonly T[],
  compare: Compare<T>,
): Steps<T[]> {
  const merged: T[] = [];
  for (let at = 0; ; ) {
    const other = right[merged.length - at];
    const one = left[at];
    const isLeft = other === undefined || (one !== undefined && compare(one, other) <= 0);
    const first = isLeft ? one : other;
    if (first === undefined) return merged;
    if (isLeft) at += 1;
    merged.push(first);
    if (merged.length % SORTED_PER_STEP === 0) yield;
  }
}
