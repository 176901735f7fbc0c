import type { Clock } from "./clock.ts";
import type { RuntimeMetrics } from "./metrics.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface WorkQueueOptions {
  /** Label of its metrics. */
  readonly name: string;
  readonly clock: Clock;
  readonly metrics: RuntimeMetrics;
  /** Wait after the first failure of a key; doubles with each further one. */
  readonly backOffFirstMs?: number;
  readonly backOffMostMs?: number;
  /** Of all failed keys together. */
  readonly retriesPerSecond?: number;
  readonly retryBurst?: number;
}

/** The defaults of client-go's DefaultTypedControllerRateLimiter. */
const DEFAULTS = {
  backOffFirstMs: 5,
  backOffMostMs: 1_000_000,
  retriesPerSecond: 10,
  retryBurst: 100,
};

/**
 * Keys to work on. A key that waits is held once; a key in work that is added again waits until
 * `done`, so that no two workers ever have the same key.
 */
export class WorkQueue {
  readonly name: string;
  readonly #clock: Clock;
  readonly #metrics: RuntimeMetrics;
  readonly #settings: typeof DEFAULTS;
  readonly #bucket: TokenBucket;
  readonly #stop = new AbortController();
  /** Waiting keys and since when, in order. */
  readonly #waiting = new Map<string, number>();
  /** Keys in work and since when. */
  readonly #working = new Map<string, number>();
  /** Added again while in work. */
  readonly #again = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, { readonly at: number; readonly cancel: AbortController }>();
  readonly #takers: ((key: string | undefined) => void)[] = [];

  constructor(options: WorkQueueOptions) {
    this.name = options.name;
    this.#clock = options.clock;
    this.#metrics = options.metrics;
    this.#settings = {
      backOffFirstMs: options.backOffFirstMs ?? DEFAULTS.backOffFirstMs,
      backOffMostMs: options.backOffMostMs ?? DEFAULTS.backOffMostMs,
      retriesPerSecond: options.retriesPerSecond ?? DEFAULTS.retriesPerSecond,
      retryBurst: options.retryBurst ?? DEFAULTS.retryBurst,
    };
    this.#bucket = new TokenBucket({
      clock: options.clock,
      perSecond: this.#settings.retriesPerSecond,
      burst: this.#settings.retryBurst,
    });
    this.#metrics.queueDepth.set({ name: this.name }, 0);
    this.#metrics.watchWork({ name: this.name, startedAt: () => this.#working.values() });
  }

  /** Keys that wait now. */
  get length(): number {
    return this.#waiting.size;
  }

  get isShutDown(): boolean {
    return this.#stop.signal.aborted;
  }

  add(key: string): void {
    if (this.isShutDown || this.#waiting.has(key) || this.#again.has(key)) return;
    this.#metrics.queueAdds.inc({ name: this.name });
    const now = this.#clock.monotonic();
    if (this.#working.has(key)) this.#again.set(key, now);
    else this.#enqueue(key, now);
  }

  /** Of several waits for one key the earliest counts. */
  addAfter(key: string, ms: number): void {
    if (this.isShutDown) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const at = this.#clock.monotonic() + ms;
    const known = this.#timers.get(key);
    if (known && known.at <= at) return;
    known?.cancel.abort();
    const cancel = new AbortController();
    this.#timers.set(key, { at, cancel });
    void this.#clock.sleep(ms, cancel.signal).then(
      () => {
        this.#timers.delete(key);
        this.add(key);
      },
      () => undefined,
    );
  }

  /** After a failure: waits for the key's own back-off and for the queue's bucket. */
  addRateLimited(key: string): void {
    if (this.isShutDown) return;
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#metrics.queueRetries.inc({ name: this.name });
    const { backOffFirstMs, backOffMostMs } = this.#settings;
    const ownMs = Math.min(backOffMostMs, backOffFirstMs * 2 ** Math.min(failures, 60));
    this.addAfter(key, Math.max(ownMs, this.#bucket.reserve()));
  }

  /** The key did well: its back-off starts anew. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, to be given back by `done`; undefined once the queue is shut down. */
  take(): Promise<string | undefined> {
    if (this.isShutDown) return Promise.resolve(undefined);
    const first = this.#waiting.entries().next();
    if (!first.done) return Promise.resolve(this.#begin(first.value[0], first.value[1]));
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  done(key: string): void {
    const startedAt = this.#working.get(key);
    if (startedAt === undefined) return;
    this.#working.delete(key);
    const seconds = (this.#clock.monotonic() - startedAt) / 1_000;
    this.#metrics.workDuration.observe({ name: this.name }, seconds);
    const since = this.#again.get(key);
    this.#again.delete(key);
    if (since !== undefined && !this.isShutDown) this.#enqueue(key, since);
  }

  /** Takes nothing more and gives nothing more; what waits is dropped, the next start sees it. */
  shutDown(): void {
    if (this.isShutDown) return;
    this.#stop.abort();
    for (const { cancel } of this.#timers.values()) cancel.abort();
    this.#timers.clear();
    this.#waiting.clear();
    this.#again.clear();
    this.#metrics.queueDepth.set({ name: this.name }, 0);
    for (const resolve of this.#takers.splice(0)) resolve(undefined);
  }

  #enqueue(key: string, since: number): void {
    const taker = this.#takers.shift();
    if (taker) {
      taker(this.#begin(key, since));
      return;
    }
    this.#waiting.set(key, since);
    this.#metrics.queueDepth.set({ name: this.name }, this.#waiting.size);
  }

  #begin(key: string, since: number): string {
    const now = this.#clock.monotonic();
    this.#waiting.delete(key);
    this.#working.set(key, now);
    this.#metrics.queueDepth.set({ name: this.name }, this.#waiting.size);
    this.#metrics.queueDuration.observe({ name: this.name }, (now - since) / 1_000);
    return key;
  }
}
