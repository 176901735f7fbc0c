import { ok, type Refusal, type Result, refuse } from "../kernel/result.ts";
import { type Digest, type Epoch, ZERO_DIGEST } from "../kernel/scalars.ts";
import {
  type AttestedResult,
  type SignatureScheme,
  type SignedStatement,
  type Statement,
  statementDigest,
  statementEpoch,
  statementIndex,
  verifyStatement,
} from "../kernel/statements.ts";
import type { EvidenceKind } from "./state.ts";
import { inProofOrder } from "./transaction.ts";
import type { Transaction } from "./types.ts";

export type Proof = Extract<Transaction, { kind: "misconduct-proof" }>;

/** Two different statements of one kind under one (epoch, index): EVIDENCE. */
const PAIRS: Partial<Readonly<Record<Statement["kind"], EvidenceKind | "E9">>> = {
  proposal: "E1",
  vote: "E2",
  "order-vote": "E3",
  attestation: "E7",
  batch: "E8",
  "oracle-report": "E9",
};

/**
 * Which offence two different statements of one key show; undefined: an honest key may sign both.
 */
export function classify(first: Statement, second: Statement): EvidenceKind | "E9" | undefined {
  if (statementEpoch(first) !== statementEpoch(second)) return undefined;
  if (first.kind === second.kind && statementIndex(first) === statementIndex(second)) {
    return PAIRS[first.kind];
  }
  if (first.kind === "attestation" && second.kind === "attestation") {
    return endsBefore(first.result, second.result) ? "E10" : undefined;
  }
  if (second.kind === "timeout") return againstTimeout(first, second);
  if (first.kind === "timeout") return againstTimeout(second, first);
  return undefined;
}

/**
 * E10: one result ends its epoch, the other is of a later height of it. That the epoch ended there
 * is for the ledger to say: a key whose state was wrong may have ended it elsewhere (`checkEnd`).
 */
function endsBefore(left: AttestedResult, right: AttestedResult): boolean {
  const end = left.height < right.height ? left : right;
  return end.nextSetHash !== ZERO_DIGEST;
}

/**
 * E4: an order vote at r and a timeout at r' >= r that claims a highest certificate below r.
 * E5: a vote whose block rests on the certificate of round q, and a later timeout that claims less.
 */
function againstTimeout(
  statement: Statement,
  timeout: Extract<Statement, { kind: "timeout" }>,
): EvidenceKind | undefined {
  if (statement.kind !== "order-vote" && statement.kind !== "vote") return undefined;
  if (timeout.round < statement.round) return undefined;
  const rested = statement.kind === "vote" ? statement.qcRound : statement.round;
  if (timeout.hqcRound >= rested) return undefined;
  return statement.kind === "vote" ? "E5" : "E4";
}

/** Epoch and index of a pair, as they order E9 offences; see `statementIndex`. */
export function offenceOf(statement: Statement): {
  readonly epoch: Epoch;
  readonly index: number;
} {
  return { epoch: statementEpoch(statement), index: statementIndex(statement) };
}

/**
 * What the pair shows on this chain, before any signature is looked at. Refusals: FOREIGN_CHAIN,
 * NOT_MISCONDUCT, PROOF_ORDER.
 */
export function judgePair(chainId: Digest, proof: Proof): Result<EvidenceKind | "E9", Refusal> {
  const { first, second } = proof;
  if (proof.chainId !== chainId) {
    const fix = `the proof is of chain ${proof.chainId}: submit it there`;
    return refuse("FOREIGN_CHAIN", "chainId", fix);
  }
  if (first.author !== second.author) {
    return refuse("NOT_MISCONDUCT", "second.author", "both statements are of one author");
  }
  const [left, right] = [first.statement, second.statement];
  const isSame = statementDigest(chainId, left) === statementDigest(chainId, right);
  const evidence = isSame ? undefined : classify(left, right);
  if (evidence === undefined) {
    const fix = "an honest key may sign both: see EVIDENCE for the pairs it never signs";
    return refuse("NOT_MISCONDUCT", "second", fix);
  }
  if (!inProofOrder(chainId, first, second)) {
    const fix = "write the statements in order of index, then digest: one pair, one proof";
    return refuse("PROOF_ORDER", "second", fix);
  }
  return ok(evidence);
}

/** Both signatures are the accused's, over this chain. */
export function checkSignatures(
  scheme: SignatureScheme,
  chainId: Digest,
  proof: Proof,
): Refusal | undefined {
  return (
    checkSignature(scheme, chainId, proof.first, "first") ??
    checkSignature(scheme, chainId, proof.second, "second")
  );
}

export function checkSignature(
  scheme: SignatureScheme,
  chainId: Digest,
  signed: SignedStatement,
  field: string,
): Refusal | undefined {
  if (verifyStatement(scheme, chainId, signed)) return undefined;
  const fix = "the accused's signature does not verify on this chain";
  return { code: "BAD_SIGNATURE", field: `${field}.signature`, fix };
}
