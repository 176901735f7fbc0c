import type { Millis } from "../kernel/scalars.ts";
import { stepReplica } from "../replica/step.ts";
import type { ReplicaEffect, ReplicaInput, ReplicaState, ReplicaTimer } from "../replica/types.ts";

/** Longest time in steps before the loop lets sockets and timers have a turn. */
const SLICE_MS = 4;
/**
 * Peers are slowed down by their streams; beyond this a message is dropped and sent again later.
 */
export const INPUTS_MAX = 50_000;

export interface RuntimeOptions {
  readonly now: () => Millis;
  readonly perform: (effects: readonly ReplicaEffect[]) => void;
  /** One step took this many milliseconds. */
  readonly stepped: (input: ReplicaInput["kind"], elapsedMs: number) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * The one loop around the pure replica: inputs first in first out, effects performed after each
 * step, a turn for I/O after every slice. It is the only place that holds the replica's state.
 */
export class Runtime {
  readonly #options: RuntimeOptions;
  readonly #timers = new Map<ReplicaTimer, NodeJS.Timeout>();
  #inputs: ReplicaInput[] = [];
  #next = 0;
  #state: ReplicaState;
  #scheduled = false;
  #stopped = false;

  constructor(state: ReplicaState, options: RuntimeOptions) {
    this.#state = state;
    this.#options = options;
  }

  get state(): ReplicaState {
    return this.#state;
  }

  get queueLength(): number {
    return this.#inputs.length - this.#next;
  }

  /** False where the queue is full: only messages and submissions are ever refused. */
  push(input: ReplicaInput): boolean {
    if (this.#stopped) return false;
    const isForeign = input.kind === "message" || input.kind === "submit";
    if (isForeign && this.queueLength >= INPUTS_MAX) return false;
    this.#inputs.push(input);
    this.#schedule();
    return true;
  }

  setTimer(timer: ReplicaTimer, at: Millis): void {
    this.cancelTimer(timer);
    const waitMs = Math.max(0, at - this.#options.now());
    const fire = (): void => {
      this.#timers.delete(timer);
      this.push({ kind: "timer", timer });
    };
    this.#timers.set(timer, setTimeout(fire, waitMs));
  }

  cancelTimer(timer: ReplicaTimer): void {
    clearTimeout(this.#timers.get(timer));
    this.#timers.delete(timer);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      try {
        this.#runSlice();
      } catch (error) {
        this.stop();
        this.#options.fail(error);
      }
    });
  }

  #runSlice(): void {
    const end = performance.now() + SLICE_MS;
    while (!this.#stopped && performance.now() < end) {
      const input = this.#inputs[this.#next];
      if (input === undefined) break;
      this.#next += 1;
      this.#stepOnce(input);
    }
    // The array is cut only now and then: shift() on a long one costs as much as the step.
    if (this.#next > 1_024 || this.#next === this.#inputs.length) {
      this.#inputs = this.#inputs.slice(this.#next);
      this.#next = 0;
    }
    if (this.#inputs.length > 0 && !this.#stopped) this.#schedule();
  }

  #stepOnce(input: ReplicaInput): void {
    const before = performance.now();
    const { state, effects } = stepReplica(this.#state, input, this.#options.now());
    this.#state = state;
    this.#options.perform(effects);
    this.#options.stepped(input.kind, performance.now() - before);
  }
}
