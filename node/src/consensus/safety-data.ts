import type { Epoch, Round } from "../kernel/scalars.ts";

/**
 * What a validator must never forget (consensus.md §4, Persistent SafetyData). It is written into the
 * journal record of every signature that rests on it, before the signature exists.
 */
export interface SafetyData {
  readonly epoch: Epoch;
  readonly lastVotedRound: Round;
  /** Highest certificate round that a vote or order vote rested on: the lock. */
  readonly oneChainRound: Round;
  readonly highestTimeoutRound: Round;
}

export function freshSafetyData(epoch: Epoch): SafetyData {
  return { epoch, lastVotedRound: 0, oneChainRound: 0, highestTimeoutRound: 0 };
}
