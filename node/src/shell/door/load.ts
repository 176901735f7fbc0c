import type { Millis } from "../../kernel/scalars.ts";

/** Below this many waiting there is no queue worth a refusal, and nothing to measure. */
export const BUSY_MIN = 64;
/** The rate is measured over spans of this length. */
const SPAN_MS: Millis = 500;
/** Weight of the newest span, of an answer's latency: one in so many. */
const WEIGHT = 4;
/** What a client is told to wait, at least and at most. */
const RETRY_MS_MIN: Millis = 100;
const RETRY_MS_MAX: Millis = 5_000;

/**
 * How long a transaction waits here for its answer, from what left: the rate at which answers go
 * out while many wait, and how long those had waited that were answered last. Both have to say
 * "too long" before anybody is refused: a burst into an idle node finds a rate that nobody tried.
 */
export class Load {
  #waiting = 0;
  /** Answers a millisecond, of spans in which many waited. */
  #rate: number | undefined;
  #latencyMs = 0;
  #spanStart: Millis | undefined;
  #spanAnswers = 0;
  /** Last time at which an answer went out, or hardly anybody waited. */
  #progressAt: Millis = 0;

  get waiting(): number {
    return this.#waiting;
  }

  taken(count: number, now: Millis): void {
    if (this.#waiting < BUSY_MIN) this.#progressAt = now;
    this.#waiting += count;
    if (this.#waiting >= BUSY_MIN) this.#spanStart ??= now;
  }

  /** So many waited `latencyMs` and wait no more. */
  answered(count: number, latencyMs: Millis, now: Millis): void {
    this.#waiting -= count;
    this.#progressAt = now;
    this.#latencyMs += (latencyMs - this.#latencyMs) / WEIGHT;
    if (this.#spanStart === undefined) return;
    this.#spanAnswers += count;
    const elapsedMs = now - this.#spanStart;
    if (elapsedMs < SPAN_MS && this.#waiting >= BUSY_MIN) return;
    if (elapsedMs >= SPAN_MS) {
      const rate = this.#spanAnswers / elapsedMs;
      this.#rate = this.#rate === undefined ? rate : this.#rate + (rate - this.#rate) / WEIGHT;
    }
    this.#spanStart = this.#waiting >= BUSY_MIN ? now : undefined;
    this.#spanAnswers = 0;
  }

  /** Gone without an answer: nothing is learnt from them. */
  left(count: number, now: Millis): void {
    this.#waiting -= count;
    if (this.#waiting < BUSY_MIN) this.#progressAt = now;
  }

  /** Undefined while a newcomer waits at most `mostMs`; else when it is worth another try. */
  retryAfterMs(mostMs: Millis, now: Millis): Millis | undefined {
    if (this.#waiting < BUSY_MIN) return undefined;
    // Nothing leaves at all: without a quorum, or in a long step.
    if (now - this.#progressAt > mostMs) return RETRY_MS_MAX;
    if (this.#rate === undefined || this.#latencyMs <= mostMs / 2) return undefined;
    const waitMs = this.#waiting / this.#rate;
    if (waitMs <= mostMs) return undefined;
    return clampRetry(waitMs - mostMs / 2);
  }
}

export function clampRetry(ms: number): Millis {
  return Math.min(RETRY_MS_MAX, Math.max(RETRY_MS_MIN, Math.ceil(ms)));
}
