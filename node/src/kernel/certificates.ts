import { sha256Hex } from "../crypto/sha256.ts";
import { type Reader, Writer } from "./codec.ts";
import { isRepairable, repairStatement } from "./repair.ts";
import { ok, type Refusal, type Result, refuse } from "./result.ts";
import { type Digest, type PublicKey, type Signature, ZERO_DIGEST } from "./scalars.ts";
import {
  type AttestedResult,
  readAttestedResult,
  type SignatureScheme,
  type SignedStatement,
  signingBytes,
  writeAttestedResult,
} from "./statements.ts";
import {
  findMember,
  hasQuorum,
  MEMBERS_MAX,
  readValidatorSet,
  type ValidatorSet,
  validatorSetHash,
  writeValidatorSet,
} from "./validator-set.ts";

export interface AuthorSignature {
  readonly author: PublicKey;
  readonly signature: Signature;
}

/** A quorum of the epoch's set attests one result: what clients and light clients trust. */
export interface ResultCertificate {
  readonly result: AttestedResult;
  /** Sorted by author, each author once. */
  readonly signatures: readonly AuthorSignature[];
}

/** The old set's quorum certifies the block that ends its epoch, and with it the next set. */
export interface EpochProof {
  readonly certificate: ResultCertificate;
  readonly nextSet: ValidatorSet;
  /** Present where the epoch was abandoned: the same set goes on from the certified result. */
  readonly repair?: RepairVoucher;
}

/** A quorum's endorsements of a repair (rule SPLIT). */
export interface RepairVoucher {
  /** Protocol version to go on with. */
  readonly version: number;
  readonly signatures: readonly AuthorSignature[];
}

export function writeSignatures(writer: Writer, signatures: readonly AuthorSignature[]): void {
  writer.list(signatures, (out, { author, signature }) => {
    out.hex32(author).fixed(signature, 64);
  });
}

export function readSignatures(reader: Reader, field: string): AuthorSignature[] {
  return reader.list(field, MEMBERS_MAX, (input, name) => ({
    author: input.hex32(`${name}.author`),
    signature: input.fixed(`${name}.signature`, 64),
  }));
}

export function writeResultCertificate(writer: Writer, certificate: ResultCertificate): void {
  writeAttestedResult(writer, certificate.result);
  writeSignatures(writer, certificate.signatures);
}

export function readResultCertificate(reader: Reader, field: string): ResultCertificate {
  return {
    result: readAttestedResult(reader, `${field}.result`),
    signatures: readSignatures(reader, `${field}.signatures`),
  };
}

export function writeEpochProof(writer: Writer, proof: EpochProof): void {
  const { repair } = proof;
  writeResultCertificate(writer, proof.certificate);
  writeValidatorSet(writer, proof.nextSet);
  writer.bool(repair !== undefined);
  if (repair !== undefined) writeSignatures(writer.u64(repair.version), repair.signatures);
}

export function readEpochProof(reader: Reader, field: string): EpochProof {
  const proof = {
    certificate: readResultCertificate(reader, `${field}.certificate`),
    nextSet: readValidatorSet(reader, `${field}.nextSet`),
  };
  if (!reader.bool(`${field}.repair`)) return proof;
  const version = reader.u64(`${field}.repair.version`);
  return { ...proof, repair: { version, signatures: readSignatures(reader, `${field}.repair`) } };
}

/**
 * Checks signer set before signatures: distinct members, a quorum of power, then each signature.
 * `message` is what every one of them signed.
 */
export function verifySignatures(
  scheme: SignatureScheme,
  set: ValidatorSet,
  message: Uint8Array,
  signatures: readonly AuthorSignature[],
): Result<void, Refusal> {
  const authors = signatures.map(({ author }) => author);
  if (new Set(authors).size !== authors.length) {
    return refuse("DUPLICATE_SIGNER", "signatures", "list each signer once");
  }
  const stranger = authors.find((author) => findMember(set, author) === undefined);
  if (stranger !== undefined) {
    return refuse("FOREIGN_SIGNER", "signatures", `${stranger} is not in epoch ${set.epoch}`);
  }
  if (!hasQuorum(set, authors)) {
    return refuse("POWER_BELOW_QUORUM", "signatures", "collect more than 2/3 of the power");
  }
  for (const { author, signature } of signatures) {
    if (!scheme.verify(author, message, signature)) {
      return refuse("BAD_SIGNATURE", "signatures", `the signature of ${author} does not verify`);
    }
  }
  return ok(undefined);
}

export function verifyResultCertificate(
  scheme: SignatureScheme,
  chainId: Digest,
  set: ValidatorSet,
  certificate: ResultCertificate,
): Result<void, Refusal> {
  if (certificate.result.epoch !== set.epoch) {
    const { epoch } = certificate.result;
    return refuse("FOREIGN_EPOCH", "result.epoch", `epoch ${epoch} is not ${set.epoch}`);
  }
  const statement = { kind: "attestation", result: certificate.result } as const;
  return verifySignatures(scheme, set, signingBytes(chainId, statement), certificate.signatures);
}

/** Verifies one hand-over; the caller goes on with `proof.nextSet` as its trusted set. */
export function verifyEpochProof(
  scheme: SignatureScheme,
  chainId: Digest,
  set: ValidatorSet,
  proof: EpochProof,
): Result<void, Refusal> {
  if (proof.nextSet.epoch !== set.epoch + 1) {
    return refuse("EPOCH_SKIPPED", "nextSet.epoch", `expected epoch ${set.epoch + 1}`);
  }
  const { repair } = proof;
  if (repair !== undefined) return verifyRepair(scheme, chainId, set, { ...proof, repair });
  const { nextSetHash } = proof.certificate.result;
  if (nextSetHash === ZERO_DIGEST || nextSetHash !== validatorSetHash(proof.nextSet)) {
    return refuse("SET_HASH_MISMATCH", "nextSet", "the certificate names another set");
  }
  return verifyResultCertificate(scheme, chainId, set, proof.certificate);
}

/** SPLIT: the same set in the next epoch, from a result that a quorum of it vouches for. */
function verifyRepair(
  scheme: SignatureScheme,
  chainId: Digest,
  set: ValidatorSet,
  { certificate, nextSet, repair }: Required<EpochProof>,
): Result<void, Refusal> {
  const { result } = certificate;
  const { epoch } = set;
  const sameSet = validatorSetHash({ ...set, epoch: epoch + 1 });
  if (validatorSetHash(nextSet) !== sameSet) {
    return refuse("REPAIR_CHANGES_SET", "nextSet", "a repair keeps every seat as it is");
  }
  if (!isRepairable(result, set)) {
    const fix = `go on from a certified result of epoch ${epoch}, or from where it began`;
    return refuse("REPAIR_FOREIGN_RESULT", "certificate.result", fix);
  }
  const statement = repairStatement(chainId, { epoch, result, version: repair.version });
  const vouched = verifySignatures(
    scheme,
    set,
    signingBytes(chainId, statement),
    repair.signatures,
  );
  // A result of an older epoch is certified by the set of that one: the quorum here has checked it.
  if (!vouched.ok || result.epoch !== epoch) return vouched;
  return verifyResultCertificate(scheme, chainId, set, certificate);
}

/** What each signer of the certificate said. */
export function attestationsOf(certificate: ResultCertificate): readonly SignedStatement[] {
  const statement = { kind: "attestation", result: certificate.result } as const;
  return certificate.signatures.map(({ author, signature }) => ({ statement, author, signature }));
}

/** A result never changes, and each attestation is compared with all others of its height. */
const digests = new WeakMap<AttestedResult, Digest>();

/** Digest of a result, independent of who signed it. */
export function resultDigest(result: AttestedResult): Digest {
  const known = digests.get(result);
  if (known !== undefined) return known;
  const digest = computeDigest(result);
  digests.set(result, digest);
  return digest;
}

function computeDigest(result: AttestedResult): Digest {
  const writer = new Writer().text("quorate/v1/result");
  writeAttestedResult(writer, result);
  return sha256Hex(writer.finish());
}
