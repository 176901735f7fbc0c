/** Time as an argument: the system's, or the simulator's. */
export interface Clock {
  /** Milliseconds since the Unix epoch, for what others read: leases, events, conditions. */
  now(): number;
  /** Milliseconds that never run backwards, for what is measured here. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Chance as an argument: a number in [0, 1), as Math.random gives it. */
export type Random = () => number;
