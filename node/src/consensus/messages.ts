import type { Epoch, PublicKey } from "../kernel/scalars.ts";
import { onBlock } from "./blocks.ts";
import {
  noteStatus,
  onBatchRequest,
  onBlockRequest,
  onChainRequest,
  onChainResponse,
} from "./catch-up.ts";
import { verifyOrder, verifyTcOnce } from "./certificates.ts";
import { onAttestation, onResultCertificate } from "./certification.ts";
import { onEpochProof, tryHandOver } from "./hand-over.ts";
import { onBatch } from "./lanes.ts";
import { onRepairEndorsement } from "./repair.ts";
import { acceptTc } from "./rounds.ts";
import { acceptOrder, onHeartbeat, onOrderVote, onTimeout, onVote, takeQc } from "./statements.ts";
import type { Turn } from "./turn.ts";
import type { PeerBody, PeerMessage } from "./types.ts";

/** Messages of the next epoch that are kept of each sender until it starts. */
const FUTURE_MAX = 16;
/** A sender's further messages are dropped once its kept blocks are this large together. */
const FUTURE_BYTES_MAX = 262_144;

/** The epoch in which the message must be read; undefined where it says itself what it is about. */
function bodyEpoch(body: PeerBody): Epoch | undefined {
  switch (body.kind) {
    case "proposal":
    case "block-response":
      return body.block.block.epoch;
    case "statement": {
      const { statement } = body.signed;
      return statement.kind === "vote" || statement.kind === "heartbeat"
        ? statement.epoch
        : undefined;
    }
    case "order-vote":
      return body.qc.epoch;
    case "timeout":
      return body.highestQc.epoch;
    case "certificates":
      return (body.qc ?? body.tc ?? body.order)?.epoch;
    default:
      return undefined;
  }
}

function blockBytes({ body }: PeerMessage): number {
  const hasBlock = body.kind === "proposal" || body.kind === "block-response";
  return hasBlock ? body.block.bytes.length : 0;
}

/** Keeps a message of the next epoch: a few of each sender, so that none crowds out the others. */
function keepFuture(turn: Turn, from: PublicKey, message: PeerMessage): void {
  const kept = turn.epoch.future.filter((each) => each.from === from);
  const bytes = kept.reduce((sum, each) => sum + blockBytes(each.message), 0);
  if (kept.length >= FUTURE_MAX || bytes >= FUTURE_BYTES_MAX) {
    turn.drop(from, { code: "FUTURE_FULL", field: "message" });
    return;
  }
  turn.changeEpoch({ future: [...turn.epoch.future, { from, message }] });
}

/** A peer's message: its position first (R9), then, in its epoch, what it says. */
export function onMessage(turn: Turn, from: PublicKey, message: PeerMessage): void {
  if (from === turn.state.config.self.networkKey) return;
  noteStatus(turn, from, message.status);
  const epoch = bodyEpoch(message.body);
  const current = turn.state.set.epoch;
  if (epoch !== undefined && epoch !== current) {
    if (epoch === current + 1) keepFuture(turn, from, message);
    return;
  }
  onBody(turn, from, message.body);
}

function onStatement(
  turn: Turn,
  from: PublicKey,
  { signed }: Extract<PeerBody, { readonly kind: "statement" }>,
): void {
  switch (signed.statement.kind) {
    // R2, R3, E2
    case "vote":
      onVote(turn, from, signed);
      return;
    // EPOCH, E7, E10
    case "attestation":
      onAttestation(turn, from, signed);
      tryHandOver(turn);
      return;
    // SILENCE, FIT
    case "heartbeat":
      onHeartbeat(turn, from, signed);
      return;
    // SPLIT
    case "endorsement":
      onRepairEndorsement(turn, from, signed);
      return;
    default:
      turn.drop(from, { code: "FOREIGN_KIND", field: "statement.kind" });
      return;
  }
}

function onCertificates(
  turn: Turn,
  from: PublicKey,
  body: Extract<PeerBody, { readonly kind: "certificates" }>,
): void {
  if (body.qc !== undefined && !takeQc(turn, from, body.qc)) return;
  if (body.tc !== undefined) {
    const verified = verifyTcOnce(turn.state, body.tc);
    if (!verified.ok) {
      turn.drop(from, verified.error);
      return;
    }
    acceptTc(turn, body.tc, from);
  }
  if (body.order === undefined) return;
  const { highestOrder, root } = turn.epoch;
  if (body.order.round <= Math.max(highestOrder?.round ?? 0, root.round)) return;
  const verified = verifyOrder(turn.state, body.order);
  if (!verified.ok) {
    turn.drop(from, verified.error);
    return;
  }
  acceptOrder(turn, body.order);
}

/** A message of this epoch. */
export function onBody(turn: Turn, from: PublicKey, body: PeerBody): void {
  switch (body.kind) {
    // R2, E1
    case "proposal":
    case "block-response":
      onBlock(turn, from, body.block);
      return;
    // R2, R3, EPOCH, SILENCE
    case "statement":
      onStatement(turn, from, body);
      return;
    // R4, R5, E3
    case "order-vote":
      onOrderVote(turn, from, body);
      return;
    // R6, R7, E4, E5
    case "timeout":
      onTimeout(turn, from, body);
      return;
    // R3, R9
    case "certificates":
      onCertificates(turn, from, body);
      return;
    // FAIR, E8
    case "batch":
      onBatch(turn, from, body.batch);
      return;
    // R9
    case "block-request":
      onBlockRequest(turn, from, body.blockId);
      return;
    // R2
    case "batch-request":
      onBatchRequest(turn, from, body.references);
      return;
    // R9
    case "chain-request":
      onChainRequest(turn, from, body.fromHeight);
      return;
    // R9
    case "chain-response":
      onChainResponse(turn, from, body.segment);
      return;
    // EPOCH, SPLIT
    case "epoch-proof":
      onEpochProof(turn, from, body.proof);
      return;
    // SPLIT
    case "state-request":
    case "state-response":
      // The replica answers these: consensus does not know the state.
      return;
    // EPOCH, SPLIT
    default:
      onResultCertificate(turn, from, body.certificate);
      tryHandOver(turn);
      return;
  }
}

/** Reads the messages that came before their epoch did. */
export function drainFuture(turn: Turn): void {
  const { future } = turn.epoch;
  const current = turn.state.set.epoch;
  if (!future.some(({ message }) => bodyEpoch(message.body) === current)) return;
  turn.changeEpoch({ future: [] });
  for (const { from, message } of future) {
    if (bodyEpoch(message.body) === turn.state.set.epoch) onBody(turn, from, message.body);
  }
}
