import type { ConsensusState } from "../consensus/state.ts";
import type { PeerStatus } from "../consensus/types.ts";
import type { PublicKey } from "../kernel/scalars.ts";
import { findMember, type ValidatorSet } from "../kernel/validator-set.ts";
import type { ReplicaState } from "./types.ts";

/** The set of the current epoch, as consensus has it. */
export function currentSet(state: ReplicaState): ValidatorSet {
  return state.consensus.set;
}

export function isMember(state: ReplicaState, key: PublicKey = state.config.self.key): boolean {
  return findMember(currentSet(state), key) !== undefined;
}

export function statusOf(consensus: ConsensusState): PeerStatus {
  return peerStatus(consensus);
}
