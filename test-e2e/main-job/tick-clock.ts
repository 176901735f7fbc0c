import { setTimeout as pause } from "node:timers/promises";

/** Which price of the series stands at which moment of real time. */
export class TickClock {
  readonly startMs: number;
  readonly tickMs: number;
  readonly ticks: number;

  constructor({ startMs, tickMs, ticks }: { startMs: number; tickMs: number; ticks: number }) {
    this.startMs = startMs;
    this.tickMs = tickMs;
    this.ticks = ticks;
  }

  /** Index of the price that stands now; negative before the first, `ticks` after the last. */
  get now(): number {
    return Math.min(this.ticks, Math.floor((Date.now() - this.startMs) / this.tickMs));
  }

  /** Waits for the beginning of a tick (1.5: the middle of tick 1), if it is still to come. */
  async reach(tick: number, signal: AbortSignal): Promise<void> {
    const waitMs = this.startMs + tick * this.tickMs - Date.now();
    signal.throwIfAborted();
    // One more: a timer may end a fraction of a millisecond early, still in the tick before.
    if (waitMs > 0) await pause(waitMs + 1, undefined, { signal });
  }
}
