import { sha256Hex } from "../crypto/sha256.ts";
import { unreachable } from "./assert.ts";
import { DecodeError, type Reader, Writer } from "./codec.ts";
import type { Digest, Epoch, Height, Millis, PublicKey, Round, Signature } from "./scalars.ts";

/** What a validator states about an executed block; a quorum of equal ones certifies it. */
export interface AttestedResult {
  readonly epoch: Epoch;
  readonly height: Height;
  readonly blockId: Digest;
  /** Block time: the proposer's stamp. */
  readonly timestampMs: Millis;
  /** Root of the state tree after this block. */
  readonly stateRoot: Digest;
  /** Root of the list of this block's receipts and events. */
  readonly receiptsRoot: Digest;
  /** Hash of the next epoch's set if this block ends the epoch, else ZERO_DIGEST. */
  readonly nextSetHash: Digest;
}

/**
 * Everything a consensus key ever signs. The journal holds (epoch, kind, index) of each, and two
 * different statements under one (epoch, kind, index) are misconduct.
 */
export type Statement =
  | {
      readonly kind: "proposal";
      readonly epoch: Epoch;
      readonly round: Round;
      readonly blockId: Digest;
    }
  | {
      readonly kind: "vote";
      readonly epoch: Epoch;
      readonly round: Round;
      readonly blockId: Digest;
      /** Round of the certificate inside the block: makes evidence E5 self-contained. */
      readonly qcRound: Round;
    }
  | {
      readonly kind: "order-vote";
      readonly epoch: Epoch;
      readonly round: Round;
      readonly blockId: Digest;
    }
  | {
      readonly kind: "timeout";
      readonly epoch: Epoch;
      readonly round: Round;
      readonly hqcRound: Round;
    }
  /**
   * Lanes live longer than epochs: a batch's epoch is 0 and its sequence is unique for its author.
   */
  | { readonly kind: "batch"; readonly sequence: number; readonly digest: Digest }
  | { readonly kind: "attestation"; readonly result: AttestedResult }
  /**
   * A sign of life, and a spare's proof of being in sync (FIT): names a certified height and root.
   */
  | {
      readonly kind: "heartbeat";
      readonly epoch: Epoch;
      readonly height: Height;
      readonly stateRoot: Digest;
    }
  | {
      readonly kind: "oracle-report";
      readonly epoch: Epoch;
      /** Index of the market, below 1024. */
      readonly market: number;
      /** Number of the reporting interval: floor((local time - genesis time) / oracleSlotMs). */
      readonly slot: number;
      /** Index price in ticks. */
      readonly price: bigint;
    }
  /**
   * Consent to something named by its own domain-separated digest (registration, absence, network
   * key).
   */
  | { readonly kind: "endorsement"; readonly nonce: number; readonly subject: Digest };

export type StatementKind = Statement["kind"];

export interface SignedStatement {
  readonly statement: Statement;
  readonly author: PublicKey;
  readonly signature: Signature;
}

export const STATEMENT_KINDS = [
  "proposal",
  "vote",
  "order-vote",
  "timeout",
  "batch",
  "attestation",
  "heartbeat",
  "oracle-report",
  "endorsement",
] as const satisfies readonly StatementKind[];

export const MARKETS_MAX = 1024;
/** Largest slot whose index below is a safe integer with every market: 2^43 - 1. */
export const SLOT_MAX = Math.floor(Number.MAX_SAFE_INTEGER / MARKETS_MAX);

/** Epoch part of the journal's index; 0 for kinds that outlive epochs. */
export function statementEpoch(statement: Statement): Epoch {
  switch (statement.kind) {
    case "batch":
    case "endorsement":
      return 0;
    case "attestation":
      return statement.result.epoch;
    default:
      return statement.epoch;
  }
}

/** Index part: for one key, epoch and kind, each index is signed at most once (rule JOURNAL). */
export function statementIndex(statement: Statement): number {
  switch (statement.kind) {
    case "proposal":
    case "vote":
    case "order-vote":
    case "timeout":
      return statement.round;
    case "batch":
      return statement.sequence;
    case "attestation":
      return statement.result.height;
    case "heartbeat":
      return statement.height;
    case "oracle-report":
      return statement.slot * MARKETS_MAX + statement.market;
    case "endorsement":
      return statement.nonce;
    default:
      return unreachable(statement);
  }
}

export function writeAttestedResult(writer: Writer, result: AttestedResult): void {
  writer.u64(result.epoch).u64(result.height).hex32(result.blockId).u64(result.timestampMs);
  writer.hex32(result.stateRoot).hex32(result.receiptsRoot).hex32(result.nextSetHash);
}

export function readAttestedResult(reader: Reader, field: string): AttestedResult {
  return {
    epoch: reader.u64(`${field}.epoch`),
    height: reader.u64(`${field}.height`),
    blockId: reader.hex32(`${field}.blockId`),
    timestampMs: reader.u64(`${field}.timestampMs`),
    stateRoot: reader.hex32(`${field}.stateRoot`),
    receiptsRoot: reader.hex32(`${field}.receiptsRoot`),
    nextSetHash: reader.hex32(`${field}.nextSetHash`),
  };
}

/** Canonical bytes: u8 position in STATEMENT_KINDS, then the kind's fields in order. */
export function writeStatement(writer: Writer, statement: Statement): void {
  writer.u8(STATEMENT_KINDS.indexOf(statement.kind));
  switch (statement.kind) {
    case "proposal":
    case "order-vote":
      writer.u64(statement.epoch).u64(statement.round).hex32(statement.blockId);
      return;
    case "vote":
      writer.u64(statement.epoch).u64(statement.round).hex32(statement.blockId);
      writer.u64(statement.qcRound);
      return;
    case "timeout":
      writer.u64(statement.epoch).u64(statement.round).u64(statement.hqcRound);
      return;
    case "batch":
      writer.u64(statement.sequence).hex32(statement.digest);
      return;
    case "attestation":
      writeAttestedResult(writer, statement.result);
      return;
    case "heartbeat":
      writer.u64(statement.epoch).u64(statement.height).hex32(statement.stateRoot);
      return;
    case "oracle-report":
      writer.u64(statement.epoch).u16(statement.market).u64(statement.slot);
      writer.i128(statement.price);
      return;
    case "endorsement":
      writer.u64(statement.nonce).hex32(statement.subject);
      return;
    default:
      unreachable(statement);
  }
}

/** An index must stay exact and name one market: otherwise two offences have one name (E9). */
function readBelow(value: number, bound: number, field: string): number {
  if (value < bound) return value;
  throw new DecodeError(field, `${value} is not below ${bound}`);
}

export function readStatement(reader: Reader, field: string): Statement {
  const position = reader.u8(`${field}.kind`);
  const kind = STATEMENT_KINDS[position];
  const epoch = (): Epoch => reader.u64(`${field}.epoch`);
  const round = (): Round => reader.u64(`${field}.round`);
  const blockId = (): Digest => reader.hex32(`${field}.blockId`);
  switch (kind) {
    case "proposal":
    case "order-vote":
      return { kind, epoch: epoch(), round: round(), blockId: blockId() };
    case "vote":
      return {
        kind,
        epoch: epoch(),
        round: round(),
        blockId: blockId(),
        qcRound: reader.u64(`${field}.qcRound`),
      };
    case "timeout":
      return { kind, epoch: epoch(), round: round(), hqcRound: reader.u64(`${field}.hqcRound`) };
    case "batch":
      return {
        kind,
        sequence: reader.u64(`${field}.sequence`),
        digest: reader.hex32(`${field}.digest`),
      };
    case "attestation":
      return { kind, result: readAttestedResult(reader, `${field}.result`) };
    case "heartbeat":
      return {
        kind,
        epoch: epoch(),
        height: reader.u64(`${field}.height`),
        stateRoot: reader.hex32(`${field}.stateRoot`),
      };
    case "oracle-report":
      return {
        kind,
        epoch: epoch(),
        market: readBelow(reader.u16(`${field}.market`), MARKETS_MAX, `${field}.market`),
        slot: readBelow(reader.u64(`${field}.slot`), SLOT_MAX + 1, `${field}.slot`),
        price: reader.i128(`${field}.price`),
      };
    case "endorsement":
      return {
        kind,
        nonce: reader.u64(`${field}.nonce`),
        subject: reader.hex32(`${field}.subject`),
      };
    case undefined:
      throw new DecodeError(`${field}.kind`, `${position} is not a statement kind`);
    default:
      return unreachable(kind);
  }
}

const DOMAIN = "quorate/v1/statement";
const PREFIX_BYTES = 4 + DOMAIN.length + 32;
/** Domain and chain of the newest caller: a process signs and verifies for one chain. */
let prefix: { readonly chainId: Digest; readonly bytes: Uint8Array } | undefined;

function prefixOf(chainId: Digest): Uint8Array {
  if (prefix?.chainId === chainId) return prefix.bytes;
  prefix = { chainId, bytes: new Writer().text(DOMAIN).hex32(chainId).finish() };
  return prefix.bytes;
}

/**
 * The bytes under a signature: domain, chain, statement. The chain is the genesis hash, so that no
 * signature means anything on another chain.
 */
export function signingBytes(chainId: Digest, statement: Statement): Uint8Array {
  const writer = new Writer().fixed(prefixOf(chainId), PREFIX_BYTES);
  writeStatement(writer, statement);
  return writer.finish();
}

export function statementDigest(chainId: Digest, statement: Statement): Digest {
  return sha256Hex(signingBytes(chainId, statement));
}

export function writeSignedStatement(writer: Writer, signed: SignedStatement): void {
  writeStatement(writer, signed.statement);
  writer.hex32(signed.author).fixed(signed.signature, 64);
}

export function readSignedStatement(reader: Reader, field: string): SignedStatement {
  return {
    statement: readStatement(reader, `${field}.statement`),
    author: reader.hex32(`${field}.author`),
    signature: reader.fixed(`${field}.signature`, 64),
  };
}

/**
 * The scheme that checks signatures; a list of Ed25519 today, aggregates later behind the same
 * seam.
 */
export interface SignatureScheme {
  verify(author: PublicKey, message: Uint8Array, signature: Signature): boolean;
}

export function verifyStatement(
  scheme: SignatureScheme,
  chainId: Digest,
  signed: SignedStatement,
): boolean {
  return scheme.verify(signed.author, signingBytes(chainId, signed.statement), signed.signature);
}
