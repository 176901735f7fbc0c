import { sha256Hex } from "../crypto/sha256.ts";
import { Writer } from "./codec.ts";
import { type Digest, type Epoch, ZERO_DIGEST } from "./scalars.ts";
import { type AttestedResult, type Statement, writeAttestedResult } from "./statements.ts";
import { type ValidatorSet, validatorSetHash } from "./validator-set.ts";

/**
 * Endorsements of repairs stand in the journal under this nonce plus the abandoned epoch: a key
 * endorses one repair of an epoch, for ever, so that no two repairs of it have a quorum.
 */
export const REPAIR_NONCE = 2 ** 51;

/**
 * What a quorum says to a chain whose results split (rule SPLIT): go on from this certified result
 * with this protocol version; the results of the epoch above it are void.
 */
export interface RepairSubject {
  /** The epoch that is abandoned. */
  readonly epoch: Epoch;
  /** The last certified result: of this epoch, or the one that ended the epoch before. */
  readonly result: AttestedResult;
  readonly version: number;
}

export function repairDigest(chainId: Digest, { epoch, result, version }: RepairSubject): Digest {
  const writer = new Writer().text("quorate/v1/repair").hex32(chainId).u64(epoch).u64(version);
  writeAttestedResult(writer, result);
  return sha256Hex(writer.finish());
}

/** The statement that each member of the quorum signs. */
export function repairStatement(
  chainId: Digest,
  subject: RepairSubject,
): Extract<Statement, { readonly kind: "endorsement" }> {
  const digest = repairDigest(chainId, subject);
  return { kind: "endorsement", nonce: REPAIR_NONCE + subject.epoch, subject: digest };
}

/**
 * Whether the statement endorses a repair of this epoch. Members endorse registrations and their
 * readiness too, for all to see on the chain: none of these may stand where a repair's belongs.
 */
export function endorsesRepair(statement: Statement, epoch: Epoch): boolean {
  return statement.kind === "endorsement" && statement.nonce === REPAIR_NONCE + epoch;
}

/**
 * Whether the set's epoch can go on from the result: it is the epoch's own, or where it began. An
 * epoch that a repair opened, and that split before anything of it was certified, began at a result
 * of an older epoch. Repairs keep every seat, so a result that ended an epoch names this very set.
 */
export function isRepairable(result: AttestedResult, set: ValidatorSet): boolean {
  const isInside = result.nextSetHash === ZERO_DIGEST;
  if (result.epoch >= set.epoch) return result.epoch === set.epoch && isInside;
  return isInside || result.nextSetHash === validatorSetHash({ ...set, epoch: result.epoch + 1 });
}
