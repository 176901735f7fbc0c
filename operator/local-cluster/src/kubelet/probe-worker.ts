import type { Probe } from "../controllers/api-types.ts";
import type { Machine } from "./machine.ts";
import { type ProbeState, ProbeTally, type ProbeTimes, probeTimes } from "./probe-tally.ts";
import type { ProbeResult } from "./prober.ts";

export interface ProbeWorkerOptions {
  readonly machine: Machine;
  readonly probe: Probe;
  /**
   * Asked in quick succession within the first period, where only successes count: a container is
   * found ready when it is, not up to a period later.
   */
  readonly eager: boolean;
  readonly ask: (timeoutMs: number) => Promise<ProbeResult>;
  /** Of every counted failure. */
  readonly onFailure: (result: ProbeResult) => void;
  /** The state turned; `failure` again each time that the threshold is reached anew. */
  readonly onTurn: (state: ProbeState) => void;
}

/** No program listens before; a real kubelet starts its programs more slowly. */
const FIRST_MS = 1_000;
const EAGER_FIRST_MS = 50;
const EAGER_MAX_MS = 1_000;

/** Asks one probe of one life of a container, in its period, until it is stopped. */
export class ProbeWorker {
  readonly #options: ProbeWorkerOptions;
  readonly #times: ProbeTimes;
  readonly #tally: ProbeTally;
  #cancel: () => void = () => undefined;
  #cancelEager: () => void = () => undefined;
  #stopped = false;

  constructor(options: ProbeWorkerOptions) {
    this.#options = options;
    this.#times = probeTimes(options.probe);
    this.#tally = new ProbeTally(this.#times);
  }

  get state(): ProbeState {
    return this.#tally.state;
  }

  start(): void {
    const { initialDelayMs, periodMs } = this.#times;
    const eager = this.#options.eager && initialDelayMs === 0;
    this.#in(eager ? periodMs : Math.max(initialDelayMs, Math.min(FIRST_MS, periodMs)));
    if (eager) this.#eagerly(EAGER_FIRST_MS, 0);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
    this.#cancelEager();
  }

  #in(ms: number): void {
    this.#cancel = this.#options.machine.after(ms, () => {
      this.#ask();
      if (!this.#stopped) this.#in(this.#times.periodMs);
    });
  }

  #eagerly(ms: number, spentMs: number): void {
    if (spentMs + ms >= this.#times.periodMs) return;
    this.#cancelEager = this.#options.machine.after(ms, () => {
      if (this.#tally.state === "success") return;
      this.#askWith((result) => {
        if (result.ok) this.#count(result);
      });
      this.#eagerly(Math.min(EAGER_MAX_MS, ms * 1.5), spentMs + ms);
    });
  }

  #ask(): void {
    this.#askWith((result) => this.#count(result));
  }

  #askWith(use: (result: ProbeResult) => void): void {
    const answer = this.#options.machine.awake((result: ProbeResult) => {
      if (!this.#stopped) use(result);
    });
    void this.#options.ask(this.#times.timeoutMs).then(answer);
  }

  #count(result: ProbeResult): void {
    if (!result.ok) this.#options.onFailure(result);
    if (this.#tally.record(result.ok)) this.#options.onTurn(this.#tally.state);
  }
}
