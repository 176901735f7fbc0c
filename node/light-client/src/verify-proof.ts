import type { ResultCertificate } from "@quorate/node/kernel/certificates";
import { ok, type Refusal, type Result, refuse } from "@quorate/node/kernel/result";
import type { Digest, PublicKey } from "@quorate/node/kernel/scalars";
import type { SignatureScheme } from "@quorate/node/kernel/statements";
import { decodeReceiptLeaf } from "@quorate/node/ledger/receipt";
import type { Receipt } from "@quorate/node/ledger/types";
import type { AccountLeaf } from "@quorate/node/margin/leaves";
import { LightClient, type TrustPeriod } from "./light-client.ts";
import type { ProofFile, ProofSubject } from "./proof-file.ts";
import { verifyAccount, verifyReceiptLeaf, verifyStateEntry } from "./proofs.ts";
import type { TrustedHeader } from "./trusted-header.ts";

/** What was proven. An undefined leaf or value: the state provably has none. */
export type ProvenSubject =
  | { readonly kind: "head" }
  | { readonly kind: "state"; readonly key: string; readonly value: Uint8Array | undefined }
  | {
      readonly kind: "account";
      readonly account: PublicKey;
      readonly leaf: AccountLeaf | undefined;
    }
  | { readonly kind: "receipt"; readonly transaction: Digest; readonly receipt: Receipt };

export interface VerifiedProof {
  readonly certificate: ResultCertificate;
  readonly subject: ProvenSubject;
  /** A trusted header for the next verification. */
  readonly trusted: TrustedHeader;
}

export interface VerifyContext {
  readonly scheme: SignatureScheme;
  readonly trusted: TrustedHeader;
  /** Undefined: the caller bounds the age of the trusted header itself. */
  readonly trustPeriod: TrustPeriod | undefined;
}

/**
 * Verifies a proof from a trusted header alone: each step from set to set, the certificate, and
 * what it is to prove. Refusals: FOREIGN_CHAIN, WRONG_RECEIPT, and those of `LightClient` and of
 * the proofs.
 */
export function verifyProof(
  { scheme, trusted, trustPeriod }: VerifyContext,
  file: ProofFile,
): Result<VerifiedProof, Refusal> {
  if (file.chainId !== trusted.chainId) {
    const fix = `the proof is of chain ${file.chainId}, the trusted header of ${trusted.chainId}`;
    return refuse("FOREIGN_CHAIN", "chainId", fix);
  }
  const light = new LightClient({ scheme, trusted, trustPeriod });
  for (const step of file.steps) {
    const taken =
      step.kind === "skip" ? light.acceptSkip(step.skip) : light.acceptEpochProof(step.proof);
    if (!taken.ok) return taken;
  }
  const { certificate } = file;
  const accepted = light.acceptCertificate(certificate);
  if (!accepted.ok) return accepted;
  const subject = verifySubject(certificate, file.subject);
  if (!subject.ok) return subject;
  return ok({ certificate, subject: subject.value, trusted: light.trusted });
}

function verifySubject(
  certificate: ResultCertificate,
  subject: ProofSubject,
): Result<ProvenSubject, Refusal> {
  switch (subject.kind) {
    case "head":
      return ok(subject);
    case "state": {
      const { key, value, path } = subject;
      const proven = verifyStateEntry(certificate, { key, value }, path);
      return proven.ok ? ok({ kind: "state", key, value }) : proven;
    }
    case "account": {
      const { account, value, path } = subject;
      const proven = verifyAccount(certificate, { account, value }, path);
      return proven.ok ? ok({ kind: "account", account, leaf: proven.value }) : proven;
    }
    case "receipt": {
      const { transaction, leaf, path } = subject;
      const proven = verifyReceiptLeaf(certificate, leaf, path);
      if (!proven.ok) return proven;
      const decoded = decodeReceiptLeaf(leaf);
      if (decoded.kind !== "receipt" || decoded.receipt.transaction !== transaction) {
        const fix = "this leaf of the block is an event, or another transaction's receipt";
        return refuse("WRONG_RECEIPT", "subject.transaction", fix);
      }
      return ok({ kind: "receipt", transaction, receipt: decoded.receipt });
    }
    default:
      return subject;
  }
}
