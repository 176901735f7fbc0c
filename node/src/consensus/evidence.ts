import { equalBytes } from "../kernel/bytes.ts";
import {
  type SignedStatement,
  signingBytes,
  statementEpoch,
  statementIndex,
} from "../kernel/statements.ts";
import { ballotsAt } from "./state.ts";
import { type Turn, withEntry } from "./turn.ts";
import type { SignedBlock } from "./types.ts";

/** Bounds the memory of what was reported; each entry is one offence of one member. */
const REPORTED_MAX = 1_024;

/** True for two statements that differ under one (author, epoch, kind, index). */
export function isConflict(turn: Turn, first: SignedStatement, second: SignedStatement): boolean {
  // One signature signs one statement: the usual case, a repeat, costs nothing.
  if (first.author !== second.author || equalBytes(first.signature, second.signature)) return false;
  if (statementEpoch(first.statement) !== statementEpoch(second.statement)) return false;
  const { chainId } = turn.state.config;
  return !equalBytes(
    signingBytes(chainId, first.statement),
    signingBytes(chainId, second.statement),
  );
}

/**
 * Both statements are verified. Reported once for each author, kind, epoch and index (EVIDENCE).
 */
export function reportMisconduct(
  turn: Turn,
  first: SignedStatement,
  second: SignedStatement,
): void {
  const { statement, author } = first;
  const index = `${statementEpoch(statement)}/${statementIndex(statement)}`;
  const key = `${statement.kind}+${second.statement.kind}/${index}/${author}`;
  if (isFirstReport(turn, key)) turn.emit({ kind: "misconduct", first, second });
}

/** E6: the vote is verified, and by rounds alone nobody may vote for that block. */
export function reportInvalidVote(turn: Turn, vote: SignedStatement, block: SignedBlock): void {
  const { statement, author } = vote;
  const index = `${statementEpoch(statement)}/${statementIndex(statement)}`;
  if (isFirstReport(turn, `invalid-vote/${index}/${author}`)) {
    turn.emit({ kind: "invalid-vote", vote, block: block.bytes });
  }
}

function isFirstReport(turn: Turn, key: string): boolean {
  const { reported } = turn.epoch;
  if (reported.has(key) || reported.size >= REPORTED_MAX) return false;
  turn.changeEpoch({ reported: new Set(reported).add(key) });
  return true;
}

/** Contradictions are looked for over this many rounds. */
const CONTRADICTION_ROUNDS_MAX = 64;

/**
 * E4: an order vote at r and a timeout at r' >= r that names a certificate below r. E5: a vote on a
 * certificate of round q and a timeout at r' >= the vote's round that names one below q. An honest
 * node never forgets the certificate that its signature rested on.
 */
function contradicts(earlier: SignedStatement, timeout: SignedStatement): boolean {
  if (timeout.statement.kind !== "timeout") return false;
  const { round, hqcRound } = timeout.statement;
  const { statement } = earlier;
  if (statementEpoch(statement) !== timeout.statement.epoch) return false;
  if (statement.kind === "order-vote")
    return round >= statement.round && hqcRound < statement.round;
  if (statement.kind === "vote") return round >= statement.round && hqcRound < statement.qcRound;
  return false;
}

/**
 * Compares a verified statement with what its author said in the rounds that it could contradict.
 */
export function findContradiction(turn: Turn, signed: SignedStatement): void {
  const { statement, author } = signed;
  if (!("round" in statement)) return;
  const isTimeout = statement.kind === "timeout";
  const first = isTimeout
    ? Math.max(statement.hqcRound + 1, statement.round - CONTRADICTION_ROUNDS_MAX)
    : statement.round;
  const last = isTimeout
    ? statement.round
    : Math.min(turn.epoch.round, statement.round + CONTRADICTION_ROUNDS_MAX);
  for (let round = first; round <= last; round += 1) {
    const { votes, orderVotes, timeouts } = ballotsAt(turn.epoch, round);
    const said = isTimeout
      ? [votes.get(author), orderVotes.get(author)]
      : [timeouts.get(author)?.signed];
    for (const other of said) {
      if (other === undefined) continue;
      const [earlier, timeout] = isTimeout ? [other, signed] : [signed, other];
      if (contradicts(earlier, timeout)) reportMisconduct(turn, earlier, timeout);
    }
  }
}

/** Remembers the newest vote, order vote or timeout of each member: a late sign of life. */
export function noteNewest(turn: Turn, signed: SignedStatement): void {
  const before = turn.epoch.newest.get(signed.author);
  const newer =
    before === undefined ||
    statementIndex(signed.statement) > statementIndex(before.signed.statement);
  if (!newer) return;
  const newest = withEntry(turn.epoch.newest, signed.author, { signed, at: turn.now });
  turn.changeEpoch({ newest });
}
