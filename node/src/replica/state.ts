import { unreachable } from "../kernel/assert.ts";
import type { Recovered, ReplicaConfig, ReplicaState } from "./types.ts";

/** A replica without history: the first start. The shell then gives it the input `start`. */
export function createReplica(config: ReplicaConfig): ReplicaState {
  return recoverReplica(config, { journal: [], chain: [] });
}

/**
 * A replica after a restart. The input `start` makes it execute every committed block again from
 * genesis, re-send what it signed, and set its timers.
 */
export function recoverReplica(config: ReplicaConfig, recovered: Recovered): ReplicaState {
  void config;
  return unreachable(recovered as never);
}
