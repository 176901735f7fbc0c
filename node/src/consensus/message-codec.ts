import {
  readEpochProof,
  readResultCertificate,
  writeEpochProof,
  writeResultCertificate,
} from "../kernel/certificates.ts";
import { DecodeError, Reader, Writer } from "../kernel/codec.ts";
import { readSignedStatement, writeSignedStatement } from "../kernel/statements.ts";
import { readTreeNode, readTreePath, writeTreeNode } from "../kernel/tree-node.ts";
import {
  CUT_MAX,
  readBatchReference,
  readChainSegment,
  readOrderCertificate,
  readQuorumCertificate,
  readSignedBatch,
  readSignedBlock,
  readTimeoutCertificate,
  writeBatchReference,
  writeChainSegment,
  writeOrderCertificate,
  writeQuorumCertificate,
  writeSignedBatch,
  writeSignedBlock,
  writeTimeoutCertificate,
} from "./codec.ts";
import type { PeerBody, PeerMessage, PeerStatus } from "./types.ts";

type BodyKind = PeerBody["kind"];

/** The position is the tag on the wire: append, never reorder. */
const BODY_KINDS = [
  "proposal",
  "statement",
  "order-vote",
  "timeout",
  "certificates",
  "batch",
  "block-request",
  "block-response",
  "batch-request",
  "chain-request",
  "chain-response",
  "epoch-proof",
  "result-certificate",
  "state-request",
  "state-response",
] as const satisfies readonly BodyKind[];

function writeOptional<T>(
  writer: Writer,
  value: T | undefined,
  write: (writer: Writer, value: T) => void,
): void {
  writer.bool(value !== undefined);
  if (value !== undefined) write(writer, value);
}

function readOptional<T>(
  reader: Reader,
  field: string,
  read: (reader: Reader, field: string) => T,
): T | undefined {
  return reader.bool(field) ? read(reader, field) : undefined;
}

function writeBody(writer: Writer, body: PeerBody): void {
  writer.u8(BODY_KINDS.indexOf(body.kind));
  switch (body.kind) {
    case "proposal":
    case "block-response":
      writeSignedBlock(writer, body.block);
      return;
    case "statement":
      writeSignedStatement(writer, body.signed);
      return;
    case "order-vote":
      writeSignedStatement(writer, body.signed);
      writeQuorumCertificate(writer, body.qc);
      return;
    case "timeout":
      writeSignedStatement(writer, body.signed);
      writeQuorumCertificate(writer, body.highestQc);
      writeOptional(writer, body.lastTc, writeTimeoutCertificate);
      return;
    case "certificates":
      writeOptional(writer, body.qc, writeQuorumCertificate);
      writeOptional(writer, body.tc, writeTimeoutCertificate);
      writeOptional(writer, body.order, writeOrderCertificate);
      return;
    case "batch":
      writeSignedBatch(writer, body.batch);
      return;
    case "block-request":
      writer.u64(body.epoch).hex32(body.blockId);
      return;
    case "batch-request":
      writer.list(body.references, writeBatchReference);
      return;
    case "chain-request":
      writer.u64(body.fromHeight);
      return;
    case "chain-response":
      writeChainSegment(writer, body.segment);
      return;
    case "epoch-proof":
      writeEpochProof(writer, body.proof);
      return;
    case "state-request":
      writer.u64(body.height).text(body.path);
      return;
    case "state-response":
      writeTreeNode(writer.u64(body.height).text(body.path), body.node);
      return;
    default:
      writeResultCertificate(writer, body.certificate);
      return;
  }
}

function readBody(reader: Reader): PeerBody {
  const tag = reader.u8("kind");
  const kind = BODY_KINDS[tag];
  switch (kind) {
    case "proposal":
    case "block-response":
      return { kind, block: readSignedBlock(reader, "block") };
    case "statement":
      return { kind, signed: readSignedStatement(reader, "signed") };
    case "order-vote": {
      const signed = readSignedStatement(reader, "signed");
      return { kind, signed, qc: readQuorumCertificate(reader, "qc") };
    }
    case "timeout": {
      const signed = readSignedStatement(reader, "signed");
      const highestQc = readQuorumCertificate(reader, "highestQc");
      return {
        kind,
        signed,
        highestQc,
        lastTc: readOptional(reader, "lastTc", readTimeoutCertificate),
      };
    }
    case "certificates": {
      const qc = readOptional(reader, "qc", readQuorumCertificate);
      const tc = readOptional(reader, "tc", readTimeoutCertificate);
      return { kind, qc, tc, order: readOptional(reader, "order", readOrderCertificate) };
    }
    case "batch":
      return { kind, batch: readSignedBatch(reader, "batch") };
    case "block-request":
      return { kind, epoch: reader.u64("epoch"), blockId: reader.hex32("blockId") };
    case "batch-request":
      return { kind, references: reader.list("references", CUT_MAX, readBatchReference) };
    case "chain-request":
      return { kind, fromHeight: reader.u64("fromHeight") };
    case "chain-response":
      return { kind, segment: readChainSegment(reader, "segment") };
    case "epoch-proof":
      return { kind, proof: readEpochProof(reader, "proof") };
    case "state-request":
      return { kind, height: reader.u64("height"), path: readTreePath(reader, "path") };
    case "state-response": {
      const height = reader.u64("height");
      const path = readTreePath(reader, "path");
      return { kind, height, path, node: readTreeNode(reader, "node") };
    }
    case "result-certificate":
      return { kind, certificate: readResultCertificate(reader, "certificate") };
    default:
      throw new DecodeError("kind", `${tag} is not a kind of peer message`);
  }
}

function writeStatus(writer: Writer, status: PeerStatus): void {
  writer.u64(status.epoch).u64(status.round).u64(status.qcRound).u64(status.committedHeight);
}

function readStatus(reader: Reader): PeerStatus {
  return {
    epoch: reader.u64("status.epoch"),
    round: reader.u64("status.round"),
    qcRound: reader.u64("status.qcRound"),
    committedHeight: reader.u64("status.committedHeight"),
  };
}

/** Canonical bytes of a whole peer message: the status, u8 kind, then the body's fields. */
export function encodePeerMessage(message: PeerMessage): Uint8Array {
  const writer = new Writer();
  writeStatus(writer, message.status);
  writeBody(writer, message.body);
  return writer.finish();
}

/** @throws DecodeError for bytes that `encodePeerMessage` never writes. */
export function decodePeerMessage(bytes: Uint8Array): PeerMessage {
  const reader = new Reader(bytes);
  const message = { status: readStatus(reader), body: readBody(reader) };
  reader.end();
  return message;
}
