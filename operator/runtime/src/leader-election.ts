import type { Clock, Random } from "./clock.ts";
import type { KubeClient } from "./kube-client.ts";
import { LeaseRecord } from "./lease-record.ts";
import type { Log } from "./log.ts";
import type { RuntimeMetrics } from "./metrics.ts";
import type { ObjectKey } from "./objects.ts";

export interface LeaderElectionOptions {
  /** Its own budget for retries must be below the renew deadline. */
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: RuntimeMetrics;
  /** Unique to this process, not to this pod: two processes of one name would both lead. */
  readonly identity: string;
  readonly lease: ObjectKey;
  /** A lease unchanged for so long may be taken. */
  readonly leaseDurationMs?: number;
  /** Not renewed for so long: step down. */
  readonly renewDeadlineMs?: number;
  readonly retryPeriodMs?: number;
  /** Clean stop: the term ends, then the lease is given back. */
  readonly signal: AbortSignal;
  /**
   * The work of one term. Its signal aborts when the term ends; the next term waits until this
   * promise has settled. A term that ends by itself is a failure.
   */
  readonly onStartedLeading: (signal: AbortSignal, term: Term) => Promise<void>;
}

export interface Term {
  /** `leaseTransitions` of this term: grows with every term of anybody, for fencing. */
  readonly transitions: number;
}

export interface LeaderElection {
  /**
   * This process leads and its last renewal is younger than the renew deadline, by both clocks:
   * without it nothing may be written (rule S10).
   */
  isFresh(): boolean;
  /** Settles when the stop is complete. Rejects only with what a term threw. */
  readonly stopped: Promise<void>;
}

/** As client-go has them. */
const LEASE_DURATION_MS = 15_000;
const RENEW_DEADLINE_MS = 10_000;
const RETRY_PERIOD_MS = 2_000;
const RETRY_JITTER = 1.2;

interface Renewal {
  readonly monotonic: number;
  readonly wall: number;
}

class Election {
  readonly #options: LeaderElectionOptions;
  readonly #record: LeaseRecord;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  /** Start of the last request that renewed; undefined: does not lead. */
  #renewal: Renewal | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    const leaseDurationMs = options.leaseDurationMs ?? LEASE_DURATION_MS;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? RENEW_DEADLINE_MS;
    this.#retryPeriodMs = options.retryPeriodMs ?? RETRY_PERIOD_MS;
    if (leaseDurationMs <= this.#renewDeadlineMs || this.#renewDeadlineMs <= this.#retryPeriodMs) {
      throw new RangeError(
        `leaseDurationMs ${leaseDurationMs} > renewDeadlineMs ${this.#renewDeadlineMs} > ` +
          `retryPeriodMs ${this.#retryPeriodMs} does not hold; two could lead at once`,
      );
    }
    this.#record = new LeaseRecord({ ...options, leaseDurationMs });
  }

  /**
   * Both clocks: monotonic time may stand still while a machine sleeps, the wall clock may jump.
   */
  isFresh(): boolean {
    return this.#freshForMs() > 0;
  }

  #freshForMs(): number {
    const last = this.#renewal;
    if (last === undefined) return 0;
    const { clock } = this.#options;
    const elapsedMs = Math.max(clock.monotonic() - last.monotonic, clock.now() - last.wall);
    return Math.max(0, this.#renewDeadlineMs - elapsedMs);
  }

  async run(): Promise<void> {
    const { signal, metrics, lease } = this.#options;
    metrics.leader.set({ name: lease.name }, 0);
    while (!signal.aborted) {
      const transitions = await this.#campaign();
      if (transitions === undefined) return;
      await this.#lead(transitions);
    }
  }

  /** Until the lease is held or the stop comes. */
  async #campaign(): Promise<number | undefined> {
    const { clock, random, signal, log, lease } = this.#options;
    while (!signal.aborted) {
      const startedAt = this.#now();
      try {
        const transitions = await this.#withDeadline(this.#record.acquire());
        if (transitions !== undefined) {
          this.#renewal = startedAt;
          return transitions;
        }
      } catch (error) {
        if (!signal.aborted) log.warn({ lease: lease.name, err: error }, "lease not acquired");
      }
      const waitMs = this.#retryPeriodMs * (1 + random() * RETRY_JITTER);
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
    return undefined;
  }

  async #lead(transitions: number): Promise<void> {
    const { signal, log, metrics, lease, identity } = this.#options;
    const term = new AbortController();
    log.info({ lease: lease.name, identity, transitions }, "leading");
    metrics.leader.set({ name: lease.name }, 1);
    const work = this.#work(AbortSignal.any([signal, term.signal]), transitions);
    const reason = await this.#keep(work);
    const stopping = signal.aborted;
    // Lost: first nothing may be written any more, then the work is told.
    if (!stopping && reason !== TERM_ENDED) this.#renewal = undefined;
    metrics.leader.set({ name: lease.name }, 0);
    term.abort(new Error(reason));
    try {
      await work;
      if (reason === TERM_ENDED && !stopping) throw new Error(`${lease.name}: ${reason}`);
    } finally {
      const giveBack = this.isFresh();
      this.#renewal = undefined;
      log.info({ lease: lease.name, identity, reason }, "not leading any more");
      if (giveBack) await this.#release();
    }
  }

  async #work(signal: AbortSignal, transitions: number): Promise<void> {
    try {
      await this.#options.onStartedLeading(signal, { transitions });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Renews until the term is over; says why it is. */
  async #keep(work: Promise<void>): Promise<string> {
    const { clock, signal, log, lease } = this.#options;
    const ended = new AbortController();
    const either = AbortSignal.any([signal, ended.signal]);
    const end = () => ended.abort();
    void work.then(end, end);
    for (;;) {
      const waitMs = Math.min(this.#retryPeriodMs, this.#freshForMs());
      await clock.sleep(waitMs, either).catch(() => undefined);
      if (signal.aborted) return "stopped";
      if (ended.signal.aborted) return TERM_ENDED;
      if (!this.isFresh()) return "the lease was not renewed in time";
      const startedAt = this.#now();
      try {
        const held = await this.#withDeadline(this.#record.renew());
        if (!held) return "the lease was taken";
        // An answer that took too long renews nothing: the term had ended before.
        if (this.isFresh()) this.#renewal = startedAt;
      } catch (error) {
        log.warn({ lease: lease.name, err: error }, "lease not renewed");
      }
    }
  }

  async #release(): Promise<void> {
    const { log, lease } = this.#options;
    try {
      await this.#withDeadline(this.#record.release());
    } catch (error) {
      log.warn({ lease: lease.name, err: error }, "lease not released; it runs out by itself");
    }
  }

  /** A request that hangs must not hide that the deadline passes. */
  async #withDeadline<T>(request: Promise<T>): Promise<T> {
    const done = new AbortController();
    const leftMs = this.#renewal === undefined ? this.#renewDeadlineMs : this.#freshForMs();
    const late = this.#options.clock.sleep(leftMs, done.signal).then(
      () => {
        throw new Error(`no answer within ${leftMs} ms`);
      },
      () => new Promise<never>(() => undefined),
    );
    try {
      return await Promise.race([request, late]);
    } finally {
      done.abort();
    }
  }

  #now(): Renewal {
    return { monotonic: this.#options.clock.monotonic(), wall: this.#options.clock.now() };
  }
}

const TERM_ENDED = "the work of the term ended by itself";

/** Campaigns, leads, steps down, campaigns again, until the signal aborts. */
export function runLeaderElection(options: LeaderElectionOptions): LeaderElection {
  const election = new Election(options);
  return { isFresh: () => election.isFresh(), stopped: election.run() };
}
