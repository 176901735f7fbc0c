import { compareText } from "@quorate/node/kernel/bytes";
import { ok, type Refusal, type Result, refuse } from "@quorate/node/kernel/result";
import type { Digest, PublicKey } from "@quorate/node/kernel/scalars";
import {
  type SignatureScheme,
  statementEpoch,
  statementIndex,
} from "@quorate/node/kernel/statements";
import {
  checkSignature,
  checkSignatures,
  judgePair,
  type Proof,
} from "@quorate/node/ledger/evidence";
import { type InvalidVoteProof, judgeInvalidVote } from "@quorate/node/ledger/invalid-vote";
import type { EvidenceKind } from "@quorate/node/ledger/state";
import { decodeTransaction, transactionId } from "@quorate/node/ledger/transaction";
import { isNodeError, type NodeError, ProofError, UnreachableError } from "./errors.ts";
import type { CallLimits, QueryNode } from "./query-node.ts";
import type { Trust } from "./trust.ts";

/** A proof of misconduct that this client verified itself: submit `transaction` as it is. */
export interface VerifiedEvidence {
  readonly accused: PublicKey;
  readonly evidence: EvidenceKind;
  /** Canonical bytes of the misconduct-proof or invalid-vote-proof transaction. */
  readonly transaction: Uint8Array;
  readonly id: Digest;
}

/** Above what an honest node holds. */
const PROOFS_MAX = 256;

export interface EvidenceOptions {
  readonly nodes: readonly QueryNode[];
  readonly trust: Trust;
  readonly scheme: SignatureScheme;
  readonly limits: CallLimits;
  /** Hears of nodes that did not answer, and of every proof that does not hold. */
  readonly onNodeError: (error: NodeError) => void;
}

/**
 * Every proof that some node holds and that verifies here, sorted by accused key: each is found by
 * whoever saw both halves, so all nodes are asked. Throws UnreachableError where none answered.
 */
export async function readEvidence(options: EvidenceOptions): Promise<readonly VerifiedEvidence[]> {
  const { nodes, onNodeError } = options;
  const failures: NodeError[] = [];
  const found = new Map<Digest, VerifiedEvidence>();
  await Promise.all(
    nodes.map(async (node) => {
      try {
        for (const proof of await ofNode(node, options)) found.set(proof.id, proof);
      } catch (error) {
        if (!isNodeError(error)) throw error;
        failures.push(error);
        onNodeError(error);
      }
    }),
  );
  if (failures.length === nodes.length) {
    const fix = "no endpoint answered; check that they are up";
    throw new UnreachableError({ code: "UNREACHABLE", field: "endpoints", fix }, failures);
  }
  return [...found.values()].toSorted(
    (left, right) => compareText(left.accused, right.accused) || compareText(left.id, right.id),
  );
}

async function ofNode(node: QueryNode, options: EvidenceOptions): Promise<VerifiedEvidence[]> {
  const claimed = await node.evidence(options.limits);
  if (claimed.length > PROOFS_MAX) {
    const fix = `a node holds at most ${PROOFS_MAX} proofs, this one shows ${claimed.length}`;
    throw new ProofError({ code: "EVIDENCE_TOO_MUCH", field: "transactions", fix }, node.name);
  }
  const verified: VerifiedEvidence[] = [];
  for (const transaction of claimed) {
    const proof = await verifyEvidence(node, transaction, options);
    if (!proof.ok) options.onNodeError(new ProofError(proof.error, node.name));
    // E9 jails reports and is no cause for a swap: the nodes submit it by themselves.
    else if (proof.value.evidence !== "E9") {
      verified.push({ ...proof.value, evidence: proof.value.evidence });
    }
  }
  return verified;
}

type Judged = Omit<VerifiedEvidence, "evidence"> & { readonly evidence: EvidenceKind | "E9" };

function judgeProof(
  chainId: Digest,
  proof: Proof | InvalidVoteProof,
): Result<EvidenceKind | "E9", Refusal> {
  if (proof.kind === "misconduct-proof") return judgePair(chainId, proof);
  const judged = judgeInvalidVote(chainId, proof);
  return judged.ok ? ok("E6") : judged;
}

/** Rule EVIDENCE by the ledger's own code: chain, pair, accused, epoch's end, signatures. */
async function verifyEvidence(
  node: QueryNode,
  transaction: Uint8Array,
  { trust, scheme, limits }: EvidenceOptions,
): Promise<Result<Judged, Refusal>> {
  const decoded = decodeTransaction(transaction);
  if (!decoded.ok) return decoded;
  const proof = decoded.value;
  if (proof.kind !== "misconduct-proof" && proof.kind !== "invalid-vote-proof") {
    const fix = "this is another kind of transaction; ask another node";
    return refuse("NOT_MISCONDUCT", "transaction.kind", fix);
  }
  const { chainId } = trust.light;
  const evidence = judgeProof(chainId, proof);
  if (!evidence.ok) return evidence;
  const isPair = proof.kind === "misconduct-proof";
  const [field, signed] = isPair
    ? (["first", proof.first] as const)
    : (["vote", proof.vote] as const);
  const accused = signed.author;
  // Lanes and endorsements outlive epochs: theirs is 0.
  const epoch = statementEpoch(signed.statement);
  if (epoch > trust.light.set.epoch) await trust.follow(node, epoch, limits);
  if (!trust.light.wasMember(accused, epoch === 0 ? undefined : epoch)) {
    const fix = `${accused} is no member of a set that was proven; ask a node that follows the chain`;
    return refuse("UNKNOWN_KEY", `${field}.author`, fix);
  }
  if (evidence.value === "E10") {
    await trust.follow(node, epoch + 1, limits);
    const isEnd = statementIndex(signed.statement) === trust.light.lastHeightOf(epoch);
    const fix = `the first result has to be the last of epoch ${epoch}; ask another node`;
    if (!isEnd) return refuse("NOT_EPOCH_END", "first.statement.height", fix);
  }
  const refusal = isPair
    ? checkSignatures(scheme, chainId, proof)
    : checkSignature(scheme, chainId, signed, field);
  if (refusal !== undefined) return { ok: false, error: refusal };
  return ok({ accused, evidence: evidence.value, transaction, id: transactionId(transaction) });
}
