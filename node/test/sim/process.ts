import { stepReplica } from "../../src/replica/step.ts";
import type {
  ReplicaEffect,
  ReplicaInput,
  ReplicaState,
  ReplicaTimer,
} from "../../src/replica/types.ts";

/**
 * A running replica as its shell drives it: inputs are stepped at once, effects are performed
 * strictly in order, and a signature takes as long as its sync takes. A crash falls between two
 * effects.
 */
export interface Process {
  readonly state: ReplicaState;
  input(input: ReplicaInput): void;
  /** The state changed outside of a step: only for faults that a rule names. */
  alter(change: (state: ReplicaState) => ReplicaState): void;
  stop(): void;
  readonly running: boolean;
}

export interface Ports {
  /** The node's own clock, Unix ms. */
  now(): number;
  /** Runs the action later on the world's clock. */
  after(delayMs: number, action: () => void): void;
  /** Span of one sync. */
  syncMs(): number;
  /** Called before each effect; true ends the process here. */
  dies(): boolean;
  /** Everything but signatures and timers. */
  perform(effect: ReplicaEffect): void;
  /**
   * Chain synced, journal appended and synced: durable. Returns the input that resumes the core.
   */
  journal(effect: Extract<ReplicaEffect, { kind: "sign" }>): ReplicaInput;
  stepped(input: ReplicaInput, effects: readonly ReplicaEffect[]): void;
}

export function startProcess(initial: ReplicaState, ports: Ports): Process {
  let state = initial;
  let running = true;
  let busy = false;
  const effects: ReplicaEffect[] = [];
  const timers = new Map<ReplicaTimer, number>();
  let timerCount = 0;

  const setTimer = (timer: ReplicaTimer, at: number) => {
    timerCount += 1;
    const generation = timerCount;
    timers.set(timer, generation);
    ports.after(Math.max(0, at - ports.now()), () => {
      if (!running || timers.get(timer) !== generation) return;
      timers.delete(timer);
      input({ kind: "timer", timer });
    });
  };

  const sign = (effect: Extract<ReplicaEffect, { kind: "sign" }>) => {
    busy = true;
    ports.after(ports.syncMs(), () => {
      if (!running) return;
      const signed = ports.journal(effect);
      // The power may also fail when the record is durable and nobody has seen the signature.
      if (ports.dies()) return;
      busy = false;
      input(signed);
    });
  };

  const perform = () => {
    while (running && !busy) {
      const effect = effects.shift();
      if (effect === undefined || ports.dies()) return;
      if (effect.kind === "sign") sign(effect);
      else if (effect.kind === "set-timer") setTimer(effect.timer, effect.at);
      else if (effect.kind === "cancel-timer") timers.delete(effect.timer);
      else ports.perform(effect);
    }
  };

  function input(next: ReplicaInput): void {
    if (!running) return;
    const result = stepReplica(state, next, ports.now());
    state = result.state;
    effects.push(...result.effects);
    ports.stepped(next, result.effects);
    perform();
  }

  return {
    get state() {
      return state;
    },
    get running() {
      return running;
    },
    input,
    alter(change) {
      state = change(state);
    },
    stop() {
      running = false;
    },
  };
}
