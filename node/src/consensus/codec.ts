import { sha256Hex } from "../crypto/sha256.ts";
import {
  readEpochProof,
  readResultCertificate,
  readSignatures,
  writeEpochProof,
  writeResultCertificate,
  writeSignatures,
} from "../kernel/certificates.ts";
import { DecodeError, Reader, Writer } from "../kernel/codec.ts";
import type { Signature } from "../kernel/scalars.ts";
import { readSignedStatement, writeSignedStatement } from "../kernel/statements.ts";
import { MEMBERS_MAX } from "../kernel/validator-set.ts";
import type {
  Batch,
  BatchReference,
  Block,
  ChainRecord,
  ChainSegment,
  CommitProof,
  OrderCertificate,
  QuorumCertificate,
  SignedBatch,
  SignedBlock,
  TimeoutCertificate,
} from "./types.ts";

/** Hard limits of the decoder; the chain's parameters are checked by the rules. */
export const CUT_MAX = 512;
export const SIGNS_OF_LIFE_MAX = 512;
export const TRANSACTIONS_MAX = 16_384;
export const TRANSACTION_BYTES_MAX = 1_048_576;
export const BLOCK_BYTES_MAX = 1_048_576;
export const BATCH_BYTES_MAX = 4_194_304;
export const SEGMENT_BLOCKS_MAX = 256;
export const SEGMENT_BATCHES_MAX = 16_384;

const BLOCK_DOMAIN = "quorate/v1/block";
const BATCH_DOMAIN = "quorate/v1/batch";

function readDomain(reader: Reader, expected: string): void {
  const found = reader.text("domain", 64);
  if (found !== expected) throw new DecodeError("domain", `is not ${expected}`);
}

export function writeQuorumCertificate(writer: Writer, qc: QuorumCertificate): void {
  writer.u64(qc.epoch).u64(qc.round).hex32(qc.blockId).u64(qc.qcRound);
  writeSignatures(writer, qc.signatures);
}

export function readQuorumCertificate(reader: Reader, field: string): QuorumCertificate {
  return {
    epoch: reader.u64(`${field}.epoch`),
    round: reader.u64(`${field}.round`),
    blockId: reader.hex32(`${field}.blockId`),
    qcRound: reader.u64(`${field}.qcRound`),
    signatures: readSignatures(reader, `${field}.signatures`),
  };
}

export function writeTimeoutCertificate(writer: Writer, tc: TimeoutCertificate): void {
  writer.u64(tc.epoch).u64(tc.round);
  writer.list(tc.timeouts, (out, { author, signature, hqcRound }) => {
    out.hex32(author).fixed(signature, 64).u64(hqcRound);
  });
  writeQuorumCertificate(writer, tc.highestQc);
}

export function readTimeoutCertificate(reader: Reader, field: string): TimeoutCertificate {
  return {
    epoch: reader.u64(`${field}.epoch`),
    round: reader.u64(`${field}.round`),
    timeouts: reader.list(`${field}.timeouts`, MEMBERS_MAX, (input, name) => ({
      author: input.hex32(`${name}.author`),
      signature: input.fixed(`${name}.signature`, 64),
      hqcRound: input.u64(`${name}.hqcRound`),
    })),
    highestQc: readQuorumCertificate(reader, `${field}.highestQc`),
  };
}

export function writeOrderCertificate(writer: Writer, order: OrderCertificate): void {
  writer.u64(order.epoch).u64(order.round).hex32(order.blockId);
  writeSignatures(writer, order.signatures);
}

export function readOrderCertificate(reader: Reader, field: string): OrderCertificate {
  return {
    epoch: reader.u64(`${field}.epoch`),
    round: reader.u64(`${field}.round`),
    blockId: reader.hex32(`${field}.blockId`),
    signatures: readSignatures(reader, `${field}.signatures`),
  };
}

export function writeBatchReference(writer: Writer, reference: BatchReference): void {
  writer.hex32(reference.author).u64(reference.sequence).hex32(reference.digest);
}

export function readBatchReference(reader: Reader, field: string): BatchReference {
  return {
    author: reader.hex32(`${field}.author`),
    sequence: reader.u64(`${field}.sequence`),
    digest: reader.hex32(`${field}.digest`),
  };
}

/** Canonical bytes of a block; its id is their SHA-256. */
export function encodeBlock(block: Block): Uint8Array {
  const writer = new Writer().text(BLOCK_DOMAIN);
  writer.u64(block.epoch).u64(block.round).u64(block.height).hex32(block.proposer);
  writer.u64(block.timestampMs);
  writeQuorumCertificate(writer, block.qc);
  writer.bool(block.tc !== undefined);
  if (block.tc !== undefined) writeTimeoutCertificate(writer, block.tc);
  writer.list(block.cut, writeBatchReference).list(block.signsOfLife, writeSignedStatement);
  return writer.finish();
}

/** @throws DecodeError for bytes that `encodeBlock` never writes. */
export function decodeBlock(bytes: Uint8Array): Block {
  if (bytes.length > BLOCK_BYTES_MAX) throw new DecodeError("block", `${bytes.length} bytes`);
  const reader = new Reader(bytes);
  readDomain(reader, BLOCK_DOMAIN);
  const block: Block = {
    epoch: reader.u64("epoch"),
    round: reader.u64("round"),
    height: reader.u64("height"),
    proposer: reader.hex32("proposer"),
    timestampMs: reader.u64("timestampMs"),
    qc: readQuorumCertificate(reader, "qc"),
    tc: reader.bool("tc") ? readTimeoutCertificate(reader, "tc") : undefined,
    cut: reader.list("cut", CUT_MAX, readBatchReference),
    signsOfLife: reader.list("signsOfLife", SIGNS_OF_LIFE_MAX, readSignedStatement),
  };
  reader.end();
  return block;
}

/**
 * The one way from received bytes to a block: the id is of the bytes received. Throws DecodeError.
 */
export function openBlock(bytes: Uint8Array, signature: Signature): SignedBlock {
  return { block: decodeBlock(bytes), id: sha256Hex(bytes), bytes, signature };
}

/** Canonical bytes of a batch; its digest is their SHA-256. */
export function encodeBatch(batch: Batch): Uint8Array {
  const writer = new Writer().text(BATCH_DOMAIN);
  writer.hex32(batch.author).u64(batch.sequence).hex32(batch.previous);
  writer.list(batch.transactions, (out, transaction) => out.bytes(transaction));
  return writer.finish();
}

/**
 * The transactions are views of `bytes`, which a batch keeps as they are.
 *
 * @throws DecodeError for bytes that `encodeBatch` never writes.
 */
export function decodeBatch(bytes: Uint8Array): Batch {
  if (bytes.length > BATCH_BYTES_MAX) throw new DecodeError("batch", `${bytes.length} bytes`);
  const reader = new Reader(bytes);
  readDomain(reader, BATCH_DOMAIN);
  const batch: Batch = {
    author: reader.hex32("author"),
    sequence: reader.u64("sequence"),
    previous: reader.hex32("previous"),
    transactions: reader.list("transactions", TRANSACTIONS_MAX, (input, name) =>
      input.view(name, TRANSACTION_BYTES_MAX),
    ),
  };
  reader.end();
  return batch;
}

/** The one way from received bytes to a batch: the digest is of the bytes received. */
export function openBatch(bytes: Uint8Array, signature: Signature): SignedBatch {
  return { batch: decodeBatch(bytes), bytes, digest: sha256Hex(bytes), signature };
}

export function writeSignedBlock(writer: Writer, signed: SignedBlock): void {
  writer.bytes(signed.bytes).fixed(signed.signature, 64);
}

export function readSignedBlock(reader: Reader, field: string): SignedBlock {
  const bytes = reader.bytes(`${field}.bytes`, BLOCK_BYTES_MAX);
  return openBlock(bytes, reader.fixed(`${field}.signature`, 64));
}

export function writeSignedBatch(writer: Writer, signed: SignedBatch): void {
  writer.bytes(signed.bytes).fixed(signed.signature, 64);
}

export function readSignedBatch(reader: Reader, field: string): SignedBatch {
  const bytes = reader.bytes(`${field}.bytes`, BATCH_BYTES_MAX);
  return openBatch(bytes, reader.fixed(`${field}.signature`, 64));
}

export function writeCommitProof(writer: Writer, proof: CommitProof): void {
  switch (proof.kind) {
    case "order":
      writeOrderCertificate(writer.u8(0), proof.certificate);
      return;
    case "two-chain":
      writeSignedBlock(writer.u8(1), proof.child);
      writeQuorumCertificate(writer, proof.qc);
      return;
    default:
      writeResultCertificate(writer.u8(2), proof.certificate);
  }
}

export function readCommitProof(reader: Reader, field: string): CommitProof {
  const tag = reader.u8(`${field}.kind`);
  switch (tag) {
    case 0:
      return { kind: "order", certificate: readOrderCertificate(reader, `${field}.order`) };
    case 1:
      return {
        kind: "two-chain",
        child: readSignedBlock(reader, `${field}.child`),
        qc: readQuorumCertificate(reader, `${field}.qc`),
      };
    case 2:
      return { kind: "attested", certificate: readResultCertificate(reader, `${field}.result`) };
    default:
      throw new DecodeError(`${field}.kind`, `${tag} is not a kind of commit proof`);
  }
}

export function writeChainSegment(writer: Writer, segment: ChainSegment): void {
  writer.u64(segment.epoch).list(segment.blocks, writeSignedBlock);
  writer.list(segment.batches, writeSignedBatch);
  writeCommitProof(writer, segment.proof);
  writer.bool(segment.epochProof !== undefined);
  if (segment.epochProof !== undefined) writeEpochProof(writer, segment.epochProof);
}

export function readChainSegment(reader: Reader, field: string): ChainSegment {
  return {
    epoch: reader.u64(`${field}.epoch`),
    blocks: reader.list(`${field}.blocks`, SEGMENT_BLOCKS_MAX, readSignedBlock),
    batches: reader.list(`${field}.batches`, SEGMENT_BATCHES_MAX, readSignedBatch),
    proof: readCommitProof(reader, `${field}.proof`),
    epochProof: reader.bool(`${field}.epochProof`)
      ? readEpochProof(reader, `${field}.epochProof`)
      : undefined,
  };
}

/** Canonical bytes of a record of the chain log: u8 kind, then the fields. */
export function encodeChainRecord(record: ChainRecord): Uint8Array {
  const writer = new Writer();
  switch (record.kind) {
    case "block":
      writeSignedBlock(writer.u8(0), record.block);
      break;
    case "batch":
      writeSignedBatch(writer.u8(1), record.batch);
      break;
    case "qc":
      writeQuorumCertificate(writer.u8(2), record.qc);
      break;
    case "tc":
      writeTimeoutCertificate(writer.u8(3), record.tc);
      break;
    case "committed":
      writeCommitProof(writer.u8(4).u64(record.height), record.proof);
      break;
    case "certified":
      writeResultCertificate(writer.u8(5), record.certificate);
      break;
    default:
      writeEpochProof(writer.u8(6), record.proof);
  }
  return writer.finish();
}

/** @throws DecodeError for bytes that `encodeChainRecord` never writes. */
export function decodeChainRecord(bytes: Uint8Array): ChainRecord {
  const reader = new Reader(bytes);
  const record = readChainRecord(reader);
  reader.end();
  return record;
}

function readChainRecord(reader: Reader): ChainRecord {
  const tag = reader.u8("kind");
  switch (tag) {
    case 0:
      return { kind: "block", block: readSignedBlock(reader, "block") };
    case 1:
      return { kind: "batch", batch: readSignedBatch(reader, "batch") };
    case 2:
      return { kind: "qc", qc: readQuorumCertificate(reader, "qc") };
    case 3:
      return { kind: "tc", tc: readTimeoutCertificate(reader, "tc") };
    case 4:
      return {
        kind: "committed",
        height: reader.u64("height"),
        proof: readCommitProof(reader, "proof"),
      };
    case 5:
      return { kind: "certified", certificate: readResultCertificate(reader, "certificate") };
    case 6:
      return { kind: "epoch", proof: readEpochProof(reader, "proof") };
    default:
      throw new DecodeError("kind", `${tag} is not a kind of chain record`);
  }
}
