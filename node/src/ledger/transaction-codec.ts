import { unreachable } from "../kernel/assert.ts";
import { DecodeError, type Reader, type Writer } from "../kernel/codec.ts";
import { readSignedStatement, writeSignedStatement } from "../kernel/statements.ts";
import type { MarginAction, Side, TimeInForce } from "../margin/types.ts";
import type { SpareRegistration, Transaction } from "./types.ts";

/** The first byte of a transaction is the position of its kind here (node/spec/encoding.md). */
export const TRANSACTION_KINDS = [
  "bundle",
  "oracle-report",
  "silence-record",
  "misconduct-proof",
  "owner-rotation",
  "register-spare",
  "return-spare",
  "absence",
  "approve-swap",
  "faucet",
  "custodian-deposit",
  "readiness",
  "invalid-vote-proof",
  "put",
  "exit-spare",
  "treasury-withdraw",
] as const satisfies readonly Transaction["kind"][];

const ACTION_KINDS = [
  "place",
  "cancel",
  "withdraw",
  "stake",
] as const satisfies MarginAction["kind"][];
const SIDES = ["buy", "sell"] as const satisfies Side[];
const TIMES_IN_FORCE = ["gtc", "ioc", "post-only"] as const satisfies TimeInForce[];

/** Decoder's bound; the genesis field `bundleActionsMax` may be lower. */
const ACTIONS_MAX = 1_024;
/** Of a block in an E6 proof: what a transaction may have at most. */
const VOTED_BLOCK_BYTES_MAX = 65_536;
export const CUSTODIANS_MAX = 64;
export const ADDRESS_LENGTH_MAX = 255;
/** Longest key of a `put`. */
export const PUT_KEY_BYTES_MAX = 64;
/** Longest value that a genesis may allow in a `put`: the transaction fits into a batch. */
export const PUT_VALUE_BYTES_MAX = 32_768;

/** Reads a one-byte position in a fixed list of names. */
export function readChoice<T>(reader: Reader, field: string, choices: readonly T[]): T {
  const position = reader.u8(field);
  const choice = choices[position];
  if (choice === undefined) {
    throw new DecodeError(field, `${position} is not below ${choices.length}`);
  }
  return choice;
}

function writeAction(writer: Writer, action: MarginAction): void {
  writer.u8(ACTION_KINDS.indexOf(action.kind));
  switch (action.kind) {
    case "place":
      writer.u16(action.market).u64(action.clientId).u8(SIDES.indexOf(action.side));
      writer.i128(action.size).i128(action.price);
      writer.u8(TIMES_IN_FORCE.indexOf(action.timeInForce)).bool(action.reduceOnly);
      return;
    case "cancel":
      writer.u16(action.market).u64(action.clientId);
      return;
    case "withdraw":
      writer.i128(action.amount);
      return;
    case "stake":
      writer.hex32(action.owner).i128(action.amount);
      return;
    default:
      unreachable(action);
  }
}

function readAction(reader: Reader, field: string): MarginAction {
  const kind = readChoice(reader, `${field}.kind`, ACTION_KINDS);
  switch (kind) {
    case "place":
      return {
        kind,
        market: reader.u16(`${field}.market`),
        clientId: reader.u64(`${field}.clientId`),
        side: readChoice(reader, `${field}.side`, SIDES),
        size: reader.i128(`${field}.size`),
        price: reader.i128(`${field}.price`),
        timeInForce: readChoice(reader, `${field}.timeInForce`, TIMES_IN_FORCE),
        reduceOnly: reader.bool(`${field}.reduceOnly`),
      };
    case "cancel":
      return {
        kind,
        market: reader.u16(`${field}.market`),
        clientId: reader.u64(`${field}.clientId`),
      };
    case "withdraw":
      return { kind, amount: reader.i128(`${field}.amount`) };
    case "stake":
      return {
        kind,
        owner: reader.hex32(`${field}.owner`),
        amount: reader.i128(`${field}.amount`),
      };
    default:
      return unreachable(kind);
  }
}

export function writeRegistration(writer: Writer, registration: SpareRegistration): void {
  writer.hex32(registration.owner).hex32(registration.key).hex32(registration.networkKey);
  writer.text(registration.address).i128(registration.bond);
}

function readRegistration(reader: Reader, field: string): SpareRegistration {
  return {
    owner: reader.hex32(`${field}.owner`),
    key: reader.hex32(`${field}.key`),
    networkKey: reader.hex32(`${field}.networkKey`),
    address: reader.text(`${field}.address`, ADDRESS_LENGTH_MAX),
    bond: reader.i128(`${field}.bond`),
  };
}

type KindOf<K extends Transaction["kind"]> = Extract<Transaction, { kind: K }>;

/** Transactions whose plain signature covers the fields before it. */
export type SignedFields =
  | Omit<KindOf<"bundle">, "signature">
  | Omit<KindOf<"owner-rotation">, "signature">
  | Omit<KindOf<"return-spare">, "signature">
  | Omit<KindOf<"exit-spare">, "signature">
  | Omit<KindOf<"treasury-withdraw">, "signature">
  | Omit<KindOf<"custodian-deposit">, "signatures">;

/** The fields that an account, owner or custodian signs: everything but the signatures. */
export function writeSignedFields(writer: Writer, transaction: SignedFields): void {
  switch (transaction.kind) {
    case "bundle":
      writer.hex32(transaction.account).u64(transaction.nonce);
      writer.list(transaction.actions, writeAction);
      return;
    case "owner-rotation":
      writer.hex32(transaction.member).hex32(transaction.setHash).u64(transaction.nonce);
      return;
    case "return-spare":
    case "exit-spare":
      writer.hex32(transaction.key).u64(transaction.nonce);
      return;
    case "treasury-withdraw":
      writer.hex32(transaction.owner).hex32(transaction.account);
      writer.i128(transaction.amount).u64(transaction.nonce);
      return;
    case "custodian-deposit":
      writer.hex32(transaction.account).i128(transaction.amount).u64(transaction.nonce);
      return;
    default:
      unreachable(transaction);
  }
}

export function writeTransaction(writer: Writer, transaction: Transaction): void {
  writer.u8(TRANSACTION_KINDS.indexOf(transaction.kind));
  switch (transaction.kind) {
    case "bundle":
    case "owner-rotation":
    case "return-spare":
    case "exit-spare":
    case "treasury-withdraw":
      writeSignedFields(writer, transaction);
      writer.fixed(transaction.signature, 64);
      return;
    case "custodian-deposit":
      writeSignedFields(writer, transaction);
      writer.list(transaction.signatures, (out, { author, signature }) => {
        out.hex32(author).fixed(signature, 64);
      });
      return;
    case "oracle-report":
      writeSignedStatement(writer, transaction.report);
      return;
    case "silence-record":
      writer.hex32(transaction.member).hex32(transaction.setHash);
      return;
    case "misconduct-proof":
      writer.hex32(transaction.chainId);
      writeSignedStatement(writer, transaction.first);
      writeSignedStatement(writer, transaction.second);
      return;
    case "invalid-vote-proof":
      writer.hex32(transaction.chainId);
      writeSignedStatement(writer, transaction.vote);
      writer.bytes(transaction.block);
      return;
    case "register-spare":
      writeRegistration(writer, transaction.registration);
      writeSignedStatement(writer, transaction.possession);
      writer.fixed(transaction.networkSignature, 64).fixed(transaction.sponsorSignature, 64);
      writer.bool(transaction.ownerSignature !== undefined);
      if (transaction.ownerSignature !== undefined) writer.fixed(transaction.ownerSignature, 64);
      return;
    case "absence":
      writer.u64(transaction.untilMs);
      writeSignedStatement(writer, transaction.endorsement);
      return;
    case "readiness":
      writer.u64(transaction.version);
      writeSignedStatement(writer, transaction.endorsement);
      return;
    case "approve-swap":
      writer.hex32(transaction.member).hex32(transaction.signer);
      writer.fixed(transaction.signature, 64);
      return;
    case "faucet":
      writer.hex32(transaction.account).i128(transaction.amount).u64(transaction.nonce);
      return;
    case "put":
      writer.bytes(transaction.key).bytes(transaction.value);
      return;
    default:
      unreachable(transaction);
  }
}

/** Throws DecodeError; `decodeTransaction` turns that into a refusal. */
export function readTransaction(reader: Reader): Transaction {
  const kind = readChoice(reader, "kind", TRANSACTION_KINDS);
  switch (kind) {
    case "bundle":
      return {
        kind,
        account: reader.hex32("account"),
        nonce: reader.u64("nonce"),
        actions: reader.list("actions", ACTIONS_MAX, readAction),
        signature: reader.fixed("signature", 64),
      };
    case "oracle-report":
      return { kind, report: readSignedStatement(reader, "report") };
    case "silence-record":
      return { kind, member: reader.hex32("member"), setHash: reader.hex32("setHash") };
    case "misconduct-proof":
      return {
        kind,
        chainId: reader.hex32("chainId"),
        first: readSignedStatement(reader, "first"),
        second: readSignedStatement(reader, "second"),
      };
    case "invalid-vote-proof":
      return {
        kind,
        chainId: reader.hex32("chainId"),
        vote: readSignedStatement(reader, "vote"),
        block: reader.bytes("block", VOTED_BLOCK_BYTES_MAX),
      };
    case "register-spare":
      return readRegisterSpare(reader);
    case "absence":
      return {
        kind,
        untilMs: reader.u64("untilMs"),
        endorsement: readSignedStatement(reader, "endorsement"),
      };
    case "readiness":
      return {
        kind,
        version: reader.u64("version"),
        endorsement: readSignedStatement(reader, "endorsement"),
      };
    case "faucet":
    case "custodian-deposit":
      return readDeposit(reader, kind);
    case "owner-rotation":
    case "return-spare":
    case "approve-swap":
    case "exit-spare":
    case "treasury-withdraw":
      return readOwnerAct(reader, kind);
    case "put":
      return {
        kind,
        // Views of the transaction's own bytes, which nobody changes.
        key: reader.view("key", PUT_KEY_BYTES_MAX),
        value: reader.view("value", PUT_VALUE_BYTES_MAX),
      };
    default:
      return unreachable(kind);
  }
}

function readOwnerAct(
  reader: Reader,
  kind: "owner-rotation" | "return-spare" | "approve-swap" | "exit-spare" | "treasury-withdraw",
): Transaction {
  switch (kind) {
    case "owner-rotation":
      return {
        kind,
        member: reader.hex32("member"),
        setHash: reader.hex32("setHash"),
        nonce: reader.u64("nonce"),
        signature: reader.fixed("signature", 64),
      };
    case "treasury-withdraw":
      return {
        kind,
        owner: reader.hex32("owner"),
        account: reader.hex32("account"),
        amount: reader.i128("amount"),
        nonce: reader.u64("nonce"),
        signature: reader.fixed("signature", 64),
      };
    case "return-spare":
    case "exit-spare":
      return {
        kind,
        key: reader.hex32("key"),
        nonce: reader.u64("nonce"),
        signature: reader.fixed("signature", 64),
      };
    case "approve-swap":
      return {
        kind,
        member: reader.hex32("member"),
        signer: reader.hex32("signer"),
        signature: reader.fixed("signature", 64),
      };
    default:
      return unreachable(kind);
  }
}

function readRegisterSpare(reader: Reader): Transaction {
  return {
    kind: "register-spare",
    registration: readRegistration(reader, "registration"),
    possession: readSignedStatement(reader, "possession"),
    networkSignature: reader.fixed("networkSignature", 64),
    sponsorSignature: reader.fixed("sponsorSignature", 64),
    ownerSignature: reader.bool("ownerSignature.present")
      ? reader.fixed("ownerSignature", 64)
      : undefined,
  };
}

function readDeposit(reader: Reader, kind: "faucet" | "custodian-deposit"): Transaction {
  const account = reader.hex32("account");
  const amount = reader.i128("amount");
  const nonce = reader.u64("nonce");
  if (kind === "faucet") return { kind, account, amount, nonce };
  const signatures = reader.list("signatures", CUSTODIANS_MAX, (input, name) => ({
    author: input.hex32(`${name}.author`),
    signature: input.fixed(`${name}.signature`, 64),
  }));
  return { kind, account, amount, nonce, signatures };
}
