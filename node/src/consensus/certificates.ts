import { compareText, equalBytes } from "../kernel/bytes.ts";
import { type AuthorSignature, verifySignatures } from "../kernel/certificates.ts";
import { ok, type Refusal, type Result, refuse } from "../kernel/result.ts";
import type { PublicKey, Round, Signature } from "../kernel/scalars.ts";
import {
  type SignatureScheme,
  type SignedStatement,
  type Statement,
  signingBytes,
} from "../kernel/statements.ts";
import { findMember, hasQuorum } from "../kernel/validator-set.ts";
import { ballotsAt, type ConsensusState } from "./state.ts";
import type { OrderCertificate, QuorumCertificate, TimeoutCertificate } from "./types.ts";

export function sortedSignatures(statements: readonly SignedStatement[]): AuthorSignature[] {
  return statements
    .map(({ author, signature }) => ({ author, signature }))
    .toSorted((left, right) => compareText(left.author, right.author));
}

export function voteStatement(qc: QuorumCertificate): Statement {
  const { epoch, round, blockId, qcRound } = qc;
  return { kind: "vote", epoch, round, blockId, qcRound };
}

/** Skips the signatures that this node has already verified one by one. */
function rememberingScheme(
  state: ConsensusState,
  known: (author: PublicKey) => Signature | undefined,
): SignatureScheme {
  const { scheme } = state.config;
  return {
    verify(author, message, signature) {
      const before = known(author);
      if (before !== undefined && equalBytes(before, signature)) return true;
      return scheme.verify(author, message, signature);
    },
  };
}

/** One certificate has one form: authors ascending, each once. */
function isAscending(entries: readonly { readonly author: PublicKey }[]): boolean {
  return entries.every(({ author }, index) => {
    const before = entries[index - 1];
    return before === undefined || before.author < author;
  });
}

function checkEpoch(state: ConsensusState, epoch: number): Result<void, Refusal> {
  if (epoch === state.set.epoch) return ok(undefined);
  return refuse("FOREIGN_EPOCH", "epoch", `send certificates of epoch ${state.set.epoch}`);
}

const UNSORTED = refuse("UNSORTED_SIGNERS", "signatures", "sort the signers by key, each once");

/**
 * A full check of every signature that is in the certificate: what a block carries is read by all.
 */
export function verifyQc(state: ConsensusState, qc: QuorumCertificate): Result<void, Refusal> {
  const epoch = checkEpoch(state, qc.epoch);
  if (!epoch.ok) return epoch;
  const { genesisQc } = state.epoch;
  if (qc.round === 0) {
    const same = qc.blockId === genesisQc.blockId && qc.qcRound === 0 && qc.signatures.length === 0;
    return same
      ? ok(undefined)
      : refuse("FOREIGN_GENESIS", "qc", "start from this epoch's genesis");
  }
  if (qc.qcRound >= qc.round) return refuse("ROUNDS_REVERSED", "qc.qcRound", "name an older round");
  if (!isAscending(qc.signatures)) return UNSORTED;
  const { votes } = ballotsAt(state.epoch, qc.round);
  const scheme = rememberingScheme(state, (author) => {
    const vote = votes.get(author);
    if (vote?.statement.kind !== "vote") return undefined;
    const same = vote.statement.blockId === qc.blockId && vote.statement.qcRound === qc.qcRound;
    return same ? vote.signature : undefined;
  });
  const message = signingBytes(state.config.chainId, voteStatement(qc));
  return verifySignatures(scheme, state.set, message, qc.signatures);
}

/** As `verifyQc`, but a block whose certificate is known needs no second one. */
export function verifyQcOnce(state: ConsensusState, qc: QuorumCertificate): Result<void, Refusal> {
  const known = state.epoch.certified.get(qc.blockId);
  if (known?.round === qc.round && known.qcRound === qc.qcRound) return ok(undefined);
  return verifyQc(state, qc);
}

export function highestHqcRound(tc: TimeoutCertificate): Round {
  return tc.timeouts.reduce((highest, { hqcRound }) => Math.max(highest, hqcRound), 0);
}

/** A full check, also of the certificate it carries: both are read from blocks, and from logs. */
export function verifyTc(state: ConsensusState, tc: TimeoutCertificate): Result<void, Refusal> {
  const epoch = checkEpoch(state, tc.epoch);
  if (!epoch.ok) return epoch;
  if (!isAscending(tc.timeouts)) return UNSORTED;
  const authors = tc.timeouts.map(({ author }) => author);
  if (authors.some((author) => findMember(state.set, author) === undefined)) {
    return refuse("FOREIGN_SIGNER", "tc.timeouts", "list members of the epoch only");
  }
  if (!hasQuorum(state.set, authors)) {
    return refuse("POWER_BELOW_QUORUM", "tc.timeouts", "collect more than 2/3 of the power");
  }
  if (highestHqcRound(tc) >= tc.round || tc.highestQc.round < highestHqcRound(tc)) {
    return refuse("ROUNDS_REVERSED", "tc.highestQc", "attach the highest certificate it names");
  }
  const { timeouts } = ballotsAt(state.epoch, tc.round);
  for (const { author, signature, hqcRound } of tc.timeouts) {
    const statement: Statement = { kind: "timeout", epoch: tc.epoch, round: tc.round, hqcRound };
    const known = timeouts.get(author)?.signed;
    const seen = known?.statement.kind === "timeout" && known.statement.hqcRound === hqcRound;
    if (seen && equalBytes(known.signature, signature)) continue;
    const message = signingBytes(state.config.chainId, statement);
    if (!state.config.scheme.verify(author, message, signature)) {
      return refuse("BAD_SIGNATURE", "tc.timeouts", `the signature of ${author} does not verify`);
    }
  }
  return verifyQc(state, tc.highestQc);
}

/**
 * As `verifyTc`, but a round whose certificate is known needs no second one: its timeouts are read
 * by nobody. The certificate it carries is adopted whatever the round, so that one is always
 * verified.
 */
export function verifyTcOnce(state: ConsensusState, tc: TimeoutCertificate): Result<void, Refusal> {
  const known = state.epoch.highestTc;
  if (known?.round === tc.round && tc.epoch === known.epoch) {
    return verifyQcOnce(state, tc.highestQc);
  }
  return verifyTc(state, tc);
}

export function verifyOrder(state: ConsensusState, order: OrderCertificate): Result<void, Refusal> {
  const epoch = checkEpoch(state, order.epoch);
  if (!epoch.ok) return epoch;
  if (!isAscending(order.signatures)) return UNSORTED;
  const { round, blockId } = order;
  const { orderVotes } = ballotsAt(state.epoch, round);
  const scheme = rememberingScheme(state, (author) => {
    const vote = orderVotes.get(author);
    if (vote?.statement.kind !== "order-vote" || vote.statement.blockId !== blockId)
      return undefined;
    return vote.signature;
  });
  const statement: Statement = { kind: "order-vote", epoch: order.epoch, round, blockId };
  const message = signingBytes(state.config.chainId, statement);
  return verifySignatures(scheme, state.set, message, order.signatures);
}
