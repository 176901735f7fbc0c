import { performance } from "node:perf_hooks";
import type { Clock, Random } from "./clock.ts";

/** Longest wait that a timer of Node keeps: beyond it fires at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;

function sleepOnce(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/** The machine's time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    let leftMs = Math.max(0, ms);
    for (; leftMs > TIMER_MAX_MS; leftMs -= TIMER_MAX_MS) await sleepOnce(TIMER_MAX_MS, signal);
    await sleepOnce(leftMs, signal);
  },
};

/** Spreads waits; no secret is made of it. */
export const systemRandom: Random = () => Math.random();
