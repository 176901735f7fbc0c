import { Histogram } from "./histogram.ts";

/** Where a run's transactions go. `done` is called once: "OK" at a verified certificate. */
export interface Sender {
  send(transaction: Uint8Array, done: (code: string) => void): void;
}

/** Time, so that a test owns it. */
export interface LoadClock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Calls back once, about this much later. */
  after(ms: number, callback: () => void): void;
}

export type Pace =
  /** Open loop: that many a second, whatever becomes of those before. */
  | { readonly kind: "open"; readonly rate: number }
  /** Closed loop: always that many without an answer. */
  | { readonly kind: "closed"; readonly inFlight: number };

export interface LoadPlan {
  readonly pace: Pace;
  /** Not counted: the program is still being compiled. */
  readonly warmupMs: number;
  readonly measureMs: number;
  /** What has no answer this long after the end counts as lost. */
  readonly drainMs: number;
}

export interface LoadResult {
  /** Of the transactions meant for the measured span, from the moment each was meant for. */
  readonly latency: Histogram;
  /** Certified within the measured span. */
  readonly committed: number;
  /** Meant for the measured span. */
  readonly offered: number;
  /** Codes other than OK of the measured span, with how often. */
  readonly failures: ReadonlyMap<string, number>;
}

export interface LoadPorts {
  readonly clock: LoadClock;
  readonly sender: Sender;
  readonly next: () => Uint8Array;
  readonly onMeasure: (edge: "begin" | "end") => void;
}

/** A client that waits is looked at again this often. */
const TICK_MS = 1;
/** An open loop never has more without an answer: beyond, what is due is not sent, and told. */
export const OUTSTANDING_MAX = 50_000;

/**
 * Runs one load. An open loop counts each latency from the moment that the plan meant the
 * transaction for, not from when the client came to send it: a client or a chain that stalls can't
 * hide what it made wait (coordinated omission).
 */
export class LoadGenerator {
  readonly #plan: LoadPlan;
  readonly #ports: LoadPorts;
  readonly #latency = new Histogram();
  readonly #failures = new Map<string, number>();
  readonly #startMs: number;
  readonly #measureFrom: number;
  readonly #measureTo: number;
  #sent = 0;
  #outstanding = 0;
  #offered = 0;
  #committed = 0;
  #edge: "before" | "within" | "after" = "before";

  constructor(plan: LoadPlan, ports: LoadPorts) {
    this.#plan = plan;
    this.#ports = ports;
    this.#startMs = ports.clock.now();
    this.#measureFrom = this.#startMs + plan.warmupMs;
    this.#measureTo = this.#measureFrom + plan.measureMs;
  }

  run(): Promise<LoadResult> {
    return new Promise((resolve) => {
      const tick = (): void => {
        if (this.#step()) resolve(this.#result());
        else this.#ports.clock.after(TICK_MS, tick);
      };
      tick();
    });
  }

  /** True when the run is over. */
  #step(): boolean {
    const now = this.#ports.clock.now();
    if (this.#edge === "before" && now >= this.#measureFrom) this.#turn("within", "begin");
    if (this.#edge === "within" && now >= this.#measureTo) this.#turn("after", "end");
    this.#sendDue(Math.min(now, this.#measureTo));
    if (this.#edge !== "after") return false;
    return this.#outstanding === 0 || now >= this.#measureTo + this.#plan.drainMs;
  }

  #turn(edge: "within" | "after", told: "begin" | "end"): void {
    this.#edge = edge;
    this.#ports.onMeasure(told);
  }

  #sendDue(now: number): void {
    const { pace } = this.#plan;
    if (pace.kind === "closed") {
      while (this.#edge !== "after" && this.#outstanding < pace.inFlight) this.#send(now);
      return;
    }
    for (;;) {
      const meant = this.#startMs + (this.#sent * 1_000) / pace.rate;
      if (meant > now || meant >= this.#measureTo) return;
      this.#send(meant);
    }
  }

  #send(meant: number): void {
    this.#sent += 1;
    const counts = meant >= this.#measureFrom && meant < this.#measureTo;
    if (counts) this.#offered += 1;
    if (this.#outstanding >= OUTSTANDING_MAX) {
      if (counts) this.#fail("CLIENT_LIMIT");
      return;
    }
    this.#outstanding += 1;
    this.#ports.sender.send(this.#ports.next(), (code) => this.#done(code, meant, counts));
  }

  #done(code: string, meant: number, counts: boolean): void {
    const now = this.#ports.clock.now();
    this.#outstanding -= 1;
    if (code === "OK" && now >= this.#measureFrom && now < this.#measureTo) this.#committed += 1;
    if (counts && code === "OK") this.#latency.add(now - meant);
    if (counts && code !== "OK") this.#fail(code);
  }

  #fail(code: string): void {
    this.#failures.set(code, (this.#failures.get(code) ?? 0) + 1);
  }

  #result(): LoadResult {
    const failed = [...this.#failures.values()].reduce((sum, count) => sum + count, 0);
    const lost = this.#offered - this.#latency.count - failed;
    const failures = new Map(this.#failures);
    if (lost > 0) failures.set("NO_ANSWER", lost);
    return {
      latency: this.#latency,
      committed: this.#committed,
      offered: this.#offered,
      failures,
    };
  }
}
