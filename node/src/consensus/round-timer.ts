import type { ConsensusParameters } from "../kernel/parameters.ts";
import type { Millis } from "../kernel/scalars.ts";

export const ROUND_TIMES_MAX = 256;
/** A first failure says nothing about the network: two timers run at base before growth starts. */
const FAILURES_AT_BASE = 2;
const GROWTH = 1.5;
const GROWTH_STEPS_MAX = 6;
/** The adaptive part moves in steps of this: noise of a millisecond is no change of the timer. */
const STEP_MS: Millis = 50;
/** The timer's bound, however much it grew: the pace and this many times the adaptive maximum. */
const CEILING_FACTOR = 4;

function percentile99(times: readonly Millis[]): Millis {
  const sorted = Float64Array.from(times).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? 0;
}

/** The timer of the next round, and what it is made of. */
export interface RoundTimer {
  readonly timeoutMs: Millis;
  /** T(0): the timer without growth. */
  readonly baseMs: Millis;
}

export type TimerCause = "round-times" | "failed-rounds" | "commit";

/**
 * T = pace + clamp(4 x p99(proposal to certificate), min, max), times 1.5 for each failed round
 * since the last commit after the first two, at most 6 times and never above pace + 4 x max (rule
 * PACE, R8). Growth must exist, or a network slower than the estimate never commits: partial
 * synchrony (Dwork, Lynch, Stockmeyer 1988) promises a bound on delays that nobody knows. It is
 * bounded as in AptosBFT (1.2^6) and, unlike an unbounded one, never turns a long outage into a
 * long timer (tendermint#1464: an hour).
 */
export function roundTimer(
  parameters: ConsensusParameters,
  roundTimes: readonly Millis[],
  failures: number,
): RoundTimer {
  const { roundTimeoutMsMin, roundTimeoutMsMax, emptyBlockPaceMs } = parameters;
  const measured = Math.ceil((4 * percentile99(roundTimes)) / STEP_MS) * STEP_MS;
  const adaptive = Math.min(Math.max(measured, roundTimeoutMsMin), roundTimeoutMsMax);
  const baseMs = emptyBlockPaceMs + adaptive;
  const steps = Math.min(Math.max(failures - FAILURES_AT_BASE + 1, 0), GROWTH_STEPS_MAX);
  const ceilingMs = emptyBlockPaceMs + CEILING_FACTOR * roundTimeoutMsMax;
  return { baseMs, timeoutMs: Math.min(Math.ceil(baseMs * GROWTH ** steps), ceilingMs) };
}

/** Why the timer changed: what it measures, rounds that failed, or a commit after them. */
export function timerCause(before: RoundTimer, after: RoundTimer): TimerCause {
  if (before.baseMs !== after.baseMs) return "round-times";
  return after.timeoutMs > before.timeoutMs ? "failed-rounds" : "commit";
}
