import { signEd25519 } from "@quorate/node/crypto/ed25519";
import { type Digest, ZERO_DIGEST } from "@quorate/node/kernel/scalars";
import {
  type SignedStatement,
  type Statement,
  signingBytes,
} from "@quorate/node/kernel/statements";
import { encodeTransaction, misconductProof } from "@quorate/node/ledger/transaction";
import { afterEach, beforeEach, expect, test } from "vitest";
import { testKey, testSeed } from "../test/fake-chain.ts";
import { startNetwork, type TestNetwork } from "../test/network.ts";
import { UnreachableError } from "./errors.ts";

let network: TestNetwork;
beforeEach(async () => {
  network = await startNetwork();
});
afterEach(() => network.close());

function said(statement: Statement, label = "0", chainId = network.chain.chainId): SignedStatement {
  const name = `consensus ${label}`;
  const signature = signEd25519(testSeed(name), signingBytes(chainId, statement));
  return { statement, author: testKey(name), signature };
}

function vote(block: string, label?: string, chainId?: Digest, epoch = 1): SignedStatement {
  const blockId = block.repeat(64);
  return said({ kind: "vote", epoch, round: 3, blockId, qcRound: 2 }, label, chainId);
}

function batch(digest: string, label?: string): SignedStatement {
  return said({ kind: "batch", sequence: 7, digest: digest.repeat(64) }, label);
}

function proof(
  first: SignedStatement,
  second: SignedStatement,
  chainId = network.chain.chainId,
): Uint8Array {
  return encodeTransaction(misconductProof(chainId, first, second));
}

/** What the client accepts of one node's proof, and what it says of the rest. */
async function shown(...evidence: readonly Uint8Array[]) {
  network.nodes[1].lies = { evidence };
  const accepted = await network.client.evidence();
  return { accepted, refused: network.failures.map(({ code, field }) => `${code} ${field}`) };
}

test("rule EVIDENCE: a proof that any one node holds is found, verified and named by its kind", async () => {
  const votes = proof(vote("1"), vote("2"));
  const batches = proof(batch("1", "1"), batch("2", "1"));
  network.nodes[0].lies = { evidence: [votes] };
  network.nodes[2].lies = { evidence: [batches, votes] };
  const found = await network.client.evidence();
  expect(found.map(({ evidence }) => evidence).toSorted()).toEqual(["E2", "E8"]);
  const one = found.find(({ evidence }) => evidence === "E2");
  expect(one).toMatchObject({ accused: testKey("consensus 0"), transaction: votes });
  expect(network.failures).toEqual([]);
});

test("rule EVIDENCE: E10 is believed only where a proven hand-over says that the epoch was over", async () => {
  const { result } = network.chain.handOver("newcomer").certificate;
  const attest = (height: number, nextSetHash = ZERO_DIGEST) =>
    said({ kind: "attestation", result: { ...result, height, nextSetHash } }, "1");
  const beyond = attest(result.height + 5);
  const elsewhere = attest(result.height - 1, result.nextSetHash);
  const guilty = proof(attest(result.height, result.nextSetHash), beyond);
  const { accepted, refused } = await shown(guilty, proof(elsewhere, beyond));
  expect(accepted).toMatchObject([{ evidence: "E10", accused: testKey("consensus 1") }]);
  expect(refused).toEqual(["NOT_EPOCH_END first.statement.height"]);
});

test("rule EVIDENCE: a forged half condemns nobody", async () => {
  const forged = { ...vote("2"), signature: vote("2", "1").signature };
  const { accepted, refused } = await shown(proof(vote("1"), forged));
  expect(accepted).toEqual([]);
  expect(refused).toEqual([expect.stringMatching(/^BAD_SIGNATURE (first|second)\.signature$/)]);
});

test("rule EVIDENCE: another chain's pair, a pair that an honest key signs, a stranger's", async () => {
  const foreign = "ab".repeat(32);
  const other = vote("2", "0", undefined, 2);
  const { accepted, refused } = await shown(
    proof(vote("1", "0", foreign), vote("2", "0", foreign), foreign),
    proof(vote("1"), other),
    proof(vote("1"), vote("2", "1")),
    proof(vote("1", "stranger"), vote("2", "stranger")),
    proof(batch("1", "stranger"), batch("2", "stranger")),
    proof(vote("1", "0", undefined, 9), vote("2", "0", undefined, 9)),
    new Uint8Array([1, 2, 3]),
  );
  expect(accepted).toEqual([]);
  expect(refused).toEqual([
    "FOREIGN_CHAIN chainId",
    "NOT_MISCONDUCT second",
    "NOT_MISCONDUCT second.author",
    "UNKNOWN_KEY first.author",
    "UNKNOWN_KEY first.author",
    "UNKNOWN_KEY first.author",
    expect.stringContaining("TRANSACTION_MALFORMED"),
  ]);
});

test("two oracle reports are no cause for a swap: they are not shown", async () => {
  const report = (price: bigint): SignedStatement => {
    return said({ kind: "oracle-report", epoch: 1, market: 0, slot: 1, price });
  };
  const { accepted, refused } = await shown(proof(report(1n), report(2n)));
  expect({ accepted, refused }).toEqual({ accepted: [], refused: [] });
});

test("nodes that are away are told of; that all are is an error", async () => {
  const votes = proof(vote("1"), vote("2"));
  network.nodes[0].close();
  network.nodes[1].lies = { evidence: [votes] };
  expect(await network.client.evidence()).toHaveLength(1);
  expect(network.failures.length).toBeGreaterThan(0);
  for (const node of network.nodes) node.close();
  await expect(network.client.evidence()).rejects.toThrow(UnreachableError);
});

test("rule EVIDENCE: what a node may cost is bounded", async () => {
  const { accepted, refused } = await shown(
    ...Array.from({ length: 257 }, () => new Uint8Array(1)),
  );
  expect(accepted).toEqual([]);
  expect(refused).toEqual(["EVIDENCE_TOO_MUCH transactions"]);
});
