import { assert } from "../kernel/assert.ts";
import { compareText } from "../kernel/bytes.ts";
import type { PublicKey } from "../kernel/scalars.ts";

export interface Weighted {
  readonly account: PublicKey;
  /** Above 0. */
  readonly weight: bigint;
}

export interface Part {
  readonly account: PublicKey;
  readonly amount: bigint;
}

/**
 * Splits `amount` pro rata by largest remainder, ties to the lower key. The parts sum to the amount
 * exactly and none exceeds its weight; parts of 0 are left out. Sorted by key.
 */
export function share(amount: bigint, weights: readonly Weighted[]): Part[] {
  if (amount === 0n) return [];
  const total = weights.reduce((sum, { weight }) => sum + weight, 0n);
  assert(amount > 0n && amount <= total, `cannot share ${amount} over a total of ${total}`);
  const parts = weights.map(({ account, weight }) => {
    assert(weight > 0n, `weight ${weight} of ${account}`);
    const product = amount * weight;
    return { account, amount: product / total, remainder: product % total };
  });
  let left = parts.reduce((rest, part) => rest - part.amount, amount);
  parts.sort((one, two) => compareRemainders(one, two) || compareText(one.account, two.account));
  for (const part of parts) {
    if (left === 0n) break;
    part.amount += 1n;
    left -= 1n;
  }
  return parts
    .filter((part) => part.amount > 0n)
    .map((part) => ({ account: part.account, amount: part.amount }))
    .sort((one, two) => compareText(one.account, two.account));
}

/** Largest first. */
function compareRemainders(one: { remainder: bigint }, two: { remainder: bigint }): number {
  if (one.remainder === two.remainder) return 0;
  return one.remainder > two.remainder ? -1 : 1;
}
