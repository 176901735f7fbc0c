import type * as wire from "@quorate/proto/consensus/v1/consensus";
import { unreachable } from "../../kernel/assert.ts";
import { DecodeError } from "../../kernel/codec.ts";
import type { SignedStatement, Statement } from "../../kernel/statements.ts";
import { MARKETS_MAX } from "../../kernel/statements.ts";
import { counter, decimal, hex32, present, signature64 } from "./fields.ts";
import { bufferOf, bytesOf, resultFromWire, resultToWire } from "./ledger-wire.ts";

type WireKind = NonNullable<wire.Statement["kind"]>;

function kindToWire(statement: Statement): WireKind {
  switch (statement.kind) {
    case "proposal":
    case "order-vote": {
      const { epoch, round, blockId } = statement;
      const value = { epoch: BigInt(epoch), round: BigInt(round), blockId: bytesOf(blockId) };
      return { $case: statement.kind === "proposal" ? "proposal" : "orderVote", value };
    }
    case "vote": {
      const { epoch, round, blockId, qcRound } = statement;
      const place = { epoch: BigInt(epoch), round: BigInt(round), blockId: bytesOf(blockId) };
      return { $case: "vote", value: { ...place, qcRound: BigInt(qcRound) } };
    }
    case "timeout": {
      const { epoch, round, hqcRound } = statement;
      const value = { epoch: BigInt(epoch), round: BigInt(round), hqcRound: BigInt(hqcRound) };
      return { $case: "timeout", value };
    }
    case "batch": {
      const value = { sequence: BigInt(statement.sequence), digest: bytesOf(statement.digest) };
      return { $case: "batch", value };
    }
    case "attestation":
      return { $case: "attestation", value: { result: resultToWire(statement.result) } };
    case "heartbeat": {
      const { epoch, height, stateRoot } = statement;
      const value = { epoch: BigInt(epoch), height: BigInt(height), stateRoot: bytesOf(stateRoot) };
      return { $case: "heartbeat", value };
    }
    case "oracle-report": {
      const { epoch, market, slot, price } = statement;
      const value = { epoch: BigInt(epoch), market, slot: BigInt(slot), price: price.toString() };
      return { $case: "oracleReport", value };
    }
    case "endorsement": {
      const value = { nonce: BigInt(statement.nonce), subject: bytesOf(statement.subject) };
      return { $case: "endorsement", value };
    }
    default:
      return unreachable(statement);
  }
}

export function signedToWire(signed: SignedStatement): wire.SignedStatement {
  return {
    statement: { kind: kindToWire(signed.statement) },
    author: bytesOf(signed.author),
    signature: bufferOf(signed.signature),
  };
}

function market(value: number, field: string): number {
  if (value >= MARKETS_MAX) throw new DecodeError(field, `${value} is not below ${MARKETS_MAX}`);
  return value;
}

function placeFromWire(
  value: { readonly epoch: bigint; readonly round: bigint; readonly blockId: Uint8Array },
  field: string,
): { readonly epoch: number; readonly round: number; readonly blockId: string } {
  return {
    epoch: counter(value.epoch, `${field}.epoch`),
    round: counter(value.round, `${field}.round`),
    blockId: hex32(value.blockId, `${field}.block_id`),
  };
}

function statementFromWire(kind: WireKind, field: string): Statement {
  switch (kind.$case) {
    case "proposal":
      return { kind: "proposal", ...placeFromWire(kind.value, `${field}.proposal`) };
    case "orderVote":
      return { kind: "order-vote", ...placeFromWire(kind.value, `${field}.order_vote`) };
    case "vote": {
      const qcRound = counter(kind.value.qcRound, `${field}.vote.qc_round`);
      return { kind: "vote", ...placeFromWire(kind.value, `${field}.vote`), qcRound };
    }
    case "timeout":
      return {
        kind: "timeout",
        epoch: counter(kind.value.epoch, `${field}.timeout.epoch`),
        round: counter(kind.value.round, `${field}.timeout.round`),
        hqcRound: counter(kind.value.hqcRound, `${field}.timeout.hqc_round`),
      };
    case "batch":
      return {
        kind: "batch",
        sequence: counter(kind.value.sequence, `${field}.batch.sequence`),
        digest: hex32(kind.value.digest, `${field}.batch.digest`),
      };
    case "attestation": {
      const name = `${field}.attestation.result`;
      return {
        kind: "attestation",
        result: resultFromWire(present(kind.value.result, name), name),
      };
    }
    case "heartbeat":
      return {
        kind: "heartbeat",
        epoch: counter(kind.value.epoch, `${field}.heartbeat.epoch`),
        height: counter(kind.value.height, `${field}.heartbeat.height`),
        stateRoot: hex32(kind.value.stateRoot, `${field}.heartbeat.state_root`),
      };
    case "oracleReport":
      return {
        kind: "oracle-report",
        epoch: counter(kind.value.epoch, `${field}.oracle_report.epoch`),
        market: market(kind.value.market, `${field}.oracle_report.market`),
        slot: slot(kind.value.slot, `${field}.oracle_report.slot`),
        price: decimal(kind.value.price, `${field}.oracle_report.price`),
      };
    case "endorsement":
      return {
        kind: "endorsement",
        nonce: counter(kind.value.nonce, `${field}.endorsement.nonce`),
        subject: hex32(kind.value.subject, `${field}.endorsement.subject`),
      };
    default:
      return unreachable(kind);
  }
}

/** The journal's index is slot x MARKETS_MAX + market: it has to stay exact. */
function slot(value: bigint, field: string): number {
  const number = counter(value, field);
  if (!Number.isSafeInteger((number + 1) * MARKETS_MAX)) {
    throw new DecodeError(field, `${value} is too large`);
  }
  return number;
}

export function signedFromWire(signed: wire.SignedStatement, field: string): SignedStatement {
  const statement = present(signed.statement, `${field}.statement`);
  const kind = present(statement.kind, `${field}.statement.kind`);
  return {
    statement: statementFromWire(kind, `${field}.statement`),
    author: hex32(signed.author, `${field}.author`),
    signature: signature64(signed.signature, `${field}.signature`),
  };
}
