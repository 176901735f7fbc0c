import type { PublicKey } from "../kernel/scalars.ts";
import { type SignedStatement, verifyStatement } from "../kernel/statements.ts";
import { verifyQcOnce, verifyTcOnce } from "./certificates.ts";
import { setCommitTarget } from "./commit.ts";
import { isConflict } from "./evidence.ts";
import { wantBlock } from "./fetch.ts";
import { acceptQc, acceptTc, countTimeouts } from "./rounds.ts";
import { observeLife } from "./signing.ts";
import { type Turn, withEntry } from "./turn.ts";
import type { OrderCertificate, PeerBody, QuorumCertificate } from "./types.ts";
import {
  certificateOf,
  isRoundInWindow,
  keepBallot,
  keepTimeout,
  knownBallot,
  orderOf,
} from "./vote-keeper.ts";

/**
 * The door for one statement of a round: bounds, membership, then the signature, once. Returns
 * false for what is refused, and for what is already here word for word.
 */
function isNew(turn: Turn, from: PublicKey, signed: SignedStatement): boolean {
  const { statement, author } = signed;
  const field = `${statement.kind}.author`;
  if (!("round" in statement) || !isRoundInWindow(turn, statement.round)) {
    turn.drop(from, { code: "ROUND_OUT_OF_WINDOW", field: `${statement.kind}.round` });
    return false;
  }
  // Rounds start again with every epoch: what was signed in another one says nothing in this one.
  if (statement.epoch !== turn.state.set.epoch) {
    turn.drop(from, { code: "FOREIGN_EPOCH", field: `${statement.kind}.epoch` });
    return false;
  }
  if (!turn.isMember(author)) {
    turn.drop(from, { code: "FOREIGN_AUTHOR", field });
    return false;
  }
  const known = knownBallot(turn, signed);
  if (known !== undefined && !isConflict(turn, known, signed)) return false;
  const { scheme, chainId } = turn.state.config;
  if (!verifyStatement(scheme, chainId, signed)) {
    turn.drop(from, { code: "BAD_SIGNATURE", field });
    return false;
  }
  observeLife(turn, signed);
  return true;
}

/** Counts a vote whose signature is known to be good. */
export function countVote(turn: Turn, signed: SignedStatement, from: PublicKey | undefined): void {
  keepBallot(turn, signed);
  const { statement } = signed;
  // A late vote: a quorum of the others has made the certificate.
  if (statement.kind === "vote" && turn.epoch.certified.has(statement.blockId)) return;
  const qc = certificateOf(turn, signed);
  if (qc !== undefined) acceptQc(turn, qc, from);
}

export function onVote(turn: Turn, from: PublicKey, signed: SignedStatement): void {
  const { statement } = signed;
  if (statement.kind !== "vote") return;
  if (statement.qcRound >= statement.round) {
    turn.drop(from, { code: "ROUNDS_REVERSED", field: "vote.qcRound" });
    return;
  }
  if (!isNew(turn, from, signed)) return;
  // A member names one block in a round: what its second vote names is not worth fetching.
  const isFirst = knownBallot(turn, signed) === undefined;
  countVote(turn, signed, from);
  const { blocks, root, round } = turn.epoch;
  // The voter has a proposal that this node lacks: a lost one, or a second one (E1).
  const known = blocks.has(statement.blockId) || root.id === statement.blockId;
  const rival = Array.from(blocks.values()).some(({ signed: other }) => {
    return other.block.round === statement.round;
  });
  const wanted = isFirst && !known && statement.round + 1 >= round && rival;
  if (wanted) wantBlock(turn, statement, from);
}

/** Counts an order vote whose signature is known to be good. */
export function countOrderVote(turn: Turn, signed: SignedStatement): void {
  keepBallot(turn, signed);
  const { statement } = signed;
  const known = turn.epoch.highestOrder?.round ?? 0;
  if (statement.kind === "order-vote" && statement.round <= known) return;
  const order = orderOf(turn, signed);
  if (order !== undefined) acceptOrder(turn, order);
}

/** R5, first half: adopts a verified order certificate. */
export function acceptOrder(turn: Turn, order: OrderCertificate): void {
  const { highestOrder } = turn.epoch;
  if (highestOrder !== undefined && highestOrder.round >= order.round) return;
  turn.changeEpoch({ highestOrder: order });
  const { epoch, blockId, round } = order;
  const statement = { kind: "order-vote", epoch, round, blockId } as const;
  for (const { author, signature } of order.signatures) {
    keepBallot(turn, { statement, author, signature });
  }
  setCommitTarget(turn, blockId, round, { kind: "order", certificate: order });
}

/** Verifies and adopts a certificate that came with something else. */
export function takeQc(turn: Turn, from: PublicKey, qc: QuorumCertificate): boolean {
  const verified = verifyQcOnce(turn.state, qc);
  if (!verified.ok) {
    turn.drop(from, verified.error);
    return false;
  }
  acceptQc(turn, qc, from);
  return true;
}

type OrderVoteBody = Extract<PeerBody, { readonly kind: "order-vote" }>;

export function onOrderVote(turn: Turn, from: PublicKey, { signed, qc }: OrderVoteBody): void {
  const { statement } = signed;
  if (statement.kind !== "order-vote") {
    turn.drop(from, { code: "FOREIGN_KIND", field: "order-vote.signed" });
    return;
  }
  if (qc.blockId !== statement.blockId || qc.round !== statement.round) {
    turn.drop(from, { code: "QC_MISMATCH", field: "order-vote.qc" });
    return;
  }
  if (!takeQc(turn, from, qc) || !isNew(turn, from, signed)) return;
  countOrderVote(turn, signed);
}

type TimeoutBody = Extract<PeerBody, { readonly kind: "timeout" }>;

export function onTimeout(turn: Turn, from: PublicKey, body: TimeoutBody): void {
  const { statement } = body.signed;
  if (statement.kind !== "timeout") {
    turn.drop(from, { code: "FOREIGN_KIND", field: "timeout.signed" });
    return;
  }
  const { round, hqcRound } = statement;
  if (body.highestQc.round < hqcRound || hqcRound >= round) {
    turn.drop(from, { code: "ROUNDS_REVERSED", field: "timeout.highestQc" });
    return;
  }
  if (!takeQc(turn, from, body.highestQc)) return;
  if (body.lastTc !== undefined) {
    const verified = verifyTcOnce(turn.state, body.lastTc);
    if (!verified.ok) {
      turn.drop(from, verified.error);
      return;
    }
    acceptTc(turn, body.lastTc, from);
  }
  if (!isNew(turn, from, body.signed)) return;
  const qc = turn.epoch.certified.get(body.highestQc.blockId) ?? body.highestQc;
  keepTimeout(turn, { signed: body.signed, qc });
  countTimeouts(turn, round);
}

/** A sign of life of a member or a registered spare; a newer one is passed on once (SILENCE). */
export function onHeartbeat(
  turn: Turn,
  from: PublicKey | undefined,
  signed: SignedStatement,
): void {
  const { statement, author } = signed;
  if (statement.kind !== "heartbeat") return;
  const source = from ?? turn.state.config.self.networkKey;
  if (!turn.isMember(author) && !turn.state.spares.includes(author)) {
    turn.drop(source, { code: "FOREIGN_AUTHOR", field: "heartbeat.author" });
    return;
  }
  const known = turn.epoch.heartbeats.get(author);
  if (known?.statement.kind === "heartbeat" && known.statement.height >= statement.height) return;
  if (statement.height > turn.epoch.root.height + turn.state.config.parameters.roundsAheadMax) {
    turn.drop(source, { code: "HEIGHT_OUT_OF_WINDOW", field: "heartbeat.height" });
    return;
  }
  const { scheme, chainId } = turn.state.config;
  if (from !== undefined && !verifyStatement(scheme, chainId, signed)) {
    turn.drop(source, { code: "BAD_SIGNATURE", field: "heartbeat" });
    return;
  }
  observeLife(turn, signed);
  turn.changeEpoch({ heartbeats: withEntry(turn.epoch.heartbeats, author, signed) });
  turn.broadcast({ kind: "statement", signed });
}
