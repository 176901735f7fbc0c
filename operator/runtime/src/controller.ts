import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import type { RuntimeMetrics } from "./metrics.ts";
import type { WorkQueue } from "./work-queue.ts";

export interface ReconcileResult {
  /** Looks again after this time even if nothing changes. */
  readonly requeueAfterMs?: number;
}

export interface ControllerOptions {
  /** Label of its metrics. */
  readonly name: string;
  /** Keys in work at the same time; one key is never in work twice. */
  readonly workers: number;
  /** Fed by informers; shut down when the controller stops. */
  readonly queue: WorkQueue;
  /** A throw is a failure: the key is tried again after its back-off. */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<ReconcileResult>;
  /** Stops taking keys, aborts what runs, waits for it to end. */
  readonly signal: AbortSignal;
  /** The signal of a reconcile aborts after this time. */
  readonly reconcileTimeoutMs?: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: RuntimeMetrics;
}

const RECONCILE_TIMEOUT_MS = 60_000;

/** A reconcile took longer than it may. */
export class ReconcileTimeoutError extends Error {
  override readonly name = "ReconcileTimeoutError";
}

/**
 * One reconcile with its time limit. Never given up on: a second one of the same key beside it
 * would be worse than a slow one, and workqueue_longest_running_processor_seconds shows it.
 */
async function reconcileOnce(options: ControllerOptions, key: string): Promise<ReconcileResult> {
  const limit = new AbortController();
  const limitMs = options.reconcileTimeoutMs ?? RECONCILE_TIMEOUT_MS;
  const ended = new AbortController();
  const timer = options.clock.sleep(limitMs, ended.signal).then(
    () => {
      const message = `${options.name}: reconcile of ${key} exceeded ${limitMs} ms`;
      options.log.warn({ controller: options.name, key, limitMs }, message);
      limit.abort(new ReconcileTimeoutError(message));
    },
    () => undefined,
  );
  try {
    return await options.reconcile(key, AbortSignal.any([options.signal, limit.signal]));
  } finally {
    ended.abort();
    await timer;
  }
}

async function workOn(options: ControllerOptions, key: string): Promise<void> {
  const { name, queue, metrics, clock } = options;
  const startedAt = clock.monotonic();
  metrics.activeWorkers.inc({ controller: name });
  try {
    const { requeueAfterMs } = await reconcileOnce(options, key);
    queue.forget(key);
    if (requeueAfterMs !== undefined) queue.addAfter(key, requeueAfterMs);
    const result = requeueAfterMs === undefined ? "success" : "requeue_after";
    metrics.reconciles.inc({ controller: name, result });
  } catch (error) {
    if (options.signal.aborted) {
      options.log.debug({ controller: name, key }, "reconcile ended by the stop");
    } else {
      metrics.reconciles.inc({ controller: name, result: "error" });
      metrics.reconcileErrors.inc({ controller: name });
      options.log.error({ controller: name, key, err: error }, "reconcile failed");
      queue.addRateLimited(key);
    }
  } finally {
    metrics.activeWorkers.dec({ controller: name });
    const seconds = (clock.monotonic() - startedAt) / 1_000;
    metrics.reconcileTime.observe({ controller: name }, seconds);
    queue.done(key);
  }
}

async function work(options: ControllerOptions): Promise<void> {
  for (;;) {
    const key = await options.queue.take();
    if (key === undefined) return;
    await workOn(options, key);
  }
}

/** Runs until the signal aborts and the last reconcile has ended; never rejects. */
export async function runController(options: ControllerOptions): Promise<void> {
  const { name, metrics, queue, signal } = options;
  metrics.maxWorkers.set({ controller: name }, options.workers);
  metrics.activeWorkers.set({ controller: name }, 0);
  for (const result of ["success", "error", "requeue_after"]) {
    metrics.reconciles.inc({ controller: name, result }, 0);
  }
  metrics.reconcileErrors.inc({ controller: name }, 0);
  const stop = () => queue.shutDown();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  await Promise.all(Array.from({ length: options.workers }, () => work(options)));
  signal.removeEventListener("abort", stop);
}
