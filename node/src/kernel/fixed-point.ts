import { assert } from "./assert.ts";

/** Rounds towards minus infinity: credits. */
export function divFloor(numerator: bigint, denominator: bigint): bigint {
  assert(denominator > 0n, `denominator ${denominator}`);
  const quotient = numerator / denominator;
  return numerator < 0n && quotient * denominator !== numerator ? quotient - 1n : quotient;
}

/** Rounds towards plus infinity: requirements and payments. */
export function divCeil(numerator: bigint, denominator: bigint): bigint {
  return -divFloor(-numerator, denominator);
}

export function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}

export function minimum(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

export function maximum(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}

/**
 * Sign of l1/l2 - r1/r2 for positive denominators, by cross-multiplication: no rounding, no tie
 * lost.
 */
export function compareRatios(l1: bigint, l2: bigint, r1: bigint, r2: bigint): number {
  assert(l2 > 0n, `left denominator ${l2}`);
  assert(r2 > 0n, `right denominator ${r2}`);
  const left = l1 * r2;
  const right = r1 * l2;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Parts per million, for rates and ratios. */
export const PPM = 1_000_000n;
