import type { Epoch } from "../kernel/scalars.ts";
import {
  type SignedStatement,
  type StatementKind,
  statementEpoch,
  statementIndex,
} from "../kernel/statements.ts";
import { freshSafetyData, type JournalRecord, type SafetyData } from "./safety-data.ts";

/** What this node signed in one epoch, as its journal has it (rule JOURNAL). */
export interface OwnPast {
  readonly safety: SafetyData;
  readonly vote: SignedStatement | undefined;
  readonly orderVote: SignedStatement | undefined;
  readonly timeout: SignedStatement | undefined;
  readonly proposal: SignedStatement | undefined;
}

/**
 * Highest value of each, over every signature of the epoch: nothing that was promised is forgotten.
 */
function recoverSafety(epoch: Epoch, journal: readonly JournalRecord[]): SafetyData {
  return journal.reduce((highest, { safety }) => {
    if (safety.epoch !== epoch) return highest;
    return {
      epoch,
      lastVotedRound: Math.max(highest.lastVotedRound, safety.lastVotedRound),
      oneChainRound: Math.max(highest.oneChainRound, safety.oneChainRound),
      highestTimeoutRound: Math.max(highest.highestTimeoutRound, safety.highestTimeoutRound),
    };
  }, freshSafetyData(epoch));
}

/** The newest statement of one kind that this node signed in the epoch. */
function lastSigned(
  journal: readonly JournalRecord[],
  epoch: Epoch,
  kind: StatementKind,
): SignedStatement | undefined {
  return journal
    .filter(({ statement }) => statement.kind === kind && statementEpoch(statement) === epoch)
    .reduce<JournalRecord | undefined>((last, record) => {
      const newer =
        last === undefined || statementIndex(record.statement) > statementIndex(last.statement);
      return newer ? record : last;
    }, undefined);
}

export function ownPastOf(journal: readonly JournalRecord[], epoch: Epoch): OwnPast {
  return {
    safety: recoverSafety(epoch, journal),
    vote: lastSigned(journal, epoch, "vote"),
    orderVote: lastSigned(journal, epoch, "order-vote"),
    timeout: lastSigned(journal, epoch, "timeout"),
    proposal: lastSigned(journal, epoch, "proposal"),
  };
}

/**
 * The journal may know more epochs than the chain log: of a log that lost its end, or that came
 * from elsewhere. What was signed there binds this node when it gets there again.
 */
export function ownFuture(
  journal: readonly JournalRecord[],
  epoch: Epoch,
): ReadonlyMap<Epoch, OwnPast> {
  const later = journal.filter(({ safety }) => safety.epoch > epoch);
  const epochs = new Set(later.map(({ safety }) => safety.epoch));
  return new Map(Array.from(epochs, (each) => [each, ownPastOf(later, each)]));
}

function indexOf(signed: SignedStatement | undefined): number {
  return signed === undefined ? 0 : statementIndex(signed.statement);
}

/** What an epoch's state has from its journal; timeouts are left to who knows the certificates. */
export function boundBy(past: OwnPast) {
  return {
    safety: past.safety,
    ownVote: past.vote,
    ownOrderVote: past.orderVote,
    orderVotedRound: indexOf(past.orderVote),
    proposedRound: indexOf(past.proposal),
  };
}
