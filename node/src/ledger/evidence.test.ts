import { describe, expect, test } from "vitest";
import { keyOf, scheme, TestChain } from "../../test/ledger/test-chain.ts";
import { type SignedStatement, SLOT_MAX, type Statement } from "../kernel/statements.ts";
import { checkTransaction } from "./check-transaction.ts";
import { classify } from "./evidence.ts";
import { isCondemned } from "./self-heal.ts";
import { encodeTransaction, inProofOrder, misconductProof } from "./transaction.ts";

const guilty = keyOf("seat0");
const A = "aa".repeat(32);
const B = "bb".repeat(32);

const result = (blockId: string) => ({
  epoch: 1,
  height: 4,
  blockId,
  timestampMs: 5,
  stateRoot: A,
  receiptsRoot: A,
  nextSetHash: A,
});

/** A pair of each kind that one honest key never signs. */
const pairs: readonly (readonly [string, Statement, Statement])[] = [
  [
    "E1",
    { kind: "proposal", epoch: 1, round: 3, blockId: A },
    { kind: "proposal", epoch: 1, round: 3, blockId: B },
  ],
  [
    "E2",
    { kind: "vote", epoch: 1, round: 3, blockId: A, qcRound: 2 },
    { kind: "vote", epoch: 1, round: 3, blockId: B, qcRound: 2 },
  ],
  [
    "E2",
    { kind: "vote", epoch: 1, round: 3, blockId: A, qcRound: 2 },
    { kind: "vote", epoch: 1, round: 3, blockId: A, qcRound: 1 },
  ],
  [
    "E3",
    { kind: "order-vote", epoch: 1, round: 3, blockId: A },
    { kind: "order-vote", epoch: 1, round: 3, blockId: B },
  ],
  [
    "E4",
    { kind: "order-vote", epoch: 1, round: 3, blockId: A },
    { kind: "timeout", epoch: 1, round: 3, hqcRound: 2 },
  ],
  [
    "E5",
    { kind: "vote", epoch: 1, round: 3, blockId: A, qcRound: 2 },
    { kind: "timeout", epoch: 1, round: 4, hqcRound: 1 },
  ],
  ["E7", { kind: "attestation", result: result(A) }, { kind: "attestation", result: result(B) }],
  ["E8", { kind: "batch", sequence: 7, digest: A }, { kind: "batch", sequence: 7, digest: B }],
];

/** Pairs that an honest key signs every day. */
const innocent: readonly (readonly [Statement, Statement])[] = [
  [
    { kind: "vote", epoch: 1, round: 3, blockId: A, qcRound: 2 },
    { kind: "vote", epoch: 1, round: 4, blockId: B, qcRound: 2 },
  ],
  [
    { kind: "vote", epoch: 1, round: 3, blockId: A, qcRound: 2 },
    { kind: "vote", epoch: 2, round: 3, blockId: B, qcRound: 2 },
  ],
  [
    { kind: "vote", epoch: 1, round: 3, blockId: A, qcRound: 2 },
    { kind: "order-vote", epoch: 1, round: 3, blockId: B },
  ],
  [
    { kind: "order-vote", epoch: 1, round: 3, blockId: A },
    { kind: "timeout", epoch: 1, round: 3, hqcRound: 3 },
  ],
  [
    { kind: "order-vote", epoch: 1, round: 4, blockId: A },
    { kind: "timeout", epoch: 1, round: 3, hqcRound: 2 },
  ],
  [
    { kind: "vote", epoch: 1, round: 3, blockId: A, qcRound: 2 },
    { kind: "timeout", epoch: 1, round: 3, hqcRound: 2 },
  ],
  [
    { kind: "timeout", epoch: 1, round: 3, hqcRound: 2 },
    { kind: "timeout", epoch: 1, round: 3, hqcRound: 1 },
  ],
  [
    { kind: "heartbeat", epoch: 1, height: 3, stateRoot: A },
    { kind: "heartbeat", epoch: 1, height: 3, stateRoot: B },
  ],
  [
    { kind: "endorsement", nonce: 1, subject: A },
    { kind: "endorsement", nonce: 1, subject: B },
  ],
];

function prove(chain: TestChain, first: Statement, second: Statement, author = guilty) {
  return misconductProof(chain.chainId, chain.signed(author, first), chain.signed(author, second));
}

describe("rule EVIDENCE", () => {
  test("rule EVIDENCE: each pair has its number, and an honest key's pairs have none", () => {
    for (const [kind, first, second] of pairs) {
      expect(classify(first, second)).toBe(kind);
      expect(classify(second, first)).toBe(kind);
    }
    for (const [first, second] of innocent) {
      expect(classify(first, second)).toBeUndefined();
      expect(classify(second, first)).toBeUndefined();
    }
  });

  test("rule EVIDENCE: a valid pair slashes and condemns; an innocent one is refused", () => {
    for (const [evidence, first, second] of pairs) {
      const chain = new TestChain();
      expect(chain.block({ transactions: [prove(chain, first, second)] })).toEqual(["OK"]);
      expect(chain.events("slashed")).toEqual([
        { kind: "slashed", key: guilty, evidence, amount: 5n, seated: true },
      ]);
      expect(chain.state.slashedPot).toBe(5n);
      expect(isCondemned(chain.state, guilty)).toBe(true);
    }
    const chain = new TestChain();
    const proofs = innocent.map(([first, second]) => prove(chain, first, second));
    const codes = chain.block({ transactions: proofs });
    expect(new Set(codes)).toEqual(new Set(["NOT_MISCONDUCT"]));
    expect(chain.state.slashedPot).toBe(0n);
  });

  test("rule EVIDENCE: a foreign chain's proof is refused by name", () => {
    const chain = new TestChain();
    const foreign = new TestChain({ powers: [101n, 101n, 101n, 101n] });
    const [, first, second] = pairs[1] ?? [];
    if (first === undefined || second === undefined) throw new Error("a pair");
    const proof = prove(foreign, first, second);
    expect(foreign.chainId).not.toBe(chain.chainId);
    expect(chain.block({ transactions: [proof] })).toEqual(["FOREIGN_CHAIN"]);
    // Relabelled, its signatures do not verify here.
    const relabelled = misconductProof(chain.chainId, proof.first, proof.second);
    expect(chain.block({ transactions: [relabelled] })).toEqual(["BAD_SIGNATURE"]);
    expect(chain.state.slashedPot).toBe(0n);
  });

  test("rule EVIDENCE: two authors, a forged half, another order, a duplicate, a stranger", () => {
    const chain = new TestChain();
    const [first, second] = chain.doubleVote(guilty);
    const [strange, stranger] = chain.doubleVote(keyOf("stranger"));
    if (!first || !second || !strange || !stranger) throw new Error("pairs");
    const proof = misconductProof(chain.chainId, first, second);
    const swapped = { ...proof, first: proof.second, second: proof.first };
    const forge = (signed: SignedStatement) => ({ ...signed, signature: new Uint8Array(64) });
    const codes = chain.block({
      transactions: [
        misconductProof(chain.chainId, first, { ...second, author: keyOf("seat1") }),
        { ...proof, second: forge(proof.second) },
        swapped,
        misconductProof(chain.chainId, strange, stranger),
        { ...proof, second: proof.first },
        proof,
        proof,
      ],
    });
    expect(codes).toEqual([
      "NOT_MISCONDUCT",
      "BAD_SIGNATURE",
      "PROOF_ORDER",
      "UNKNOWN_KEY",
      "NOT_MISCONDUCT",
      "OK",
      "EVIDENCE_DUPLICATE",
    ]);
    // Another pair of the same key is a duplicate too: one proof is enough.
    const [third, fourth] = chain.doubleVote(guilty, 1, 9);
    if (!third || !fourth) throw new Error("pairs");
    expect(chain.block({ transactions: [misconductProof(chain.chainId, third, fourth)] })).toEqual([
      "EVIDENCE_DUPLICATE",
    ]);
  });

  test("rule EVIDENCE: proofs are accepted up to the evidence window after the epoch's end", () => {
    const chain = new TestChain();
    const spare = chain.addSpare("spare", "a");
    const rotation = chain.ownerRotation(guilty, keyOf("owner a"));
    chain.block({ signsOfLife: [chain.heartbeat(spare)], transactions: [rotation] });
    const [first, second] = chain.doubleVote(guilty, 1);
    if (!first || !second) throw new Error("pair");
    const proof = misconductProof(chain.chainId, first, second);
    chain.run(60_000, { spanMs: 1_000 });
    expect(checkTransaction(chain.state, encodeTransaction(proof), scheme).ok).toBe(true);
    chain.block({ spanMs: 1_000 });
    expect(checkTransaction(chain.state, encodeTransaction(proof), scheme)).toMatchObject({
      error: { code: "EVIDENCE_TOO_OLD" },
    });
  });

  test("rule EVIDENCE: E9 jails the reports of a seat, once, and swaps nobody", () => {
    const chain = new TestChain();
    const report = (price: bigint, slot = 3) =>
      ({ kind: "oracle-report", epoch: 1, market: 0, slot, price }) as const;
    const proof = prove(chain, report(100n), report(200n));
    const fresh = { kind: "oracle-report" as const, report: chain.signed(guilty, report(100n, 4)) };
    chain.run(3_000);
    expect(chain.block({ transactions: [fresh, proof, proof, fresh] })).toEqual([
      "OK",
      "OK",
      "EVIDENCE_DUPLICATE",
      "REPORTS_JAILED",
    ]);
    expect(chain.last?.nextSet).toBeUndefined();
    expect(chain.state.slashedPot).toBe(0n);
    chain.run(5_000);
    const next = { ...fresh, report: chain.signed(guilty, report(100n, 5)) };
    expect(chain.block({ transactions: [next, proof] })).toEqual(["OK", "EVIDENCE_DUPLICATE"]);
  });

  test("rule EVIDENCE: reports whose index is not exact are no statements; the chain goes on", () => {
    const chain = new TestChain();
    const report = (price: bigint, slot: number, market = 0) =>
      ({ kind: "oracle-report", epoch: 1, market, slot, price }) as const;
    for (const slot of [SLOT_MAX + 1, 2 ** 52, Number.MAX_SAFE_INTEGER]) {
      const single = {
        kind: "oracle-report" as const,
        report: chain.signed(guilty, report(1n, slot)),
      };
      const bytes = encodeTransaction(single);
      expect(chain.block({ raw: [bytes] })).toEqual(["TRANSACTION_MALFORMED"]);
      expect(checkTransaction(chain.state, bytes, scheme)).toMatchObject({
        error: { code: "TRANSACTION_MALFORMED", field: "report.statement.slot" },
      });
      const proof = prove(chain, report(1n, slot), report(2n, slot));
      expect(chain.block({ transactions: [proof] })).toEqual(["TRANSACTION_MALFORMED"]);
    }
    // Market 1,024 of slot 0 would have the index of market 0 of slot 1.
    const alias = prove(chain, report(1n, 0, 1_024), report(1n, 1));
    expect(chain.block({ transactions: [alias] })).toEqual(["TRANSACTION_MALFORMED"]);
    expect(chain.state.seats.get(guilty)?.reportsJailedUntilMs).toBe(0);
  });

  test("rule EVIDENCE: a report of a slot to come is neither a price nor an immunity", () => {
    const chain = new TestChain();
    const report = (price: bigint, slot: number) =>
      ({ kind: "oracle-report", epoch: 1, market: 0, slot, price }) as const;
    const single = (slot: number) =>
      ({ kind: "oracle-report", report: chain.signed(guilty, report(1n, slot)) }) as const;
    chain.run(800);
    // The block is at 1,000 ms: slot 2 is one slot ahead.
    const transactions = [
      single(3),
      single(SLOT_MAX),
      prove(chain, report(1n, 3), report(2n, 3)),
      prove(chain, report(1n, SLOT_MAX), report(2n, SLOT_MAX)),
      single(2),
      prove(chain, report(1n, 2), report(2n, 2)),
    ];
    expect(chain.block({ transactions })).toEqual([
      ...["REPORT_AHEAD", "REPORT_AHEAD", "REPORT_AHEAD", "REPORT_AHEAD"],
      ...["OK", "OK"],
    ]);
  });

  test("rule EVIDENCE: a proof of an epoch to come is refused; epoch 0 is for lanes alone", () => {
    const chain = new TestChain();
    const report = (price: bigint, epoch: number, slot: number) =>
      ({ kind: "oracle-report", epoch, market: 0, slot, price }) as const;
    const far = 2 ** 53 - 1;
    const ahead = prove(chain, report(1n, far, 0), report(2n, far, 0));
    const [left, right] = chain.doubleVote(guilty, 2);
    const [ancient, old] = chain.doubleVote(guilty, 0);
    if (!left || !right || !ancient || !old) throw new Error("pairs");
    const transactions = [
      ahead,
      misconductProof(chain.chainId, left, right),
      misconductProof(chain.chainId, ancient, old),
      prove(chain, report(1n, 1, 0), report(2n, 1, 0)),
    ];
    expect(chain.block({ transactions })).toEqual([
      ...["EVIDENCE_AHEAD", "EVIDENCE_AHEAD", "EVIDENCE_TOO_OLD"],
      "OK",
    ]);
    expect(chain.state.slashedPot).toBe(0n);
  });

  test("rule EVIDENCE: a spare's or a jailed key's misconduct costs its bond and its place", () => {
    const chain = new TestChain();
    const spare = chain.addSpare("spare", "a");
    const [first, second] = chain.doubleVote(spare);
    if (!first || !second) throw new Error("pair");
    const proof = misconductProof(chain.chainId, first, second);
    expect(chain.block({ transactions: [proof] })).toEqual(["OK"]);
    expect(chain.state.spares.has(spare)).toBe(false);
    expect(chain.state.unbonding.get(spare)?.amount).toBe(95n);
    expect(chain.events("slashed")[0]).toMatchObject({ key: spare, seated: false });
    expect(chain.last?.nextSet).toBeUndefined();
  });

  test("rule EVIDENCE: E1 to E9 alike refuse by name what they do not prove", () => {
    const report = (price: bigint) =>
      ({ kind: "oracle-report", epoch: 1, market: 0, slot: 0, price }) as const;
    const table = [...pairs, ["E9", report(1n), report(2n)] as const];
    const inEpoch = (statement: Statement, epoch: number): Statement => {
      if (statement.kind === "batch" || statement.kind === "endorsement") return statement;
      if (statement.kind !== "attestation") return { ...statement, epoch };
      return { ...statement, result: { ...statement.result, epoch } };
    };
    for (const [evidence, first, second] of table) {
      const chain = new TestChain();
      const proof = prove(chain, first, second);
      const forged = { ...proof.second, signature: new Uint8Array(64) };
      // Lanes are for the life of a key: E8 knows no epoch.
      const hasEpoch = evidence !== "E8";
      const transactions = [
        { ...proof, chainId: keyOf("elsewhere") },
        { ...proof, first: proof.second, second: proof.first },
        { ...proof, second: forged },
        { ...proof, second: proof.first },
        prove(chain, first, second, keyOf("stranger")),
        ...(hasEpoch ? [prove(chain, first, inEpoch(second, 2))] : []),
        ...(hasEpoch ? [prove(chain, inEpoch(first, 2), inEpoch(second, 2))] : []),
        proof,
        proof,
      ];
      expect(chain.block({ transactions }), evidence).toEqual([
        ...["FOREIGN_CHAIN", "PROOF_ORDER", "BAD_SIGNATURE", "NOT_MISCONDUCT", "UNKNOWN_KEY"],
        ...(hasEpoch ? ["NOT_MISCONDUCT", "EVIDENCE_AHEAD"] : []),
        ...["OK", "EVIDENCE_DUPLICATE"],
      ]);
      expect(chain.state.slashedPot, evidence).toBe(evidence === "E9" ? 0n : 5n);
    }
  });

  test("rule CAUSE: E1 to E8 against a key that left slash its bond and swap nobody, in time", () => {
    for (const [evidence, first, second] of pairs) {
      const prepare = () => {
        const chain = new TestChain();
        const spare = chain.addSpare("spare", "a");
        const rotation = chain.ownerRotation(guilty, keyOf("owner a"));
        chain.block({ signsOfLife: [chain.heartbeat(spare)], transactions: [rotation] });
        chain.addSpare("next", "a");
        expect(chain.keys).not.toContain(guilty);
        return chain;
      };
      const chain = prepare();
      const { keys } = chain;
      expect(chain.block({ transactions: [prove(chain, first, second)] })).toEqual(["OK"]);
      expect(chain.state.unbonding.get(guilty)?.amount, evidence).toBe(95n);
      expect(chain.events("swap")).toEqual([]);
      chain.block();
      expect(chain.keys, evidence).toEqual(keys);
      const late = prepare();
      late.run(61_000, { spanMs: 1_000 });
      const codes = late.block({ transactions: [prove(late, first, second)] });
      // A batch is evidence for as long as the bond is held.
      expect(codes, evidence).toEqual([evidence === "E8" ? "OK" : "EVIDENCE_TOO_OLD"]);
    }
  });

  test("a pair has one canonical proof, whichever order it was found in", () => {
    const chain = new TestChain();
    for (const [, first, second] of pairs) {
      const one = prove(chain, first, second);
      expect(encodeTransaction(one)).toEqual(encodeTransaction(prove(chain, second, first)));
      expect(inProofOrder(chain.chainId, one.first, one.second)).toBe(true);
    }
  });
});
