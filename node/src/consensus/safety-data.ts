import type { Epoch, PublicKey, Round, Signature } from "../kernel/scalars.ts";
import type { Statement } from "../kernel/statements.ts";

/**
 * What a validator must never forget (consensus.md §4, Persistent SafetyData). It is written into
 * the journal record of every signature that rests on it, before the signature exists.
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

/** One signature of this node as its journal holds it (rule JOURNAL). */
export interface JournalRecord {
  readonly statement: Statement;
  readonly author: PublicKey;
  readonly signature: Signature;
  readonly safety: SafetyData;
}
