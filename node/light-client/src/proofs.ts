import type { ResultCertificate } from "@quorate/node/kernel/certificates";
import {
  type ListProof,
  type ListRangeProof,
  listRoot,
  type TreeProof,
  verifyListProof,
  verifyListRange,
  verifyTreeProof,
} from "@quorate/node/kernel/merkle";
import { ok, type Refusal, type Result, refuse } from "@quorate/node/kernel/result";
import type { PublicKey } from "@quorate/node/kernel/scalars";
import { type AccountLeaf, accountKey, decodeAccount } from "@quorate/node/margin/leaves";

/** Checks that `leaf` is among the receipts and events of the certified block. */
export function verifyReceiptLeaf(
  certificate: ResultCertificate,
  leaf: Uint8Array,
  proof: ListProof,
): Result<void, Refusal> {
  if (!verifyListProof(certificate.result.receiptsRoot, leaf, proof)) {
    return refuse("RECEIPT_NOT_PROVEN", "proof", "the path does not end at the receipts root");
  }
  return ok(undefined);
}

/** Checks that `leaves` stand next to each other among those of the certified block. */
export function verifyReceiptRun(
  certificate: ResultCertificate,
  leaves: readonly Uint8Array[],
  proof: ListRangeProof,
): Result<void, Refusal> {
  if (!verifyListRange(certificate.result.receiptsRoot, leaves, proof)) {
    return refuse("RECEIPTS_NOT_PROVEN", "proof", "the range does not end at the receipts root");
  }
  return ok(undefined);
}

/** Checks that these are all receipts and events of the certified block, in order. */
export function verifyReceiptLeaves(
  certificate: ResultCertificate,
  leaves: readonly Uint8Array[],
): Result<void, Refusal> {
  if (listRoot(leaves) !== certificate.result.receiptsRoot) {
    return refuse("RECEIPTS_NOT_PROVEN", "leaves", "they do not hash to the receipts root");
  }
  return ok(undefined);
}

/** Checks that the certified state holds `value` under `key`, or, with undefined, no such key. */
export function verifyStateEntry(
  certificate: ResultCertificate,
  entry: { readonly key: string; readonly value: Uint8Array | undefined },
  proof: TreeProof,
): Result<void, Refusal> {
  if (!verifyTreeProof(certificate.result.stateRoot, entry, proof)) {
    return refuse("STATE_NOT_PROVEN", "proof", `${entry.key} does not lead to the state root`);
  }
  return ok(undefined);
}

/** An account's own leaf under the certified root; undefined: the chain has no such account. */
export function verifyAccount(
  certificate: ResultCertificate,
  claim: { readonly account: PublicKey; readonly value: Uint8Array | undefined },
  proof: TreeProof,
): Result<AccountLeaf | undefined, Refusal> {
  const { account, value } = claim;
  const proven = verifyStateEntry(certificate, { key: accountKey(account), value }, proof);
  if (!proven.ok) return proven;
  return ok(value === undefined ? undefined : decodeAccount(value));
}
