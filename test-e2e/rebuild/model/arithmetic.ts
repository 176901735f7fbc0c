/** node/spec/margin.md §1, in the plainest words. */
export const PPM = 1_000_000n;

/** Towards minus infinity; `below` is positive. */
export function floor(above: bigint, below: bigint): bigint {
  const remainder = above % below;
  return (above - (remainder < 0n ? remainder + below : remainder)) / below;
}

/** Towards plus infinity. */
export function ceil(above: bigint, below: bigint): bigint {
  return -floor(-above, below);
}

export function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}

export function sign(value: bigint): bigint {
  if (value === 0n) return 0n;
  return value > 0n ? 1n : -1n;
}

export function min(...values: readonly [bigint, ...bigint[]]): bigint {
  let [least] = values;
  for (const value of values) if (value < least) least = value;
  return least;
}

export function max(...values: readonly [bigint, ...bigint[]]): bigint {
  let [most] = values;
  for (const value of values) if (value > most) most = value;
  return most;
}

export function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}

/** Lower-case hex, all of one length: the order of text is the order of the bytes. */
export function byKey(left: { readonly key: string }, right: { readonly key: string }): number {
  if (left.key === right.key) return 0;
  return left.key < right.key ? -1 : 1;
}

export interface Weight {
  readonly key: string;
  readonly weight: bigint;
}

export interface Share {
  readonly key: string;
  readonly amount: bigint;
}

/** Pro-rata sharing: floors first, then one unit each by largest remainder. By key, none of 0. */
export function share(amount: bigint, weights: readonly Weight[]): Share[] {
  const taking = weights.filter(({ weight }) => weight > 0n).sort(byKey);
  const total = sum(taking.map(({ weight }) => weight));
  if (amount === 0n) return [];
  if (amount < 0n || amount > total) throw new Error(`cannot share ${amount} among ${total}`);
  const parts = taking.map(({ key, weight }) => ({
    key,
    amount: (amount * weight) / total,
    remainder: (amount * weight) % total,
  }));
  let left = amount - sum(parts.map((part) => part.amount));
  // The sort is stable: equal remainders stay in order of key.
  const lucky = [...parts].sort((a, b) => Number(sign(b.remainder - a.remainder)));
  for (const part of lucky) {
    if (left === 0n) break;
    part.amount += 1n;
    left -= 1n;
  }
  return parts
    .filter((part) => part.amount > 0n)
    .map((part) => ({ key: part.key, amount: part.amount }));
}
