import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toHex } from "../kernel/bytes.ts";
import { Writer } from "../kernel/codec.ts";
import { type SignedStatement, SLOT_MAX } from "../kernel/statements.ts";
import type { MarginAction } from "../margin/types.ts";
import {
  decodeNonces,
  encodeNonces,
  type NonceUse,
  type NonceWindow,
  nonceUse,
  useNonce,
} from "./nonces.ts";
import { decodeTransaction, encodeTransaction, TRANSACTION_BYTES_MAX } from "./transaction.ts";
import type { Transaction } from "./types.ts";

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const key = bytesOf(32).map(toHex);
const signature = bytesOf(64);
const u64 = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const amount = fc.bigInt({ min: -(2n ** 127n), max: 2n ** 127n - 1n });
const address = fc.constantFrom("127.0.0.1:1", "host.example:65535");
const action: fc.Arbitrary<MarginAction> = fc.oneof(
  fc.record({
    kind: fc.constant("place" as const),
    market: fc.nat({ max: 65_535 }),
    clientId: u64,
    side: fc.constantFrom("buy" as const, "sell" as const),
    size: amount,
    price: amount,
    timeInForce: fc.constantFrom("gtc", "ioc", "post-only", "fok", "gtt"),
    reduceOnly: fc.boolean(),
    selfTrade: fc.constantFrom("cancel-maker", "cancel-taker", "cancel-both", "decrement"),
    untilMs: u64,
  }),
  fc.record({ kind: fc.constant("cancel-all" as const) }),
  fc.record({
    kind: fc.constant("quote" as const),
    market: fc.nat({ max: 65_535 }),
    quotes: fc.array(
      fc.record({
        clientId: u64,
        side: fc.constantFrom("buy", "sell"),
        size: amount,
        price: amount,
      }),
      { maxLength: 32 },
    ),
  }),
  fc.record({
    kind: fc.constant("cancel" as const),
    market: fc.nat({ max: 65_535 }),
    clientId: u64,
  }),
  fc.record({ kind: fc.constant("withdraw" as const), amount }),
);
const signed: fc.Arbitrary<SignedStatement> = fc.record({
  statement: fc.oneof(
    fc.record({ kind: fc.constant("endorsement" as const), nonce: u64, subject: key }),
    fc.record({ kind: fc.constant("timeout" as const), epoch: u64, round: u64, hqcRound: u64 }),
    fc.record({
      kind: fc.constant("oracle-report" as const),
      epoch: u64,
      market: fc.nat({ max: 1_023 }),
      slot: fc.integer({ min: 0, max: SLOT_MAX }),
      price: amount,
    }),
  ),
  author: key,
  signature,
});
const kind = <K extends Transaction["kind"]>(name: K) => fc.constant(name);
const transaction: fc.Arbitrary<Transaction> = fc.oneof(
  fc.record({
    kind: kind("bundle"),
    account: key,
    nonce: u64,
    actions: fc.array(action),
    signature,
  }),
  fc.record({ kind: kind("oracle-report"), report: signed }),
  fc.record({ kind: kind("silence-record"), member: key, setHash: key }),
  fc.record({ kind: kind("misconduct-proof"), chainId: key, first: signed, second: signed }),
  fc.record({ kind: kind("owner-rotation"), member: key, setHash: key, nonce: u64, signature }),
  fc.record({
    kind: kind("register-spare"),
    registration: fc.record({ owner: key, key, networkKey: key, address, bond: amount }),
    possession: signed,
    networkSignature: signature,
    sponsorSignature: signature,
    ownerSignature: fc.option(signature, { nil: undefined }),
  }),
  fc.record({ kind: kind("return-spare"), key, nonce: u64, signature }),
  fc.record({ kind: kind("readiness"), version: u64, endorsement: signed }),
  fc.record({ kind: kind("absence"), untilMs: u64, endorsement: signed }),
  fc.record({ kind: kind("approve-swap"), member: key, signer: key, signature }),
  fc.record({ kind: kind("faucet"), account: key, amount, nonce: u64 }),
  fc.record({
    kind: kind("custodian-deposit"),
    account: key,
    amount,
    nonce: u64,
    signatures: fc.array(fc.record({ author: key, signature }), { maxLength: 5 }),
  }),
  fc.record({
    kind: kind("invalid-vote-proof"),
    chainId: key,
    vote: signed,
    block: fc.uint8Array({ maxLength: 64 }),
  }),
  fc.record({
    kind: kind("put"),
    key: fc.uint8Array({ maxLength: 64 }),
    value: fc.uint8Array({ maxLength: 300 }),
  }),
);

describe("canonical transactions", () => {
  test("every kind is read back from its one encoding", () => {
    fc.assert(
      fc.property(transaction, (value) => {
        expect(decodeTransaction(encodeTransaction(value))).toEqual({ ok: true, value });
      }),
      { numRuns: 300 },
    );
  });

  test("what decodes is canonical: any other bytes are refused, with field and fix", () => {
    fc.assert(
      fc.property(transaction, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, by) => {
        const bytes = encodeTransaction(value);
        const changed = bytes.slice();
        const index = at % changed.length;
        changed[index] = (changed[index] ?? 0) ^ by;
        for (const other of [changed, bytes.slice(0, -1), Uint8Array.from([...bytes, 0])]) {
          const decoded = decodeTransaction(other);
          if (decoded.ok) expect(encodeTransaction(decoded.value)).toEqual(other);
          else {
            expect(decoded.error.code).toBe("TRANSACTION_MALFORMED");
            expect(decoded.error.field).not.toBe("");
            expect(decoded.error.fix).not.toBe("");
          }
        }
      }),
      { numRuns: 300 },
    );
    expect(decodeTransaction(new Uint8Array())).toMatchObject({ error: { field: "kind" } });
    expect(decodeTransaction(Uint8Array.of(99))).toMatchObject({ error: { field: "kind" } });
    expect(decodeTransaction(new Uint8Array(TRANSACTION_BYTES_MAX + 1))).toMatchObject({
      error: { code: "TRANSACTION_TOO_LARGE" },
    });
  });

  test("a faucet's bytes, by hand (node/spec/encoding.md)", () => {
    const bytes = encodeTransaction({
      kind: "faucet",
      account: "ab".repeat(32),
      amount: -2n,
      nonce: 258,
    });
    const hand = new Writer().u8(9).hex32("ab".repeat(32)).finish();
    expect(toHex(bytes)).toBe(`${toHex(hand)}${"f".repeat(31)}e0000000000000102`);
  });
});

/** What a plain map of all used nonces says. */
function verdict(known: string | undefined, id: string, isOld: boolean): NonceUse {
  if (isOld) return "old";
  if (known === undefined) return "free";
  // Marks have 32 bits, and 0 stands for 1.
  const mark = (text: string) => text.replace(/^0{8}/, "00000001").slice(0, 8);
  return mark(known) === mark(id) ? "same" : "other";
}

describe("nonces", () => {
  test("the window agrees with a plain model, and its leaf is read back", () => {
    const ids = fc.nat({ max: 3 }).map((digit) => `0000000${digit}`.repeat(8));
    const use = fc.record({ nonce: fc.nat({ max: 4_000 }), id: ids });
    fc.assert(
      fc.property(fc.array(use, { maxLength: 60 }), (uses) => {
        const model = new Map<number, string>();
        let highest = -1;
        let window: NonceWindow | undefined;
        for (const { nonce, id } of uses) {
          const expected = verdict(model.get(nonce), id, nonce <= highest - 1_024);
          expect(nonceUse(window, nonce, id)).toBe(expected);
          if (expected !== "free") continue;
          window = useNonce(window, nonce, id);
          model.set(nonce, id);
          highest = Math.max(highest, nonce);
          expect(decodeNonces(encodeNonces(window))).toEqual(window);
        }
      }),
      { numRuns: 200 },
    );
  });
});
