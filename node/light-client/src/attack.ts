import { type ResultCertificate, resultDigest } from "@quorate/node/kernel/certificates";
import type { Digest, Epoch, Height, Power, PublicKey } from "@quorate/node/kernel/scalars";
import type { SignedStatement } from "@quorate/node/kernel/statements";
import { findMember, hasHonest, type ValidatorSet } from "@quorate/node/kernel/validator-set";
import { encodeTransaction, misconductProof } from "@quorate/node/ledger/transaction";

/** Two certificates, both verified, for one height with different results. */
export interface ConflictingResults {
  readonly first: ResultCertificate;
  readonly second: ResultCertificate;
}

/** A member that attested both results, with the transaction that proves it (E7). */
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

function attestationOf({ result, signatures }: ResultCertificate, key: PublicKey) {
  const found = signatures.find(({ author }) => author === key);
  if (found === undefined) return undefined;
  const statement = { kind: "attestation", result } as const;
  return { statement, author: key, signature: found.signature } satisfies SignedStatement;
}

/**
 * Who signed both. Two quorums of one set share at least f+1 of its power (quorum intersection), so
 * that an attack within one epoch always names culprits of f+1. Results of different epochs at one
 * height name nobody by themselves: then one of the two sets was proven by a forged hand-over, and
 * the certificates of that hand-over's height are the pair to compare.
 */
export function attackEvidence(
  chainId: Digest,
  set: ValidatorSet,
  { first, second }: ConflictingResults,
): AttackEvidence {
  const { epoch, height } = first.result;
  const isPair =
    second.result.epoch === epoch &&
    second.result.height === height &&
    resultDigest(first.result) !== resultDigest(second.result);
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
