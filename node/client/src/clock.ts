import { setTimeout } from "node:timers/promises";
import type { Millis } from "@quorate/node/kernel/scalars";

/** The client's only sense of time, so that a test can own it. */
export interface Clock {
  /** Monotonic milliseconds. */
  now(): Millis;
  /** Waits, or rejects as soon as the signal aborts. */
  pause(ms: Millis, signal: AbortSignal): Promise<void>;
  /** Up to a quarter more or less: who was sent away together does not come back together. */
  jitter(ms: Millis): Millis;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  pause: async (ms, signal) => {
    await setTimeout(ms, undefined, { signal });
  },
  jitter: (ms) => ms * (0.75 + Math.random() / 2),
};
