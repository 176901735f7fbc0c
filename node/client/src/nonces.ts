/**
 * Where a bundle's nonce comes from. The chain takes each nonce of an account once, within a window
 * of 1,024 below the greatest it has seen; so nonces need to be fresh and to stay close together.
 */
export interface NonceSource {
  next(): number;
}

/** One unit of a time-based nonce: the window of 1,024 then spans 16 s. */
const UNIT_MS = 16;

/**
 * Nonces from the clock: needs no memory between runs. Two programs that sign for one account meet
 * only when both sign within the same 16 ms; the later one is then refused, and signs anew.
 */
export function clockNonces(nowMs: () => number = Date.now): NonceSource {
  let last = 0;
  return {
    next() {
      last = Math.max(last + 1, Math.floor(nowMs() / UNIT_MS));
      return last;
    },
  };
}

/** Counts up from `first`: for a program that alone signs for its account. */
export function countingNonces(first: number): NonceSource {
  let following = first;
  return {
    next() {
      following += 1;
      return following - 1;
    },
  };
}
