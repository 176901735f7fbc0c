import { sha256 } from "../stranger/bytes.ts";
import { i128, join, key, list, Scanner, text, u8, u16, u64 } from "../stranger/layout.ts";
import { type Signed, scanSigned } from "../stranger/statements.ts";
import { actionBytes, choice, scanAction } from "./actions.ts";
import { actBytes, type MarketTerms, scanAct } from "./market-acts.ts";
import type { Action } from "./model/world.ts";

/** node/spec/encoding.md, Transactions; the place in this list is the byte of the kind. */
const KINDS = [
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
] as const;

export interface Registration {
  readonly owner: string;
  readonly key: string;
  readonly networkKey: string;
  readonly address: string;
  readonly bond: bigint;
}

export interface Scope {
  readonly actions: number;
  readonly markets: readonly number[];
  readonly lots: bigint;
  readonly notional: bigint;
}

export type Transaction =
  | {
      readonly kind: "resize";
      readonly setHash: string;
      readonly change: { readonly isGrowth: boolean; readonly key: string; readonly power: bigint };
      readonly signatures: readonly { readonly author: string; readonly signature: Uint8Array }[];
    }
  | MarketTerms
  | {
      readonly kind: "session";
      readonly account: string;
      readonly nonce: number;
      readonly key: string;
      readonly expiresMs: number;
      readonly scope: Scope;
      readonly signature: Uint8Array;
    }
  | {
      readonly kind: "session-bundle";
      readonly account: string;
      readonly session: string;
      readonly nonce: number;
      readonly actions: readonly Action[];
      readonly signature: Uint8Array;
    }
  | {
      readonly kind: "revoke-session";
      readonly account: string;
      readonly session: string;
      readonly by: number;
      readonly signature: Uint8Array;
    }
  | {
      readonly kind: "bundle";
      readonly account: string;
      readonly nonce: number;
      readonly actions: readonly Action[];
      readonly signature: Uint8Array;
    }
  | { readonly kind: "oracle-report"; readonly report: Signed }
  | { readonly kind: "silence-record"; readonly member: string; readonly setHash: string }
  | {
      readonly kind: "misconduct-proof";
      readonly chainId: string;
      readonly first: Signed;
      readonly second: Signed;
    }
  | {
      readonly kind: "invalid-vote-proof";
      readonly chainId: string;
      readonly vote: Signed;
      readonly block: Uint8Array;
    }
  | {
      readonly kind: "owner-rotation";
      readonly member: string;
      readonly setHash: string;
      readonly nonce: number;
      readonly signature: Uint8Array;
    }
  | {
      readonly kind: "register-spare";
      readonly registration: Registration;
      readonly possession: Signed;
      readonly networkSignature: Uint8Array;
      readonly sponsorSignature: Uint8Array;
      readonly ownerSignature: Uint8Array | undefined;
    }
  | {
      readonly kind: "return-spare";
      readonly key: string;
      readonly nonce: number;
      readonly signature: Uint8Array;
    }
  | {
      readonly kind: "exit-spare";
      readonly key: string;
      readonly nonce: number;
      readonly signature: Uint8Array;
    }
  | {
      readonly kind: "treasury-withdraw";
      readonly owner: string;
      readonly account: string;
      readonly amount: bigint;
      readonly nonce: number;
      readonly signature: Uint8Array;
    }
  | { readonly kind: "absence"; readonly untilMs: number; readonly endorsement: Signed }
  | { readonly kind: "readiness"; readonly version: number; readonly endorsement: Signed }
  | {
      readonly kind: "approve-swap";
      readonly member: string;
      readonly signer: string;
      readonly signature: Uint8Array;
    }
  | {
      readonly kind: "faucet";
      readonly account: string;
      readonly amount: bigint;
      readonly nonce: number;
    }
  | {
      readonly kind: "custodian-deposit";
      readonly account: string;
      readonly amount: bigint;
      readonly nonce: number;
      readonly signatures: readonly { readonly author: string; readonly signature: Uint8Array }[];
    }
  | { readonly kind: "put"; readonly key: Uint8Array; readonly value: Uint8Array };

export type Kind<K extends Transaction["kind"]> = Extract<Transaction, { kind: K }>;

export const idOf = (transaction: Uint8Array): string => sha256(transaction);

const TRANSACTION_BYTES_MAX = 65_536;

function scanRegistration(scanner: Scanner): Kind<"register-spare"> {
  const registration = {
    owner: scanner.key(),
    key: scanner.key(),
    networkKey: scanner.key(),
    address: scanner.text(),
    bond: scanner.i128(),
  };
  return {
    kind: "register-spare",
    registration,
    possession: scanSigned(scanner),
    networkSignature: scanner.signature(),
    sponsorSignature: scanner.signature(),
    ownerSignature: scanner.flag() ? scanner.signature() : undefined,
  };
}

function scanScope(scanner: Scanner): Scope {
  const [actions, markets] = [scanner.u8(), scanner.list(() => scanner.u16())];
  const [lots, notional] = [scanner.i128(), scanner.i128()];
  const isSorted = markets.every((market, at) => at === 0 || (markets[at - 1] ?? 0) < market);
  if (actions < 1 || actions > 3 || markets.length > 64 || !isSorted || lots < 0n || notional < 0n)
    throw new Error("no scope of a session");
  return { actions, markets, lots, notional };
}

function scanMoney(scanner: Scanner): { account: string; amount: bigint; nonce: number } {
  return { account: scanner.key(), amount: scanner.i128(), nonce: scanner.u64() };
}

function scanFields(scanner: Scanner, kind: (typeof KINDS)[number]): Transaction {
  switch (kind) {
    case "bundle":
      return {
        kind,
        account: scanner.key(),
        nonce: scanner.u64(),
        actions: scanner.list(() => scanAction(scanner)),
        signature: scanner.signature(),
      };
    case "session": {
      const parties = { account: scanner.key(), nonce: scanner.u64(), key: scanner.key() };
      const term = { expiresMs: scanner.u64(), scope: scanScope(scanner) };
      return { kind, ...parties, ...term, signature: scanner.signature() };
    }
    case "session-bundle": {
      const from = { account: scanner.key(), session: scanner.key(), nonce: scanner.u64() };
      const actions = scanner.list(() => scanAction(scanner));
      return { kind, ...from, actions, signature: scanner.signature() };
    }
    case "revoke-session": {
      const what = { account: scanner.key(), session: scanner.key(), by: scanner.u8() };
      if (what.by > 1) throw new Error(`${what.by} is neither account nor session`);
      return { kind, ...what, signature: scanner.signature() };
    }
    case "oracle-report":
      return { kind, report: scanSigned(scanner) };
    case "silence-record":
      return { kind, member: scanner.key(), setHash: scanner.key() };
    case "misconduct-proof":
      return {
        kind,
        chainId: scanner.key(),
        first: scanSigned(scanner),
        second: scanSigned(scanner),
      };
    case "invalid-vote-proof": {
      const chainId = scanner.key();
      return { kind, chainId, vote: scanSigned(scanner), block: scanner.bytes() };
    }
    case "owner-rotation": {
      const seat = { member: scanner.key(), setHash: scanner.key() };
      return { kind, ...seat, nonce: scanner.u64(), signature: scanner.signature() };
    }
    case "register-spare":
      return scanRegistration(scanner);
    case "treasury-withdraw": {
      const parties = { owner: scanner.key(), account: scanner.key() };
      const money = { amount: scanner.i128(), nonce: scanner.u64() };
      return { kind, ...parties, ...money, signature: scanner.signature() };
    }
    case "return-spare":
    case "exit-spare":
      return { kind, key: scanner.key(), nonce: scanner.u64(), signature: scanner.signature() };
    case "absence":
      return { kind, untilMs: scanner.u64(), endorsement: scanSigned(scanner) };
    case "readiness":
      return { kind, version: scanner.u64(), endorsement: scanSigned(scanner) };
    case "approve-swap":
      return {
        kind,
        member: scanner.key(),
        signer: scanner.key(),
        signature: scanner.signature(),
      };
    case "faucet":
      return { kind, ...scanMoney(scanner) };
    case "custodian-deposit": {
      const money = scanMoney(scanner);
      return { kind, ...money, signatures: scanSignatures(scanner) };
    }
    case "resize":
      return scanResize(scanner);
    case "market-terms":
      return scanMarketTerms(scanner);
    case "put":
      return { kind, key: scanner.bytes(), value: scanner.bytes() };
  }
}

function scanResize(scanner: Scanner): Kind<"resize"> {
  const setHash = scanner.key();
  const what = scanner.u8();
  if (what > 1) throw new Error(`${what} is neither grow nor shrink`);
  const seat = { isGrowth: what === 0, key: scanner.key() };
  const change = { ...seat, power: seat.isGrowth ? scanner.i128() : 0n };
  return { kind: "resize", setHash, change, signatures: scanSignatures(scanner) };
}

function scanMarketTerms(scanner: Scanner): Kind<"market-terms"> {
  const market = scanner.u16();
  const term = { nonce: scanner.u64(), untilMs: scanner.u64() };
  const act = scanAct(scanner, market);
  return { kind: "market-terms", market, ...term, act, signatures: scanSignatures(scanner) };
}

function scanSignatures(scanner: Scanner): Kind<"resize">["signatures"] {
  return scanner.list(() => ({ author: scanner.key(), signature: scanner.signature() }));
}

/** Throws for bytes that are no transaction: the chain refuses those, and nothing changes. */
export function scanTransaction(received: Uint8Array): Transaction {
  if (received.length > TRANSACTION_BYTES_MAX) throw new Error("the transaction is too long");
  const scanner = new Scanner(received, "transaction");
  const transaction = scanFields(scanner, choice(scanner, KINDS, "kind of transaction"));
  scanner.end();
  return transaction;
}

function domain(chainId: string, kind: string, ...rest: readonly Uint8Array[]): Uint8Array {
  return join(text(`quorate/v1/${kind}`), key(chainId), ...rest);
}

/** What the account, owner or custodians sign (encoding.md, What is signed). */
export function signingBytes(
  chainId: string,
  transaction: Kind<
    | "bundle"
    | "session"
    | "session-bundle"
    | "revoke-session"
    | "owner-rotation"
    | "return-spare"
    | "exit-spare"
    | "treasury-withdraw"
    | "custodian-deposit"
    | "approve-swap"
    | "resize"
    | "market-terms"
  >,
): Uint8Array {
  switch (transaction.kind) {
    case "bundle": {
      const { account, nonce, actions } = transaction;
      return domain(chainId, "bundle", key(account), u64(nonce), list(actions, actionBytes));
    }
    case "session": {
      const { account, nonce, key: own, expiresMs, scope } = transaction;
      const { actions, markets, lots, notional } = scope;
      const bounds = [u8(actions), list(markets, u16), i128(lots), i128(notional)];
      const term = [key(account), u64(nonce), key(own), u64(expiresMs), ...bounds];
      return domain(chainId, "session", ...term);
    }
    case "session-bundle": {
      const { account, session, nonce, actions } = transaction;
      const fields = [key(account), key(session), u64(nonce), list(actions, actionBytes)];
      return domain(chainId, "session-bundle", ...fields);
    }
    case "revoke-session": {
      const { account, session, by } = transaction;
      return domain(chainId, "revoke-session", key(account), key(session), u8(by));
    }
    case "owner-rotation": {
      const { member, setHash, nonce } = transaction;
      return domain(chainId, "owner-rotation", key(member), key(setHash), u64(nonce));
    }
    case "return-spare":
    case "exit-spare":
      return domain(chainId, transaction.kind, key(transaction.key), u64(transaction.nonce));
    case "treasury-withdraw": {
      const { owner, account, amount, nonce } = transaction;
      const fields = [key(owner), key(account), i128(amount), u64(nonce)];
      return domain(chainId, "treasury-withdraw", ...fields);
    }
    case "custodian-deposit": {
      const { account, amount, nonce } = transaction;
      return domain(chainId, "custodian-deposit", key(account), i128(amount), u64(nonce));
    }
    case "resize": {
      const { isGrowth, key: seat, power } = transaction.change;
      const change = isGrowth ? [u8(0), key(seat), i128(power)] : [u8(1), key(seat)];
      return domain(chainId, "resize", key(transaction.setHash), ...change);
    }
    case "market-terms": {
      const { market, nonce, untilMs, act } = transaction;
      return domain(chainId, "market-terms", u16(market), u64(nonce), u64(untilMs), actBytes(act));
    }
    case "approve-swap":
      return domain(chainId, "approve-swap", key(transaction.member));
  }
}

export function registrationDigest(chainId: string, registration: Registration): string {
  const { owner, key: own, networkKey, address, bond } = registration;
  return sha256(
    domain(
      chainId,
      "registration",
      key(owner),
      key(own),
      key(networkKey),
      text(address),
      i128(bond),
    ),
  );
}

export function registrationSigningBytes(
  chainId: string,
  role: "network" | "sponsor" | "owner",
  registration: Registration,
): Uint8Array {
  const digest = registrationDigest(chainId, registration);
  return domain(chainId, `registration-${role}`, key(digest));
}
