import type { ConsensusParameters } from "../kernel/parameters.ts";
import type { Millis } from "../kernel/scalars.ts";

export const ROUND_TIMES_MAX = 256;
/** A first failure says nothing about the network: two timers run at base before growth starts. */
const FAILURES_AT_BASE = 2;
const GROWTH = 1.5;
const GROWTH_STEPS_MAX = 8;

function percentile99(times: readonly Millis[]): Millis {
  const sorted = times.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? 0;
}

/**
 * T = pace + clamp(4 x p99(proposal to certificate), min, max), times 1.5 for each failed round
 * since the last commit after the first two (rule PACE, R8). Growth must exist, or a network slower
 * than the estimate never commits.
 */
export function roundTimeoutMs(
  parameters: ConsensusParameters,
  roundTimes: readonly Millis[],
  failures: number,
): Millis {
  const { roundTimeoutMsMin, roundTimeoutMsMax, emptyBlockPaceMs } = parameters;
  const adaptive = Math.max(4 * percentile99(roundTimes), roundTimeoutMsMin);
  const base = emptyBlockPaceMs + Math.min(adaptive, roundTimeoutMsMax);
  const steps = Math.min(Math.max(failures - FAILURES_AT_BASE + 1, 0), GROWTH_STEPS_MAX);
  return Math.ceil(base * GROWTH ** steps);
}
