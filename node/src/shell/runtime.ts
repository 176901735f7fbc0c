import type { Millis } from "../kernel/scalars.ts";
import { stepReplica } from "../replica/step.ts";
import type { ReplicaEffect, ReplicaInput, ReplicaState, ReplicaTimer } from "../replica/types.ts";
import { InputQueue } from "./input-queue.ts";

/** Longest time in steps before the loop lets sockets and timers have a turn. */
const SLICE_MS = 4;

export interface RuntimeOptions {
  readonly now: () => Millis;
  readonly perform: (effects: readonly ReplicaEffect[]) => void;
  /** One step took this many milliseconds. */
  readonly stepped: (input: ReplicaInput["kind"], elapsedMs: number) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * The one loop around the pure replica: inputs in fair order, effects performed after each step, a
 * turn for I/O after every slice. It is the only place that holds the replica's state.
 */
export class Runtime {
  readonly #options: RuntimeOptions;
  readonly #timers = new Map<ReplicaTimer, NodeJS.Timeout>();
  readonly #inputs = new InputQueue();
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
    return this.#inputs.length;
  }

  /** False where its lane is full: only messages and submissions are ever refused. */
  push(input: ReplicaInput): boolean {
    if (this.#stopped || !this.#inputs.push(input)) return false;
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
      const input = this.#inputs.take();
      if (input === undefined) break;
      this.#stepOnce(input);
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
