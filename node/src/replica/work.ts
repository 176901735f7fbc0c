import type { Millis } from "../kernel/scalars.ts";
import type { ReplicaEffect, ReplicaState } from "./types.ts";

/** One step under way: the state so far and the effects so far, never seen outside the step. */
export interface Work {
  state: ReplicaState;
  readonly effects: ReplicaEffect[];
  readonly now: Millis;
}

export function change(work: Work, changes: Partial<ReplicaState>): void {
  work.state = { ...work.state, ...changes };
}
