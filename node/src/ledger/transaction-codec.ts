import { unreachable } from "../kernel/assert.ts";
import type { Reader, Writer } from "../kernel/codec.ts";
import { readSignedStatement, writeSignedStatement } from "../kernel/statements.ts";
import { MEMBERS_MAX } from "../kernel/validator-set.ts";
import { readMarketAct, writeMarketAct } from "../margin/terms-codec.ts";
import { readAction, readChoice, writeAction } from "./action-codec.ts";
import { readScope, writeScope } from "./session-codec.ts";
import type { ResizeChange, SpareRegistration, Transaction } from "./types.ts";

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
  "session",
  "session-bundle",
  "revoke-session",
  "resize",
  "market-terms",
] as const satisfies readonly Transaction["kind"][];

/** Who ends a session. */
const SESSION_ENDERS = ["account", "session"] as const;

/** Decoder's bound; the genesis field `bundleActionsMax` may be lower. */
const ACTIONS_MAX = 1_024;
/** Of a block in an E6 proof: what a transaction may have at most. */
const VOTED_BLOCK_BYTES_MAX = 65_536;
export const CUSTODIANS_MAX = 64;
const RESIZE_CHANGES = ["grow", "shrink"] as const satisfies ResizeChange["kind"][];
export const ADDRESS_LENGTH_MAX = 255;
/** Longest key of a `put`. */
export const PUT_KEY_BYTES_MAX = 64;
/** Longest value that a genesis may allow in a `put`: the transaction fits into a batch. */
export const PUT_VALUE_BYTES_MAX = 32_768;

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
  | Omit<KindOf<"session">, "signature">
  | Omit<KindOf<"session-bundle">, "signature">
  | Omit<KindOf<"revoke-session">, "signature">
  | Omit<KindOf<"custodian-deposit">, "signatures">
  | Omit<KindOf<"resize">, "signatures">
  | Omit<KindOf<"market-terms">, "signatures">;

/** The fields that an account, owner or custodian signs: everything but the signatures. */
export function writeSignedFields(writer: Writer, transaction: SignedFields): void {
  switch (transaction.kind) {
    case "bundle":
      writer.hex32(transaction.account).u64(transaction.nonce);
      writer.list(transaction.actions, writeAction);
      return;
    case "session":
      writer.hex32(transaction.account).u64(transaction.nonce);
      writer.hex32(transaction.key).u64(transaction.expiresMs);
      writeScope(writer, transaction.scope);
      return;
    case "session-bundle":
      writer.hex32(transaction.account).hex32(transaction.session).u64(transaction.nonce);
      writer.list(transaction.actions, writeAction);
      return;
    case "revoke-session":
      writer.hex32(transaction.account).hex32(transaction.session);
      writer.u8(SESSION_ENDERS.indexOf(transaction.by));
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
    case "resize":
      writer.hex32(transaction.setHash);
      writeResizeChange(writer, transaction.change);
      return;
    case "market-terms":
      writer.u16(transaction.market).u64(transaction.nonce).u64(transaction.untilMs);
      writeMarketAct(writer, transaction.act);
      return;
    default:
      unreachable(transaction);
  }
}

function writeResizeChange(writer: Writer, change: ResizeChange): void {
  writer.u8(RESIZE_CHANGES.indexOf(change.kind)).hex32(change.key);
  if (change.kind === "grow") writer.i128(change.power);
}

function readResizeChange(reader: Reader, field: string): ResizeChange {
  const kind = readChoice(reader, `${field}.kind`, RESIZE_CHANGES);
  const key = reader.hex32(`${field}.key`);
  return kind === "shrink" ? { kind, key } : { kind, key, power: reader.i128(`${field}.power`) };
}

export function writeTransaction(writer: Writer, transaction: Transaction): void {
  writer.u8(TRANSACTION_KINDS.indexOf(transaction.kind));
  switch (transaction.kind) {
    case "bundle":
    case "owner-rotation":
    case "return-spare":
    case "exit-spare":
    case "treasury-withdraw":
    case "session":
    case "session-bundle":
    case "revoke-session":
      writeSignedFields(writer, transaction);
      writer.fixed(transaction.signature, 64);
      return;
    case "custodian-deposit":
    case "resize":
    case "market-terms":
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
    case "session":
    case "session-bundle":
    case "revoke-session":
      return readSessionAct(reader, kind);
    case "resize":
      return {
        kind,
        setHash: reader.hex32("setHash"),
        change: readResizeChange(reader, "change"),
        signatures: readSignatures(reader, MEMBERS_MAX),
      };
    case "market-terms":
      return {
        ...{ kind, market: reader.u16("market"), nonce: reader.u64("nonce") },
        ...{ untilMs: reader.u64("untilMs"), act: readMarketAct(reader, "act") },
        signatures: readSignatures(reader, MEMBERS_MAX),
      };
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

function readSessionAct(
  reader: Reader,
  kind: "session" | "session-bundle" | "revoke-session",
): Transaction {
  const account = reader.hex32("account");
  if (kind === "session") {
    return {
      kind,
      account,
      nonce: reader.u64("nonce"),
      key: reader.hex32("key"),
      expiresMs: reader.u64("expiresMs"),
      scope: readScope(reader, "scope"),
      signature: reader.fixed("signature", 64),
    };
  }
  const session = reader.hex32("session");
  if (kind === "session-bundle") {
    return {
      ...{ kind, account, session, nonce: reader.u64("nonce") },
      actions: reader.list("actions", ACTIONS_MAX, readAction),
      signature: reader.fixed("signature", 64),
    };
  }
  const by = readChoice(reader, "by", SESSION_ENDERS);
  return { kind, account, session, by, signature: reader.fixed("signature", 64) };
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
  const signatures = readSignatures(reader, CUSTODIANS_MAX);
  return { kind, account, amount, nonce, signatures };
}

function readSignatures(reader: Reader, countMax: number): KindOf<"resize">["signatures"] {
  return reader.list("signatures", countMax, (input, name) => ({
    author: input.hex32(`${name}.author`),
    signature: input.fixed(`${name}.signature`, 64),
  }));
}
