import type { Millis, PublicKey, Round } from "../kernel/scalars.ts";
import { hasHonest } from "../kernel/validator-set.ts";
import { voteStatement } from "./certificates.ts";
import { setCommitTarget } from "./commit.ts";
import { wantBlock } from "./fetch.ts";
import { startRoundTimer } from "./round-clock.ts";
import { ROUND_TIMES_MAX } from "./round-timer.ts";
import { askSign, storeQc, storeTc } from "./signing.ts";
import { mayVote } from "./state.ts";
import { type Turn, withEntry } from "./turn.ts";
import type { QuorumCertificate, TimeoutCertificate } from "./types.ts";
import { ballotsOf, keepBallot, pruneBallots, timeoutCertificateOf } from "./vote-keeper.ts";

/** R6: entering a round starts its timer. Only a certificate, or a new epoch, opens a round. */
export function enterRound(turn: Turn, round: Round, by: "qc" | "tc" | "epoch"): void {
  turn.changeEpoch({ round, enteredAt: turn.now });
  pruneBallots(turn);
  startRoundTimer(turn);
  turn.observe({ kind: "round-entered", round, by });
}

function measureRound(turn: Turn, qc: QuorumCertificate): void {
  const node = turn.epoch.blocks.get(qc.blockId);
  if (node === undefined || qc.round !== turn.epoch.round) return;
  const elapsed = Math.max(turn.now - node.receivedAt, 0);
  turn.change({ roundTimes: [...turn.state.roundTimes, elapsed].slice(-ROUND_TIMES_MAX) });
}

/** The votes inside a certificate are evidence against what their authors tell others (E2). */
function keepVotes(turn: Turn, qc: QuorumCertificate): void {
  const statement = voteStatement(qc);
  for (const { author, signature } of qc.signatures) {
    keepBallot(turn, { statement, author, signature });
  }
}

/**
 * R4: an order vote, unless this round was timed out before. The lock moves only together with a
 * signature and after its certificate is in the log: a lock on a certificate that a power cut took
 * from everybody would keep this node from ever signing a timeout again.
 */
function orderVote(turn: Turn, qc: QuorumCertificate): void {
  const { safety, orderVotedRound } = turn.epoch;
  if (!mayVote(turn.state) || qc.round <= orderVotedRound) return;
  if (qc.round <= safety.highestTimeoutRound) return;
  storeQc(turn, qc);
  turn.changeEpoch({ orderVotedRound: qc.round });
  const { epoch, round, blockId } = qc;
  const oneChainRound = Math.max(safety.oneChainRound, round);
  askSign(turn, { kind: "order-vote", epoch, round, blockId }, { oneChainRound });
}

/** R5, second half: a certified child in the round right after its parent commits the parent. */
export function checkTwoChain(turn: Turn, qc: QuorumCertificate): void {
  const child = turn.epoch.blocks.get(qc.blockId)?.signed;
  if (child === undefined || child.block.round !== child.block.qc.round + 1) return;
  if (child.block.qc.round <= turn.epoch.root.round) return;
  setCommitTarget(turn, child.block.qc.blockId, child.block.qc.round, {
    kind: "two-chain",
    child,
    qc,
  });
}

/**
 * R3: adopts a verified certificate. `from` is the peer that has the block, if it is missing here.
 */
export function acceptQc(turn: Turn, qc: QuorumCertificate, from: PublicKey | undefined): void {
  const { certified, highestQc, root } = turn.epoch;
  if (certified.has(qc.blockId) || qc.round < root.round) return;
  turn.changeEpoch({ certified: withEntry(certified, qc.blockId, qc) });
  keepVotes(turn, qc);
  measureRound(turn, qc);
  if (qc.round > highestQc.round) turn.changeEpoch({ highestQc: qc });
  if (qc.round > root.round && !turn.epoch.blocks.has(qc.blockId)) wantBlock(turn, qc, from);
  if (qc.round >= turn.epoch.round) enterRound(turn, qc.round + 1, "qc");
  orderVote(turn, qc);
  checkTwoChain(turn, qc);
}

/** R7: adopts a verified timeout certificate. */
export function acceptTc(turn: Turn, tc: TimeoutCertificate, from: PublicKey | undefined): void {
  acceptQc(turn, tc.highestQc, from);
  const { highestTc, certified } = turn.epoch;
  if (highestTc !== undefined && tc.round <= highestTc.round) return;
  // Our own copy of the certificate inside: its signatures were all checked.
  const highestQc = certified.get(tc.highestQc.blockId) ?? tc.highestQc;
  turn.changeEpoch({ highestTc: { ...tc, highestQc } });
  if (tc.round < turn.epoch.round) return;
  turn.changeEpoch({ failures: turn.epoch.failures + 1 });
  enterRound(turn, tc.round + 1, "tc");
}

/** Sends this node's timeout of the current round again, word for word; false if it made none. */
export function resendTimeout(turn: Turn): boolean {
  const { round, ownTimeout } = turn.epoch;
  if (ownTimeout?.signed.statement.kind !== "timeout") return false;
  if (ownTimeout.signed.statement.round !== round) return false;
  const { signed, qc } = ownTimeout;
  turn.broadcast({ kind: "timeout", signed, highestQc: qc, lastTc: lastTc(turn) });
  return true;
}

/**
 * R8: a proposal or vote that was lost goes out again, word for word, once the round has lasted
 * longer than the base timer: a network that heals in the middle of a grown timer goes on at once.
 */
export function resendRound(turn: Turn, olderThanMs: Millis): void {
  const { round, enteredAt, blocks, ownVote } = turn.epoch;
  if (turn.now - enteredAt < olderThanMs) return;
  const own = turn.state.config.self.key;
  for (const { signed } of blocks.values()) {
    const { block } = signed;
    if (block.round === round && block.proposer === own && mayVote(turn.state)) {
      turn.broadcast({ kind: "proposal", block: signed });
    }
  }
  const voted = ownVote?.statement.kind === "vote" && ownVote.statement.round === round;
  if (ownVote !== undefined && voted) turn.broadcast({ kind: "statement", signed: ownVote });
  resendTimeout(turn);
}

/** R6: times out of the current round: once it is signed, only the same bytes go out again. */
export function timeOut(turn: Turn): void {
  if (resendTimeout(turn)) return;
  const { round, highestQc, highestTc, safety } = turn.epoch;
  if (!mayVote(turn.state) || round <= safety.highestTimeoutRound) return;
  const byTc = highestTc?.round === round - 1;
  const byQc = highestQc.round === round - 1;
  if (!(byQc || byTc) || highestQc.round < safety.oneChainRound) return;
  if (highestTc !== undefined && byTc && !byQc) storeTc(turn, highestTc);
  storeQc(turn, highestQc);
  turn.observe({ kind: "round-timed-out", round, leader: turn.leader(round) });
  turn.changeEpoch({ timeoutQc: highestQc });
  const lastVotedRound = Math.max(safety.lastVotedRound, round);
  askSign(
    turn,
    { kind: "timeout", epoch: turn.state.set.epoch, round, hqcRound: highestQc.round },
    { lastVotedRound, highestTimeoutRound: round },
  );
}

/** The certificate by which the current round was entered, if it was not a quorum certificate. */
export function lastTc(turn: Turn): TimeoutCertificate | undefined {
  const { highestTc, highestQc, round } = turn.epoch;
  if (highestQc.round === round - 1) return undefined;
  return highestTc?.round === round - 1 ? highestTc : undefined;
}

/** R6: the timer of the round ran out. */
export function onRoundTimer(turn: Turn): void {
  if (turn.now < turn.epoch.roundDueAt) {
    turn.setTimer("round", turn.epoch.roundDueAt);
    return;
  }
  timeOut(turn);
  startRoundTimer(turn);
}

/** R7: f+1 of timeouts make this node join, a quorum of them ends the round. */
export function countTimeouts(turn: Turn, round: Round): void {
  if (round < turn.epoch.round) return;
  const tc = timeoutCertificateOf(turn, round);
  if (tc !== undefined) {
    acceptTc(turn, tc, undefined);
    turn.broadcast({ kind: "certificates", qc: undefined, tc, order: undefined });
    return;
  }
  const { timeouts } = ballotsOf(turn, round);
  const own = turn.state.config.self.key;
  if (
    round === turn.epoch.round &&
    !timeouts.has(own) &&
    hasHonest(turn.state.set, timeouts.keys())
  ) {
    timeOut(turn);
  }
}
