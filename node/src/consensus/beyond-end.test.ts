import { describe, expect, test } from "vitest";
import { Network, type TestNode } from "../../test/consensus/network.ts";
import { keyOf, setOf, signStub } from "../../test/consensus/stub-keys.ts";
import { defined } from "../kernel/assert.ts";
import { type Height, ZERO_DIGEST } from "../kernel/scalars.ts";
import type { AttestedResult, SignedStatement } from "../kernel/statements.ts";
import { peerStatus } from "./state.ts";
import type { PeerBody } from "./types.ts";

/** Four members; "swap" ends epoch 1 and seats e for d. */
function swapNetwork(): Network {
  return new Network({
    set: setOf(1, { a: 1n, b: 1n, c: 1n, d: 1n }),
    names: ["a", "b", "c", "d", "e"],
    spares: ["e"],
    nextSet: ({ block }, transactions) => {
      const texts = transactions.map((bytes) => new TextDecoder().decode(bytes));
      const next = setOf(2, { a: 1n, b: 1n, c: 1n, e: 1n });
      return block.epoch === 1 && texts.includes("swap") ? next : undefined;
    },
  });
}

function endOf(node: TestNode) {
  return defined(node.state.chain.epochProofs[0], "the end of epoch 1").certificate;
}

function handedOver(): { network: Network; end: ReturnType<typeof endOf> } {
  const network = swapNetwork();
  network.start();
  network.run(1_000);
  network.submit("a", "swap");
  network.run(3_000);
  return { network, end: endOf(network.node("a")) };
}

function attest(name: string, result: AttestedResult, height: Height): SignedStatement {
  const later = { ...result, height, nextSetHash: ZERO_DIGEST };
  return signStub(keyOf(name), { kind: "attestation", result: later });
}

function tell(network: Network, to: string, body: PeerBody): void {
  const status = peerStatus(network.node("b").state);
  network.inject("b", to, { status, body });
  network.run(10);
}

function accused(node: TestNode): readonly string[] {
  return node.misconduct.map(({ first, second }) => {
    expect(second.author).toBe(first.author);
    return first.author;
  });
}

describe("rule EVIDENCE: E10", () => {
  test("rule EVIDENCE: E10, an attestation beyond the end of its epoch by who attested that end", () => {
    const { network, end } = handedOver();
    const [author = ""] = end.signatures.map((each) => each.author);
    const name = ["a", "b", "c", "d"].find((each) => keyOf(each) === author) ?? "";
    const signed = attest(name, end.result, end.result.height + 5_000);
    tell(network, "a", { kind: "statement", signed });
    tell(network, "a", { kind: "statement", signed });
    expect(accused(network.node("a"))).toEqual([author]);
    const [found] = network.node("a").misconduct;
    expect(found?.first.statement).toEqual({ kind: "attestation", result: end.result });
    expect(found?.second).toEqual(signed);
  });

  test("rule EVIDENCE: E10, every such signer of a certificate that an old set made", () => {
    const { network, end } = handedOver();
    const names = ["a", "b", "c", "d"];
    const forged = names.map((name) => attest(name, end.result, end.result.height + 1));
    const [sample] = forged;
    if (sample?.statement.kind !== "attestation") throw new Error("an attestation");
    const { result } = sample.statement;
    const signatures = forged.toSorted((one, other) => (one.author < other.author ? -1 : 1));
    tell(network, "e", { kind: "result-certificate", certificate: { result, signatures } });
    const ended = end.signatures.map(({ author }) => author);
    expect(accused(network.node("e")).toSorted()).toEqual(ended.toSorted());
    expect(ended.length).toBeGreaterThan(2);
  });

  test("rule EVIDENCE: E10 is found in what was attested before the hand-over was proven", () => {
    const network = swapNetwork();
    network.start();
    network.run(1_000);
    const { executed, results } = network.node("a").state.chain;
    const result = defined(results.get(executed), "a result").result;
    // Far enough above what epoch 1 will reach, and near enough to be kept.
    for (const name of ["b", "c", "d"]) {
      const signed = attest(name, result, executed + 100);
      tell(network, "a", { kind: "statement", signed });
    }
    expect(accused(network.node("a"))).toEqual([]);
    network.submit("a", "swap");
    network.run(2_000);
    const ended = endOf(network.node("a")).signatures.map(({ author }) => author);
    expect(endOf(network.node("a")).result.height).toBeLessThan(executed + 100);
    const liars = ["b", "c", "d"].map(keyOf).filter((key) => ended.includes(key));
    expect(accused(network.node("a")).toSorted()).toEqual(liars.toSorted());
    expect(liars.length).toBeGreaterThan(1);
  });

  test("rule EVIDENCE: E10 accuses nobody of heights up to the end, nor by a forged signature", () => {
    const { network, end } = handedOver();
    const { height } = end.result;
    for (const name of ["a", "b", "c", "d"]) {
      const signed = { ...attest(name, end.result, height + 1), signature: new Uint8Array(64) };
      tell(network, "a", { kind: "statement", signed });
    }
    // What it said below the end it may say again; e never sat in epoch 1.
    tell(network, "a", { kind: "statement", signed: attest("e", end.result, height + 1) });
    expect(accused(network.node("a"))).toEqual([]);
  });
});
