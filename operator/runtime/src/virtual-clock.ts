import type { Clock } from "./clock.ts";

interface Sleeper {
  readonly at: number;
  readonly order: number;
  readonly wake: () => void;
}

/** Lets every promise that can settle now settle. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * For tests and simulators: time that moves only by `advance`. Sleepers wake in order of their
 * time, ties in the order in which they fell asleep, and all that follows from one of them happens
 * before the next one wakes.
 */
export class VirtualClock implements Clock {
  #monotonicMs = 0;
  #wallMs: number;
  #order = 0;
  readonly #sleepers = new Set<Sleeper>();

  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#wallMs = startMs;
  }

  now(): number {
    return this.#wallMs + this.#monotonicMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      this.#order += 1;
      const sleeper: Sleeper = {
        at: this.#monotonicMs + Math.max(0, ms),
        order: this.#order,
        wake: () => {
          signal?.removeEventListener("abort", abort);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Somebody set the wall clock: `now` jumps, `monotonic` does not. */
  stepWall(ms: number): void {
    this.#wallMs += ms;
  }

  /** The machine was paused: all clocks jump, nobody woke in between. */
  pause(ms: number): void {
    this.#monotonicMs += ms;
  }

  /** Milliseconds to the next wake-up; undefined where nobody sleeps. */
  nextWakeMs(): number | undefined {
    const next = this.#next();
    return next && Math.max(0, next.at - this.#monotonicMs);
  }

  /** How many sleep now. */
  sleeping(): number {
    return this.#sleepers.size;
  }

  async advance(ms: number): Promise<void> {
    const until = this.#monotonicMs + ms;
    await settle();
    for (let next = this.#next(); next && next.at <= until; next = this.#next()) {
      this.#sleepers.delete(next);
      this.#monotonicMs = Math.max(this.#monotonicMs, next.at);
      next.wake();
      await settle();
    }
    this.#monotonicMs = Math.max(this.#monotonicMs, until);
  }

  #next(): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const one of this.#sleepers) {
      if (!first || one.at < first.at || (one.at === first.at && one.order < first.order)) {
        first = one;
      }
    }
    return first;
  }
}
