import { unreachable } from "../kernel/assert.ts";
import type { Millis } from "../kernel/scalars.ts";
import type { ReplicaInput, ReplicaState, ReplicaStep } from "./types.ts";

/**
 * One step of the whole replica. Pure: never changes its argument, same inputs give same effects.
 * `now` is the local clock in ms since the Unix epoch.
 */
export function stepReplica(state: ReplicaState, input: ReplicaInput, now: Millis): ReplicaStep {
  void now;
  void state;
  switch (input.kind) {
    default:
      return unreachable(input as never);
  }
}
