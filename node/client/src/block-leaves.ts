import type { ResultCertificate } from "@quorate/node/kernel/certificates";
import { DecodeError } from "@quorate/node/kernel/codec";
import { decodeReceiptLeaf } from "@quorate/node/ledger/receipt";
import type { LedgerEvent, Receipt } from "@quorate/node/ledger/types";
import { nodeError } from "./grpc-errors.ts";
import type { ClaimedReceipt, QueryNode } from "./query-node.ts";

/** Receipts and events of one block, each in order. */
export interface BlockLeaves {
  readonly receipts: readonly Receipt[];
  readonly events: readonly LedgerEvent[];
}

/** All receipts and events of a block, proven complete and in order. */
export interface CertifiedReceipts extends BlockLeaves {
  /** Canonical bytes of the leaves, receipts first. */
  readonly leaves: readonly Uint8Array[];
  readonly certificate: ResultCertificate;
}

/** Throws DecodeError where the bytes are no leaves. */
export function decodeLeaves(leaves: readonly Uint8Array[]): BlockLeaves {
  const receipts: Receipt[] = [];
  const events: LedgerEvent[] = [];
  for (const bytes of leaves) {
    const leaf = decodeReceiptLeaf(bytes);
    if (leaf.kind === "receipt") receipts.push(leaf.receipt);
    else events.push(leaf.event);
  }
  return { receipts, events };
}

/** The receipt in a leaf that a node showed; another kind of leaf is the node's fault. */
export function readReceipt(leaf: Uint8Array, node: QueryNode): Receipt {
  try {
    const receipt = decodeLeaves([leaf]).receipts[0];
    if (receipt === undefined) throw new DecodeError("receipt", "is an event, not a receipt");
    return receipt;
  } catch (error) {
    throw nodeError(error, node.name);
  }
}

const ADVICE_LENGTH_MAX = 1_024;

/** Printable ASCII, of bounded length: the sentence is a node's, and may end up on a terminal. */
function plainText(text: string): string {
  return text.slice(0, ADVICE_LENGTH_MAX).replace(/[^\x20-\x7e]/g, "?");
}

/** The proven receipt with the node's own words on how to mend a refusal. */
export function withAdvice(receipt: Receipt, advice: ClaimedReceipt["advice"]): Receipt {
  const outcomes = receipt.outcomes.map((outcome, at) => {
    return { ...outcome, fix: plainText(advice.outcomeFixes[at] ?? "") };
  });
  return { ...receipt, fix: plainText(advice.fix), outcomes };
}
