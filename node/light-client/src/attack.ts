import {
  attestationsOf,
  type ResultCertificate,
  resultDigest,
} from "@quorate/node/kernel/certificates";
import {
  type Digest,
  type Epoch,
  type Height,
  type Power,
  type PublicKey,
  ZERO_DIGEST,
} from "@quorate/node/kernel/scalars";
import { findMember, hasHonest, type ValidatorSet } from "@quorate/node/kernel/validator-set";
import { encodeTransaction, misconductProof } from "@quorate/node/ledger/transaction";

/**
 * Two certificates, both verified: for one height with different results, or `first` ended its epoch
 * and `second` is of a later height of that epoch.
 */
export interface ConflictingResults {
  readonly first: ResultCertificate;
  readonly second: ResultCertificate;
}

/** A member that attested both results, with the transaction that proves it (E7, E10). */
export interface Culprit {
  readonly key: PublicKey;
  readonly power: Power;
  /** Canonical bytes of the misconduct-proof: anybody may submit them. */
  readonly transaction: Uint8Array;
}

/** An attack on light clients, packed for the chain. */
export interface AttackEvidence {
  readonly epoch: Epoch;
  readonly height: Height;
  readonly culprits: readonly Culprit[];
  /** The culprits hold at least f+1 of the set's power: the safety assumption itself was broken. */
  readonly exceedsFaults: boolean;
}

function attestationOf(certificate: ResultCertificate, key: PublicKey) {
  return attestationsOf(certificate).find(({ author }) => author === key);
}

/**
 * Who signed both. Two quorums of one set share at least f+1 of its power (quorum intersection), so
 * that an attack within one epoch always names culprits of f+1; so does a quorum that signs beyond
 * the end that a quorum attested. Results of different epochs at one height name nobody by
 * themselves: then one of the two sets was proven by a forged hand-over, and the certificates of
 * that hand-over's height are the pair to compare.
 */
export function attackEvidence(
  chainId: Digest,
  set: ValidatorSet,
  { first, second }: ConflictingResults,
): AttackEvidence {
  const { epoch, height, nextSetHash } = first.result;
  const isFork =
    second.result.height === height && resultDigest(first.result) !== resultDigest(second.result);
  const isBeyondEnd = nextSetHash !== ZERO_DIGEST && second.result.height > height;
  const isPair = second.result.epoch === epoch && (isFork || isBeyondEnd);
  const culprits = (isPair ? set.members : []).flatMap(({ key }): Culprit[] => {
    const pair = [attestationOf(first, key), attestationOf(second, key)] as const;
    const [left, right] = pair;
    const member = findMember(set, key);
    if (left === undefined || right === undefined || member === undefined) return [];
    const transaction = encodeTransaction(misconductProof(chainId, left, right));
    return [{ key, power: member.power, transaction }];
  });
  const keys = culprits.map(({ key }) => key);
  return { epoch, height, culprits, exceedsFaults: hasHonest(set, keys) };
}
