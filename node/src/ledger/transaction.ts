import { sha256Hex } from "../crypto/sha256.ts";
import { compareText } from "../kernel/bytes.ts";
import { DecodeError, Reader, Writer } from "../kernel/codec.ts";
import { ok, type Refusal, type Result, refuse } from "../kernel/result.ts";
import type { Digest, Millis, PublicKey } from "../kernel/scalars.ts";
import { type SignedStatement, statementDigest, statementIndex } from "../kernel/statements.ts";
import {
  readTransaction,
  type SignedFields,
  writeRegistration,
  writeSignedFields,
  writeTransaction,
} from "./transaction-codec.ts";
import type { SpareRegistration, Transaction } from "./types.ts";

/** A transaction above this many bytes is refused before it is decoded. */
export const TRANSACTION_BYTES_MAX = 65_536;

export function encodeTransaction(transaction: Transaction): Uint8Array {
  const writer = new Writer();
  writeTransaction(writer, transaction);
  return writer.finish();
}

/** Accepts exactly what `encodeTransaction` writes; `TRANSACTION_MALFORMED` names the field. */
export function decodeTransaction(bytes: Uint8Array): Result<Transaction, Refusal> {
  if (bytes.length > TRANSACTION_BYTES_MAX) {
    const fix = `send at most ${TRANSACTION_BYTES_MAX} bytes, these are ${bytes.length}`;
    return refuse("TRANSACTION_TOO_LARGE", "transaction", fix);
  }
  try {
    const reader = new Reader(bytes);
    const transaction = readTransaction(reader);
    reader.end();
    return ok(transaction);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const fix = `encode it as node/spec/encoding.md says: ${error.message}`;
    return refuse("TRANSACTION_MALFORMED", error.field, fix);
  }
}

/** SHA-256 of the transaction's bytes: what receipts and the client's resubmission go by. */
export function transactionId(bytes: Uint8Array): Digest {
  return sha256Hex(bytes);
}

/** Domain text and chain: no signature means anything elsewhere. */
function domain(kind: string, chainId: Digest): Writer {
  return new Writer().text(`quorate/v1/${kind}`).hex32(chainId);
}

type Unsigned<K extends SignedFields["kind"]> = Extract<SignedFields, { kind: K }>;

function plainSigningBytes(chainId: Digest, fields: SignedFields): Uint8Array {
  const writer = domain(fields.kind, chainId);
  writeSignedFields(writer, fields);
  return writer.finish();
}

/** What the account's key signs. */
export function bundleSigningBytes(chainId: Digest, bundle: Unsigned<"bundle">): Uint8Array {
  return plainSigningBytes(chainId, bundle);
}

/** What an account's key signs to open a session. */
export function sessionSigningBytes(chainId: Digest, session: Unsigned<"session">): Uint8Array {
  return plainSigningBytes(chainId, session);
}

/** What a session's key signs. */
export function sessionBundleSigningBytes(
  chainId: Digest,
  bundle: Unsigned<"session-bundle">,
): Uint8Array {
  return plainSigningBytes(chainId, bundle);
}

/** What the account's key or the session's own signs to end a session. */
export function revokeSessionSigningBytes(
  chainId: Digest,
  revoke: Unsigned<"revoke-session">,
): Uint8Array {
  return plainSigningBytes(chainId, revoke);
}

/** What the seat's owner signs to rotate its key: bound to genesis hash, epoch (setHash), nonce. */
export function ownerRotationSigningBytes(
  chainId: Digest,
  rotation: Unsigned<"owner-rotation">,
): Uint8Array {
  return plainSigningBytes(chainId, rotation);
}

/** What the owner signs to make a jailed key a spare again. */
export function returnSigningBytes(chainId: Digest, back: Unsigned<"return-spare">): Uint8Array {
  return plainSigningBytes(chainId, back);
}

/** What the owner signs to take a spare or a jailed key back for good. */
export function exitSigningBytes(chainId: Digest, exit: Unsigned<"exit-spare">): Uint8Array {
  return plainSigningBytes(chainId, exit);
}

/** What the owner signs to move money of its treasury to an account. */
export function treasuryWithdrawSigningBytes(
  chainId: Digest,
  request: Unsigned<"treasury-withdraw">,
): Uint8Array {
  return plainSigningBytes(chainId, request);
}

/** What each custodian of a quorum signs. */
export function custodianDepositSigningBytes(
  chainId: Digest,
  deposit: Unsigned<"custodian-deposit">,
): Uint8Array {
  return plainSigningBytes(chainId, deposit);
}

/** What each owner of a quorum signs: the set hash binds it to epoch and set. */
export function resizeSigningBytes(chainId: Digest, resize: Unsigned<"resize">): Uint8Array {
  return plainSigningBytes(chainId, resize);
}

/** What each owner of a quorum signs: bound to market, nonce and end. */
export function marketTermsSigningBytes(
  chainId: Digest,
  terms: Unsigned<"market-terms">,
): Uint8Array {
  return plainSigningBytes(chainId, terms);
}

/** What an owner signs to let a second misconduct swap go ahead; a key is condemned only once. */
export function approveSwapSigningBytes(chainId: Digest, member: PublicKey): Uint8Array {
  return domain("approve-swap", chainId).hex32(member).finish();
}

/** Subject of the endorsement by which the spare's consensus key shows possession. */
export function registrationDigest(chainId: Digest, registration: SpareRegistration): Digest {
  const writer = domain("registration", chainId);
  writeRegistration(writer, registration);
  return sha256Hex(writer.finish());
}

/**
 * What network key, sponsor key and owner's key sign; one domain each, so that none replaces
 * another.
 */
export function registrationSigningBytes(
  chainId: Digest,
  role: "network" | "sponsor" | "owner",
  registration: SpareRegistration,
): Uint8Array {
  const digest = registrationDigest(chainId, registration);
  return domain(`registration-${role}`, chainId).hex32(digest).finish();
}

/** Subject of the endorsement in an absence notice; `untilMs` in block time. */
export function absenceDigest(chainId: Digest, untilMs: Millis): Digest {
  return sha256Hex(domain("absence", chainId).u64(untilMs).finish());
}

/**
 * Endorsements of readiness stand in the journal under this nonce plus the height at which they
 * were made: far above the nonces that a node counts up for everything else.
 */
export const READINESS_NONCE = 2 ** 52;

/** Subject of the endorsement by which a member says that its binary holds this version. */
export function readinessDigest(chainId: Digest, version: number): Digest {
  return sha256Hex(domain("readiness", chainId).u64(version).finish());
}

/** The one canonical proof of a pair: lower index first, then lower digest. */
export function misconductProof(
  chainId: Digest,
  left: SignedStatement,
  right: SignedStatement,
): Extract<Transaction, { kind: "misconduct-proof" }> {
  const [first, second] = inProofOrder(chainId, left, right) ? [left, right] : [right, left];
  return { kind: "misconduct-proof", chainId, first, second };
}

/** Whether a pair stands in the order of `misconductProof`; the other order is refused. */
export function inProofOrder(
  chainId: Digest,
  first: SignedStatement,
  second: SignedStatement,
): boolean {
  const byIndex = statementIndex(first.statement) - statementIndex(second.statement);
  if (byIndex !== 0) return byIndex < 0;
  const digests = [first, second].map(({ statement }) => statementDigest(chainId, statement));
  return compareText(digests[0] ?? "", digests[1] ?? "") < 0;
}
