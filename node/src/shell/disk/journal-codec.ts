import type { JournalRecord } from "../../consensus/safety-data.ts";
import { unreachable } from "../../kernel/assert.ts";
import { Reader, Writer } from "../../kernel/codec.ts";
import type { Digest, Epoch } from "../../kernel/scalars.ts";
import {
  readSignedStatement,
  STATEMENT_KINDS,
  type Statement,
  type StatementKind,
  statementEpoch,
  statementIndex,
  writeSignedStatement,
} from "../../kernel/statements.ts";
import { FatalError } from "../fatal-error.ts";

const REASON_LENGTH_MAX = 4_096;

/**
 * Up to this place, a kind of statement is signed no more, whatever the journal still has of it.
 */
export interface Floor {
  readonly kind: StatementKind;
  readonly epoch: Epoch;
  readonly index: number;
}

/** The first record names the chain (rule GENESIS); `burnt` is for ever (rule BURN). */
export type JournalEntry =
  | { readonly kind: "genesis"; readonly chainId: Digest }
  | { readonly kind: "signature"; readonly record: JournalRecord }
  | { readonly kind: "burnt"; readonly reason: string }
  | { readonly kind: "floor"; readonly floor: Floor };

/** u8 kind, then its fields; layout in node/docs/node.md. */
export function encodeJournalEntry(entry: JournalEntry): Uint8Array {
  const writer = new Writer();
  switch (entry.kind) {
    case "genesis":
      return writer.u8(0).hex32(entry.chainId).finish();
    case "signature": {
      const { safety, statement, author, signature } = entry.record;
      writer.u8(1);
      writeSignedStatement(writer, { statement, author, signature });
      writer.u64(safety.epoch).u64(safety.lastVotedRound);
      return writer.u64(safety.oneChainRound).u64(safety.highestTimeoutRound).finish();
    }
    case "burnt":
      return writer.u8(2).text(entry.reason).finish();
    case "floor": {
      const { kind, epoch, index } = entry.floor;
      return writer.u8(3).u8(STATEMENT_KINDS.indexOf(kind)).u64(epoch).u64(index).finish();
    }
    default:
      return unreachable(entry);
  }
}

export function decodeJournalEntry(bytes: Uint8Array): JournalEntry {
  const reader = new Reader(bytes);
  const entry = readEntry(reader);
  reader.end();
  return entry;
}

function readEntry(reader: Reader): JournalEntry {
  const kind = reader.u8("kind");
  switch (kind) {
    case 0:
      return { kind: "genesis", chainId: reader.hex32("chainId") };
    case 1:
      return { kind: "signature", record: readRecord(reader) };
    case 2:
      return { kind: "burnt", reason: reader.text("reason", REASON_LENGTH_MAX) };
    case 3:
      return { kind: "floor", floor: readFloor(reader) };
    default:
      throw unknownRecord(`kind ${kind}`);
  }
}

function unknownRecord(what: string): FatalError {
  return new FatalError(
    "JOURNAL_UNKNOWN_RECORD",
    `journal record of ${what} is unknown to this version`,
    "start the version that wrote this journal",
  );
}

function readRecord(reader: Reader): JournalRecord {
  const { statement, author, signature } = readSignedStatement(reader, "signed");
  const safety = {
    epoch: reader.u64("safety.epoch"),
    lastVotedRound: reader.u64("safety.lastVotedRound"),
    oneChainRound: reader.u64("safety.oneChainRound"),
    highestTimeoutRound: reader.u64("safety.highestTimeoutRound"),
  };
  return { statement, author, signature, safety };
}

function readFloor(reader: Reader): Floor {
  const position = reader.u8("floor.kind");
  const kind = STATEMENT_KINDS[position];
  if (kind === undefined) throw unknownRecord(`statement kind ${position}`);
  return { kind, epoch: reader.u64("floor.epoch"), index: reader.u64("floor.index") };
}

/** The statement's place: within a kind, epochs before indices. */
export function placeOf(statement: Statement): Floor {
  const { kind } = statement;
  return { kind, epoch: statementEpoch(statement), index: statementIndex(statement) };
}

export function comparePlaces(left: Floor, right: Floor): number {
  return left.epoch === right.epoch ? left.index - right.index : left.epoch - right.epoch;
}
