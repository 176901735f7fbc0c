import type { Millis } from "../../kernel/scalars.ts";

/** How much a sender may cost: a steady rate with room for bursts. */
export interface BucketLimits {
  readonly perSecond: number;
  readonly burst: number;
}

/** A token bucket that may go into debt once and says how long to wait until it is paid. */
export class TokenBucket {
  readonly #limits: BucketLimits;
  #tokens: number;
  #at: Millis;

  constructor(limits: BucketLimits, now: Millis) {
    this.#limits = limits;
    this.#tokens = limits.burst;
    this.#at = now;
  }

  /** Takes the cost. Returns 0, or the milliseconds until the next may be taken. */
  take(cost: number, now: Millis): Millis {
    const { perSecond, burst } = this.#limits;
    const elapsedMs = Math.max(0, now - this.#at);
    this.#at = now;
    this.#tokens = Math.min(burst, this.#tokens + (elapsedMs * perSecond) / 1_000) - cost;
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens * 1_000) / perSecond);
  }
}
