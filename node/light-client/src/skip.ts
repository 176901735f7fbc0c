import { type ResultCertificate, verifyResultCertificate } from "@quorate/node/kernel/certificates";
import type { TreeProof } from "@quorate/node/kernel/merkle";
import { type Refusal, type Result, refuse } from "@quorate/node/kernel/result";
import { type Digest, ZERO_DIGEST } from "@quorate/node/kernel/scalars";
import type { SignatureScheme } from "@quorate/node/kernel/statements";
import { overlaps, type ValidatorSet } from "@quorate/node/kernel/validator-set";
import { encodeSet, leafKeys } from "@quorate/node/ledger/leaves";
import { verifyStateEntry } from "./proofs.ts";

/** A later epoch's certificate, its set, and the path of leaf `set` to the certified root. */
export interface SkipProof {
  readonly certificate: ResultCertificate;
  readonly set: ValidatorSet;
  readonly proof: TreeProof;
}

/**
 * Verifies a step over epochs without the hand-overs between (skipping verification: Braithwaite et
 * al., "A Tendermint Light Client", arXiv 2010.07031). Its trust level is 1/3 of the trusted power,
 * and it follows from two checks. With more than two thirds of either power shared, and a quorum of
 * the new set among the signers, the shared keys among them hold more than 2/3 - 1/3 of the trusted
 * power: more than f, which within the trust period is the most that lies. So one honest key of the
 * trusted set attested the root, and with it the set that leaf `set` holds.
 *
 * Refusals: SKIP_BACKWARDS, SKIP_AT_HAND_OVER, SET_NOT_PROVEN, SKIP_TOO_FAR, and those of
 * `verifyResultCertificate`.
 */
export function verifySkip(
  scheme: SignatureScheme,
  chainId: Digest,
  trusted: ValidatorSet,
  { certificate, set, proof }: SkipProof,
): Result<void, Refusal> {
  const { epoch, nextSetHash } = certificate.result;
  if (epoch <= trusted.epoch || set.epoch <= trusted.epoch) {
    return refuse("SKIP_BACKWARDS", "set.epoch", `epoch ${trusted.epoch} is trusted already`);
  }
  // The state after the last block of an epoch holds the next set, which has signed nothing yet.
  if (nextSetHash !== ZERO_DIGEST) {
    return refuse("SKIP_AT_HAND_OVER", "result.nextSetHash", "skip to a later block of the epoch");
  }
  const entry = { key: leafKeys.set, value: encodeSet(set) };
  if (!verifyStateEntry(certificate, entry, proof).ok) {
    return refuse("SET_NOT_PROVEN", "set", "the certified state holds another set");
  }
  if (!overlaps(trusted, set)) {
    const fix = `more than a third changed since epoch ${trusted.epoch}; follow the hand-overs`;
    return refuse("SKIP_TOO_FAR", "set", fix);
  }
  return verifyResultCertificate(scheme, chainId, set, certificate);
}
