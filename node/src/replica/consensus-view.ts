import { isGivenUp } from "../consensus/repair-plan.ts";
import type { SafetyData } from "../consensus/safety-data.ts";
import type { PublicKey } from "../kernel/scalars.ts";
import { findMember, type ValidatorSet } from "../kernel/validator-set.ts";
import type { ReplicaState } from "./types.ts";

/** The set of the current epoch, as consensus has it. */
export function currentSet(state: ReplicaState): ValidatorSet {
  return state.consensus.set;
}

/** What the core must never forget, as of now: goes into the journal with every signature. */
export function currentSafety(state: ReplicaState): SafetyData {
  return state.consensus.epoch.safety;
}

export function isMember(state: ReplicaState, key: PublicKey = state.config.self.key): boolean {
  return findMember(currentSet(state), key) !== undefined;
}

/** SPLIT: this node has stopped, or the epoch gets no signature any more. */
export function isMute({ halted, consensus }: ReplicaState): boolean {
  return halted !== undefined || consensus.chain.split !== undefined || isGivenUp(consensus);
}
