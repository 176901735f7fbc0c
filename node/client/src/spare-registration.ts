import type { Digest, Signature } from "@quorate/node/kernel/scalars";
import {
  encodeTransaction,
  registrationDigest,
  registrationSigningBytes,
} from "@quorate/node/ledger/transaction";
import type { SpareRegistration } from "@quorate/node/ledger/types";
import type { AccountKey } from "./account-key.ts";

export interface SpareSignatures {
  readonly chainId: Digest;
  readonly registration: SpareRegistration;
  /** By the spare's consensus key, as its control listener gives it. */
  readonly possession: { readonly nonce: number; readonly signature: Signature };
  /** By the spare's network key. */
  readonly networkSignature: Signature;
  /** The owner's sponsor key: moves the bond (rule SPONSOR). */
  readonly sponsor: AccountKey;
  /** The owner's key: endorses the spare, so that rule RATE asks no age of it. */
  readonly owner?: AccountKey;
}

/** The transaction that puts a spare on the chain, with every signature that it needs. */
export function registerSpareTransaction(signatures: SpareSignatures): Uint8Array {
  const { chainId, registration, possession, networkSignature, sponsor, owner } = signatures;
  const subject = registrationDigest(chainId, registration);
  return encodeTransaction({
    kind: "register-spare",
    registration,
    possession: {
      statement: { kind: "endorsement", nonce: possession.nonce, subject },
      author: registration.key,
      signature: possession.signature,
    },
    networkSignature,
    sponsorSignature: sponsor.sign(registrationSigningBytes(chainId, "sponsor", registration)),
    ownerSignature: owner?.sign(registrationSigningBytes(chainId, "owner", registration)),
  });
}
