import { assert, unreachable } from "../kernel/assert.ts";
import { Reader, Writer } from "../kernel/codec.ts";
import { type ListProof, listTreeProof } from "../kernel/merkle.ts";
import type { ActionOutcome } from "../margin/types.ts";
import { readChoice } from "./action-codec.ts";
import { readMarginEvent, writeMarginEvent } from "./event-codec.ts";
import type { EvidenceKind } from "./state.ts";
import { readSwap, writeSwap } from "./swap-codec.ts";
import type { ExecutionResult, LedgerEvent, ProtocolStep, Receipt } from "./types.ts";

/** A leaf of receiptsRoot. */
export type ReceiptLeaf =
  | { readonly kind: "receipt"; readonly receipt: Receipt }
  | { readonly kind: "event"; readonly event: LedgerEvent };

const LEAF_KINDS = ["receipt", "event"] as const satisfies ReceiptLeaf["kind"][];
const EVENT_KINDS = [
  "swap",
  "slashed",
  "jailed",
  "spare-registered",
  "margin",
  "protocol",
  "reward",
] as const satisfies LedgerEvent["kind"][];
const PROTOCOL_STEPS = [
  "scheduled",
  "withdrawn",
  "active",
] as const satisfies readonly ProtocolStep[];
/** As in the type of the event; E9 never slashes, but has its place. */
const SLASHED_FOR = [
  "E1",
  "E2",
  "E3",
  "E4",
  "E5",
  "E7",
  "E8",
  "E9",
  "E6",
  "E10",
] as const satisfies (EvidenceKind | "E9")[];
const TEXT_MAX = 1_024;
const OUTCOMES_MAX = 1_024;

/**
 * The sentences of `fix` are in no leaf: their wording is for people, may change with a version,
 * and must not be what a quorum agrees on. They travel beside the leaf, as a node's advice.
 */
const NO_FIX = "";

function writeOutcome(writer: Writer, outcome: ActionOutcome): void {
  writer.text(outcome.code).text(outcome.field);
  writer
    .i128(outcome.filled)
    .i128(outcome.resting)
    .bool(outcome.bound !== undefined);
  if (outcome.bound === undefined) return;
  const { cap, epoch, remainder } = outcome.bound;
  writer.i128(cap).u64(epoch).i128(remainder);
}

function readOutcome(reader: Reader, field: string): ActionOutcome {
  const outcome = {
    code: reader.text(`${field}.code`, TEXT_MAX),
    field: reader.text(`${field}.field`, TEXT_MAX),
    fix: NO_FIX,
    filled: reader.i128(`${field}.filled`),
    resting: reader.i128(`${field}.resting`),
  };
  if (!reader.bool(`${field}.bound.present`)) return outcome;
  const bound = {
    cap: reader.i128(`${field}.bound.cap`),
    epoch: reader.u64(`${field}.bound.epoch`),
    remainder: reader.i128(`${field}.bound.remainder`),
  };
  return { ...outcome, bound };
}

export function encodeReceiptLeaf(receipt: Receipt): Uint8Array {
  const writer = new Writer().u8(LEAF_KINDS.indexOf("receipt")).hex32(receipt.transaction);
  writer.text(receipt.code).text(receipt.field);
  return writer.list(receipt.outcomes, writeOutcome).finish();
}

function writeEvent(writer: Writer, event: LedgerEvent): void {
  writer.u8(EVENT_KINDS.indexOf(event.kind));
  switch (event.kind) {
    case "swap":
      writeSwap(writer, event.swap);
      return;
    case "slashed":
      writer.hex32(event.key).u8(SLASHED_FOR.indexOf(event.evidence)).i128(event.amount);
      writer.bool(event.seated);
      return;
    case "jailed":
      writer.hex32(event.key).u64(event.untilMs);
      return;
    case "spare-registered":
      writer.hex32(event.key).hex32(event.owner);
      return;
    case "reward":
      writer.hex32(event.key).hex32(event.owner).i128(event.amount);
      return;
    case "margin":
      writeMarginEvent(writer, event.event);
      return;
    case "protocol":
      writer.u8(PROTOCOL_STEPS.indexOf(event.step)).u64(event.version).u64(event.height);
      return;
    default:
      unreachable(event);
  }
}

function readEvent(reader: Reader): LedgerEvent {
  const kind = readChoice(reader, "event", EVENT_KINDS);
  switch (kind) {
    case "swap":
      return { kind, swap: readSwap(reader, "swap") };
    case "slashed":
      return {
        kind,
        key: reader.hex32("key"),
        evidence: readChoice(reader, "evidence", SLASHED_FOR),
        amount: reader.i128("amount"),
        seated: reader.bool("seated"),
      };
    case "jailed":
      return { kind, key: reader.hex32("key"), untilMs: reader.u64("untilMs") };
    case "spare-registered":
      return { kind, key: reader.hex32("key"), owner: reader.hex32("owner") };
    case "reward":
      return {
        kind,
        key: reader.hex32("key"),
        owner: reader.hex32("owner"),
        amount: reader.i128("amount"),
      };
    case "margin":
      return { kind, event: readMarginEvent(reader) };
    case "protocol":
      return {
        kind,
        step: readChoice(reader, "step", PROTOCOL_STEPS),
        version: reader.u64("version"),
        height: reader.u64("height"),
      };
    default:
      return unreachable(kind);
  }
}

export function encodeEventLeaf(event: LedgerEvent): Uint8Array {
  const writer = new Writer().u8(LEAF_KINDS.indexOf("event"));
  writeEvent(writer, event);
  return writer.finish();
}

/** Every `fix` is empty: no leaf holds one. Throws DecodeError where the bytes are no leaf. */
export function decodeReceiptLeaf(bytes: Uint8Array): ReceiptLeaf {
  const reader = new Reader(bytes);
  const kind = readChoice(reader, "leaf", LEAF_KINDS);
  const leaf: ReceiptLeaf =
    kind === "event"
      ? { kind, event: readEvent(reader) }
      : {
          kind,
          receipt: {
            transaction: reader.hex32("transaction"),
            code: reader.text("code", TEXT_MAX),
            field: reader.text("field", TEXT_MAX),
            fix: NO_FIX,
            outcomes: reader.list("outcomes", OUTCOMES_MAX, readOutcome),
          },
        };
  reader.end();
  return leaf;
}

/** All leaves under receiptsRoot: receipts in order, then events in order. */
export function resultLeaves({
  receipts,
  events,
}: Pick<ExecutionResult, "receipts" | "events">): readonly Uint8Array[] {
  return [...receipts.map(encodeReceiptLeaf), ...events.map(encodeEventLeaf)];
}

export interface ProvenReceipt {
  readonly receipt: Receipt;
  readonly leaf: Uint8Array;
  readonly proof: ListProof;
}

/** The receipt at this position of the block, with its path to receiptsRoot. */
export function receiptProof(
  { receipts, tree }: Pick<ExecutionResult, "receipts" | "tree">,
  position: number,
): ProvenReceipt {
  const [receipt, leaf] = [receipts[position], tree.leaves[position]];
  assert(receipt !== undefined && leaf !== undefined, `no receipt ${position}`);
  return { receipt, leaf, proof: listTreeProof(tree, position) };
}
