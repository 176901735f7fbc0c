import { type Verify, verifies } from "./keys.ts";
import { i128, join, key, type Scanner, text, u8, u16, u64 } from "./layout.ts";

export interface Result {
  readonly epoch: number;
  readonly height: number;
  readonly blockId: string;
  readonly timestampMs: number;
  readonly stateRoot: string;
  readonly receiptsRoot: string;
  readonly nextSetHash: string;
}

/** node/spec/encoding.md, Statements; the place in this list is the byte of the kind. */
export const KINDS = [
  "proposal",
  "vote",
  "order-vote",
  "timeout",
  "batch",
  "attestation",
  "heartbeat",
  "oracle-report",
  "endorsement",
] as const;

export type Statement =
  | {
      readonly kind: "proposal" | "order-vote";
      readonly epoch: number;
      readonly round: number;
      readonly blockId: string;
    }
  | {
      readonly kind: "vote";
      readonly epoch: number;
      readonly round: number;
      readonly blockId: string;
      readonly qcRound: number;
    }
  | {
      readonly kind: "timeout";
      readonly epoch: number;
      readonly round: number;
      readonly hqcRound: number;
    }
  | { readonly kind: "batch"; readonly sequence: number; readonly digest: string }
  | { readonly kind: "attestation"; readonly result: Result }
  | {
      readonly kind: "heartbeat";
      readonly epoch: number;
      readonly height: number;
      readonly stateRoot: string;
    }
  | {
      readonly kind: "oracle-report";
      readonly epoch: number;
      readonly market: number;
      readonly slot: number;
      readonly price: bigint;
    }
  | { readonly kind: "endorsement"; readonly nonce: number; readonly subject: string };

export interface Signed<S extends Statement = Statement> {
  readonly statement: S;
  readonly author: string;
  readonly signature: Uint8Array;
}

export function resultBytes(result: Result): Uint8Array {
  return join(
    u64(result.epoch),
    u64(result.height),
    key(result.blockId),
    u64(result.timestampMs),
    key(result.stateRoot),
    key(result.receiptsRoot),
    key(result.nextSetHash),
  );
}

export function scanResult(scanner: Scanner): Result {
  return {
    epoch: scanner.u64(),
    height: scanner.u64(),
    blockId: scanner.key(),
    timestampMs: scanner.u64(),
    stateRoot: scanner.key(),
    receiptsRoot: scanner.key(),
    nextSetHash: scanner.key(),
  };
}

function fieldsOf(statement: Statement): readonly Uint8Array[] {
  switch (statement.kind) {
    case "proposal":
    case "order-vote":
      return [u64(statement.epoch), u64(statement.round), key(statement.blockId)];
    case "vote": {
      const { epoch, round, blockId, qcRound } = statement;
      return [u64(epoch), u64(round), key(blockId), u64(qcRound)];
    }
    case "timeout":
      return [u64(statement.epoch), u64(statement.round), u64(statement.hqcRound)];
    case "batch":
      return [u64(statement.sequence), key(statement.digest)];
    case "attestation":
      return [resultBytes(statement.result)];
    case "heartbeat":
      return [u64(statement.epoch), u64(statement.height), key(statement.stateRoot)];
    case "oracle-report": {
      const { epoch, market, slot, price } = statement;
      return [u64(epoch), u16(market), u64(slot), i128(price)];
    }
    case "endorsement":
      return [u64(statement.nonce), key(statement.subject)];
  }
}

export function statementBytes(statement: Statement): Uint8Array {
  return join(u8(KINDS.indexOf(statement.kind)), ...fieldsOf(statement));
}

export function scanStatement(scanner: Scanner): Statement {
  const byte = scanner.u8();
  const kind = KINDS[byte];
  switch (kind) {
    case "proposal":
    case "order-vote":
      return { kind, epoch: scanner.u64(), round: scanner.u64(), blockId: scanner.key() };
    case "vote":
      return {
        kind,
        epoch: scanner.u64(),
        round: scanner.u64(),
        blockId: scanner.key(),
        qcRound: scanner.u64(),
      };
    case "timeout":
      return { kind, epoch: scanner.u64(), round: scanner.u64(), hqcRound: scanner.u64() };
    case "batch":
      return { kind, sequence: scanner.u64(), digest: scanner.key() };
    case "attestation":
      return { kind, result: scanResult(scanner) };
    case "heartbeat":
      return { kind, epoch: scanner.u64(), height: scanner.u64(), stateRoot: scanner.key() };
    case "oracle-report":
      return {
        kind,
        epoch: scanner.u64(),
        market: below(scanner.u16(), 1_024),
        slot: below(scanner.u64(), 2 ** 43),
        price: scanner.i128(),
      };
    case "endorsement":
      return { kind, nonce: scanner.u64(), subject: scanner.key() };
    default:
      throw new Error(`${byte} is no kind of statement`);
  }
}

/** Markets and slots that no statement has (node/spec/encoding.md). */
function below(value: number, bound: number): number {
  if (value < bound) return value;
  throw new Error(`${value} is not below ${bound}`);
}

export function scanSigned(scanner: Scanner): Signed {
  return {
    statement: scanStatement(scanner),
    author: scanner.key(),
    signature: scanner.signature(),
  };
}

export function signedBytes(chainId: string, statement: Statement): Uint8Array {
  return join(text("quorate/v1/statement"), key(chainId), statementBytes(statement));
}

export function isSignedBy(chainId: string, signed: Signed, verify: Verify = verifies): boolean {
  return verify(signed.author, signedBytes(chainId, signed.statement), signed.signature);
}
