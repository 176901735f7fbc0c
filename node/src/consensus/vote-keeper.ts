import type { PublicKey, Round } from "../kernel/scalars.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import { hasQuorum } from "../kernel/validator-set.ts";
import type { Ballots, TimeoutBallot } from "./ballots.ts";
import { sortedSignatures } from "./certificates.ts";
import { findContradiction, isConflict, noteNewest, reportMisconduct } from "./evidence.ts";
import { judgeVote } from "./invalid-votes.ts";
import { ballotsAt } from "./state.ts";
import { keepEntries, type Turn, withEntry } from "./turn.ts";
import type { OrderCertificate, QuorumCertificate, TimeoutCertificate } from "./types.ts";

/** Rounds behind the current one whose statements still count as late votes and as evidence. */
export const PAST_ROUNDS_MAX = 256;

/** Ballots move to the old ones in bulk. */
const RECENT_ROUNDS_MIN = 8;
const RECENT_ROUNDS_MAX = 40;

export function ballotsOf(turn: Turn, round: Round): Ballots {
  return ballotsAt(turn.epoch, round);
}

function changeBallots(turn: Turn, round: Round, patch: Partial<Ballots>): void {
  const changed = { ...ballotsOf(turn, round), ...patch };
  const { ballots, oldBallots } = turn.epoch;
  if (oldBallots.has(round)) {
    turn.changeEpoch({ oldBallots: withEntry(oldBallots, round, changed) });
  } else {
    turn.changeEpoch({ ballots: withEntry(ballots, round, changed) });
  }
}

/** False for rounds that are too old to matter or too far ahead to keep (R9). */
export function isRoundInWindow(turn: Turn, round: Round): boolean {
  const { round: current } = turn.epoch;
  const { roundsAheadMax } = turn.state.config.parameters;
  return round >= 1 && round >= current - PAST_ROUNDS_MAX && round <= current + roundsAheadMax;
}

/** Puts old ballots away, and forgets those of rounds long gone. */
export function pruneBallots(turn: Turn): void {
  const { ballots, oldBallots, round: current } = turn.epoch;
  if (ballots.size <= RECENT_ROUNDS_MAX) return;
  const recent = current - RECENT_ROUNDS_MIN;
  const oldest = current - PAST_ROUNDS_MAX;
  const aged = Array.from(ballots).filter(([round]) => round < recent);
  const kept = Array.from(oldBallots).filter(([round]) => round >= oldest);
  turn.changeEpoch({
    ballots: keepEntries(ballots, (round) => round >= recent),
    oldBallots: new Map([...kept, ...aged]),
  });
}

type Shelf = "proposals" | "votes" | "orderVotes";

function shelfOf(kind: SignedStatement["statement"]["kind"]): Shelf | undefined {
  if (kind === "proposal") return "proposals";
  if (kind === "vote") return "votes";
  return kind === "order-vote" ? "orderVotes" : undefined;
}

/** The statement that this node already has in the place of `signed`, equal or not. */
export function knownBallot(turn: Turn, signed: SignedStatement): SignedStatement | undefined {
  const { statement, author } = signed;
  if (!("round" in statement)) return undefined;
  const ballots = ballotsOf(turn, statement.round);
  if (statement.kind === "timeout") return ballots.timeouts.get(author)?.signed;
  const shelf = shelfOf(statement.kind);
  return shelf === undefined ? undefined : ballots[shelf].get(author);
}

/**
 * Counts a verified proposal, vote or order vote. The first of its author and round stays; a
 * second, different one is evidence (E1, E2, E3) and counts for nothing.
 */
export function keepBallot(turn: Turn, signed: SignedStatement): void {
  const { statement, author } = signed;
  const shelf = shelfOf(statement.kind);
  if (shelf === undefined || !("round" in statement)) return;
  if (statement.epoch !== turn.state.set.epoch) return;
  const known = knownBallot(turn, signed);
  if (known !== undefined) {
    if (isConflict(turn, known, signed)) reportMisconduct(turn, known, signed);
    return;
  }
  if (!isRoundInWindow(turn, statement.round)) return;
  const kept = withEntry(ballotsOf(turn, statement.round)[shelf], author, signed);
  changeBallots(turn, statement.round, { [shelf]: kept });
  if (shelf === "proposals") return;
  findContradiction(turn, signed);
  judgeVote(turn, signed);
  noteNewest(turn, signed);
}

/** Counts a verified timeout with a certificate at least as high as it names. */
export function keepTimeout(turn: Turn, ballot: TimeoutBallot): void {
  const { statement, author } = ballot.signed;
  if (statement.kind !== "timeout" || !isRoundInWindow(turn, statement.round)) return;
  if (statement.epoch !== turn.state.set.epoch) return;
  const { timeouts } = ballotsOf(turn, statement.round);
  if (timeouts.has(author)) return;
  changeBallots(turn, statement.round, { timeouts: withEntry(timeouts, author, ballot) });
  findContradiction(turn, ballot.signed);
  noteNewest(turn, ballot.signed);
}

/** Statements of one round that say the same as `sample`. */
function agreeing(
  turn: Turn,
  ballots: ReadonlyMap<PublicKey, SignedStatement>,
  sample: SignedStatement,
): SignedStatement[] {
  const same = (other: SignedStatement): boolean => {
    const left = other.statement;
    const right = sample.statement;
    if (left.kind === "vote" && right.kind === "vote") {
      return left.blockId === right.blockId && left.qcRound === right.qcRound;
    }
    return left.kind === "order-vote" && right.kind === "order-vote"
      ? left.blockId === right.blockId
      : false;
  };
  const statements = Array.from(ballots.values()).filter(same);
  const enough = hasQuorum(
    turn.state.set,
    statements.map(({ author }) => author),
  );
  return enough ? statements : [];
}

/** R3: a quorum of votes for the block of this vote. */
export function certificateOf(turn: Turn, vote: SignedStatement): QuorumCertificate | undefined {
  if (vote.statement.kind !== "vote") return undefined;
  const { epoch, round, blockId, qcRound } = vote.statement;
  const votes = agreeing(turn, ballotsOf(turn, round).votes, vote);
  if (votes.length === 0) return undefined;
  return { epoch, round, blockId, qcRound, signatures: sortedSignatures(votes) };
}

/** R5: a quorum of order votes for the block of this order vote. */
export function orderOf(turn: Turn, vote: SignedStatement): OrderCertificate | undefined {
  if (vote.statement.kind !== "order-vote") return undefined;
  const { epoch, round, blockId } = vote.statement;
  const votes = agreeing(turn, ballotsOf(turn, round).orderVotes, vote);
  if (votes.length === 0) return undefined;
  return { epoch, round, blockId, signatures: sortedSignatures(votes) };
}

/** R7: a quorum of timeouts of the round. */
export function timeoutCertificateOf(turn: Turn, round: Round): TimeoutCertificate | undefined {
  const ballots = Array.from(ballotsOf(turn, round).timeouts.values());
  const signed = ballots.map((ballot) => ballot.signed);
  const authors = signed.map(({ author }) => author);
  if (!hasQuorum(turn.state.set, authors)) return undefined;
  const hqcRounds = new Map(
    signed.map(({ author, statement }) => [
      author,
      statement.kind === "timeout" ? statement.hqcRound : 0,
    ]),
  );
  const timeouts = sortedSignatures(signed).map((entry) => {
    return { ...entry, hqcRound: hqcRounds.get(entry.author) ?? 0 };
  });
  const highestQc = ballots
    .map(({ qc }) => qc)
    .reduce((highest, qc) => (qc.round > highest.round ? qc : highest), turn.epoch.genesisQc);
  return { epoch: turn.state.set.epoch, round, timeouts, highestQc };
}
