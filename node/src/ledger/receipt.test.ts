import { describe, expect, test } from "vitest";
import { keyOf, sign, TestChain } from "../../test/ledger/test-chain.ts";
import { listRoot, verifyListProof } from "../kernel/merkle.ts";
import type { MarginEvent } from "../margin/types.ts";
import {
  decodeReceiptLeaf,
  encodeEventLeaf,
  encodeReceiptLeaf,
  receiptProof,
  resultLeaves,
} from "./receipt.ts";
import { bundleSigningBytes } from "./transaction.ts";
import type { LedgerEvent, Transaction } from "./types.ts";

const key = "ab".repeat(32);
const marginEvents: readonly MarginEvent[] = [
  { kind: "index-price", market: 0, price: 5n, state: "resuming", reports: 3 },
  { kind: "oracle-outlier", market: 1, author: key, price: -1n },
  {
    kind: "fill",
    fill: {
      market: 0,
      maker: key,
      makerClientId: 4,
      taker: key,
      takerClientId: undefined,
      side: "sell",
      size: 5n,
      price: 6n,
      fee: 7n,
    },
  },
  {
    kind: "stage",
    account: key,
    from: "called",
    to: "liquidating",
    equity: -4n,
    initialMargin: 5n,
    maintenanceMargin: 6n,
    deadlineMs: 7,
  },
  { kind: "liquidation", account: key, market: 0, size: -4n, limit: 5n, filled: 3n, fee: 1n },
  {
    kind: "close-out",
    account: key,
    market: 0,
    size: 4n,
    price: 5n,
    against: [{ account: key, size: 4n }],
  },
  { kind: "order-cancelled", account: key, market: 0, clientId: 9, size: 1n, reason: "ladder" },
  {
    kind: "deficit",
    account: key,
    deficit: 5n,
    paidByFund: 3n,
    paidByCut: 2n,
    cuts: [{ account: key, amount: 2n }],
  },
  { kind: "debt-repaid", account: key, amount: 1n },
  { kind: "withdrawal", account: key, amount: 2n },
  { kind: "deposit", account: key, amount: 3n },
  { kind: "funding", market: 1, interval: 2, rate: -3n, price: 4n, samples: 5, index: -6n },
  { kind: "funding-payment", account: key, market: 1, size: -2n, amount: -3n, dust: 1n },
];
const events: readonly LedgerEvent[] = [
  {
    kind: "swap",
    swap: {
      epoch: 2,
      height: 3,
      cause: "unmute",
      leaver: key,
      newcomer: undefined,
      proof: key,
      newcomerRegisteredAt: 0,
      power: 5n,
    },
  },
  { kind: "slashed", key, evidence: "E9", amount: 5n, seated: true },
  { kind: "jailed", key, untilMs: 6 },
  { kind: "spare-registered", key, owner: key },
  ...marginEvents.map((event) => ({ kind: "margin", event }) as const),
];

describe("receipts", () => {
  test("every event is read back from its leaf, and trailing bytes are refused", () => {
    for (const event of events) {
      const leaf = encodeEventLeaf(event);
      expect(decodeReceiptLeaf(leaf)).toEqual({ kind: "event", event });
      expect(() => decodeReceiptLeaf(Uint8Array.from([...leaf, 0]))).toThrow(/too many/);
    }
  });

  test("the wording of a fix changes no leaf, a code or a field does", () => {
    const outcome = { code: "NO_MARGIN", field: "size", fix: "one", filled: 1n, resting: 2n };
    const receipt = { transaction: key, code: "X", field: "y", fix: "one", outcomes: [outcome] };
    const leaf = encodeReceiptLeaf(receipt);
    const reworded = { ...receipt, fix: "two", outcomes: [{ ...outcome, fix: "two" }] };
    expect(encodeReceiptLeaf(reworded)).toEqual(leaf);
    expect(encodeReceiptLeaf({ ...receipt, field: "z" })).not.toEqual(leaf);
    const without = { ...receipt, fix: "", outcomes: [{ ...outcome, fix: "" }] };
    expect(decodeReceiptLeaf(leaf)).toEqual({ kind: "receipt", receipt: without });
  });

  test("each receipt is proven under the attested root, with code and field", () => {
    const chain = new TestChain();
    const faucet = (nonce: number) =>
      ({ kind: "faucet", account: keyOf("x"), amount: 1n, nonce }) as const;
    chain.block({ transactions: [faucet(1), faucet(1), faucet(2)], raw: [Uint8Array.of(77)] });
    const { last } = chain;
    if (last === undefined) throw new Error("a block");
    expect(listRoot(resultLeaves(last))).toBe(last.result.receiptsRoot);
    for (const [position, receipt] of last.receipts.entries()) {
      const { leaf, proof } = receiptProof(last, position);
      expect(verifyListProof(last.result.receiptsRoot, leaf, proof)).toBe(true);
      const decoded = decodeReceiptLeaf(leaf);
      if (decoded.kind !== "receipt") throw new Error("a receipt");
      const { transaction, code } = receipt;
      expect(decoded.receipt).toMatchObject({ transaction, code });
    }
    expect(last.receipts.map(({ code }) => code)).toEqual([
      "OK",
      "DUPLICATE",
      "OK",
      "TRANSACTION_MALFORMED",
    ]);
    expect(last.receipts[3]).toMatchObject({ field: "kind" });
  });

  test("rule CAPS: a withdrawal above the cap is refused with its numbers under the attested root", () => {
    // Four bonds of 100: f+1 lose 134, half of it counts, half of that may leave.
    const chain = new TestChain({ margin: { withdrawalMinimum: 5n } });
    const account = keyOf("account rich");
    const withdraw = (amount: bigint, nonce: number): Transaction => {
      const actions = [{ kind: "withdraw", amount }] as const;
      const unsigned = { kind: "bundle", account, nonce, actions } as const;
      const message = bundleSigningBytes(chain.chainId, unsigned);
      return { ...unsigned, signature: sign(account, message) };
    };
    chain.block({ transactions: [withdraw(3n, 1)] });
    chain.block({ transactions: [withdraw(31n, 2), withdraw(30n, 3)] });
    const { last } = chain;
    if (last === undefined) throw new Error("a block");
    const { leaf, proof } = receiptProof(last, 0);
    expect(verifyListProof(last.result.receiptsRoot, leaf, proof)).toBe(true);
    const decoded = decodeReceiptLeaf(leaf);
    if (decoded.kind !== "receipt") throw new Error("a receipt");
    const epoch = Math.floor(chain.state.clockMs / 3_600_000);
    expect(decoded.receipt.outcomes).toEqual([
      {
        ...{ code: "OUTFLOW_CAP_REACHED", field: "amount", fix: "", filled: 0n, resting: 0n },
        bound: { cap: 33n, epoch, remainder: 30n },
      },
    ]);
    expect(last.receipts[1]?.outcomes[0]?.code).toBe("OK");
    expect(chain.state.withdrawn).toBe(33n);
  });
});
