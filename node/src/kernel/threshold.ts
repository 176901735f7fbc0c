import { assert } from "./assert.ts";
import type { Power } from "./scalars.ts";

/**
 * Q = floor(2W/3)+1, of the epoch's power. Never "2f+1" by seats: that is right only when n = 3f+1
 * (research/consensus.md, finding 10).
 */
export function quorumPower(total: Power): Power {
  assert(total > 0n, `total power is ${total}`);
  return (2n * total) / 3n + 1n;
}

/** f = W-Q in power: what may fail or lie without stopping or splitting the chain. */
export function faultyPowerMax(total: Power): Power {
  return total - quorumPower(total);
}

/** "f+1" in power: at least one honest member is among these. */
export function honestPowerMin(total: Power): Power {
  return faultyPowerMax(total) + 1n;
}
