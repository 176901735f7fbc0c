import { setTimeout as pause } from "node:timers/promises";

export interface Patience {
  /** What is waited for, as the error will say it. */
  readonly what: string;
  readonly timeoutMs: number;
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}

/** Waits for a condition and returns what it found; never for a span of time. */
export async function eventually<T>(
  look: () => Promise<T | undefined> | T | undefined,
  { what, timeoutMs, everyMs = 50, signal }: Patience,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    signal?.throwIfAborted();
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await pause(everyMs, undefined, signal === undefined ? {} : { signal });
  }
}
