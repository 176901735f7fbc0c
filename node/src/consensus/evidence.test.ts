import { describe, expect, test } from "vitest";
import { batchOf, orderVoteOf, qcOf, Solo, timeoutOf, voteOf } from "../../test/consensus/craft.ts";
import { Network } from "../../test/consensus/network.ts";
import {
  CHAIN_ID,
  keyOf,
  networkKeyOf,
  STUB_SCHEME,
  setOf,
  signStub,
} from "../../test/consensus/stub-keys.ts";
import { verifyStatement } from "../kernel/statements.ts";
import { peerStatus } from "./state.ts";
import type { SignedBlock } from "./types.ts";

/** Two blocks of one round, by its leader. */
function rivals(solo: Solo): readonly [SignedBlock, SignedBlock] {
  const first = solo.block();
  return [first, solo.block({ timestampMs: solo.now - 5 })];
}

/** A leader other than the node under test. */
function soloUnderOther(): Solo {
  const name = ["a", "b", "c", "d"].find((each) => {
    const solo = new Solo(undefined, each);
    return solo.leader(1) !== each && solo.leader(2) !== each;
  });
  return new Solo(undefined, name);
}

function expectOne(solo: Solo, kind: string, author: string): void {
  expect(solo.misconduct()).toHaveLength(1);
  const [found] = solo.misconduct();
  expect(found!.first.statement.kind).toBe(kind);
  expect(found!.first.author).toBe(keyOf(author));
  expect(found!.second.author).toBe(keyOf(author));
  for (const signed of [found!.first, found!.second]) {
    expect(verifyStatement(STUB_SCHEME, CHAIN_ID, signed)).toBe(true);
  }
}

describe("rule EVIDENCE", () => {
  test("rule EVIDENCE: E1, two proposals by one author in one round", () => {
    const solo = soloUnderOther();
    const [first, second] = rivals(solo);
    const leader = solo.leader(1);
    solo.receive("b", { kind: "proposal", block: first });
    solo.receive("c", { kind: "proposal", block: second });
    solo.receive("d", { kind: "proposal", block: second });
    expectOne(solo, "proposal", leader);
  });

  test("rule EVIDENCE: E1 is found although the leader told each node only one of its blocks", () => {
    const names = ["a", "b", "c", "d"];
    const network = new Network({ set: setOf(1, { a: 1n, b: 1n, c: 1n, d: 1n }), names });
    const probe = new Solo();
    const leader = probe.leader(1);
    const honest = names.filter((name) => name !== leader);
    network.start(...honest);
    network.run(100);
    probe.now = network.now;
    const [first, second] = rivals(probe);
    const status = peerStatus(probe.state);
    network.inject(leader, honest[0]!, { status, body: { kind: "proposal", block: first } });
    network.inject(leader, honest[1]!, { status, body: { kind: "proposal", block: second } });
    network.inject(leader, honest[2]!, { status, body: { kind: "proposal", block: second } });
    network.run(2_000);
    for (const name of honest) {
      const kinds = network.node(name).misconduct.map(({ first: one }) => one.statement.kind);
      expect(kinds).toEqual(["proposal"]);
      expect(network.node(name).misconduct[0]!.first.author).toBe(keyOf(leader));
    }
  });

  test("rule EVIDENCE: E2, two votes of one author in one round", () => {
    const solo = soloUnderOther();
    const [first, second] = rivals(solo);
    solo.receive("b", { kind: "statement", signed: voteOf("b", first) });
    solo.receive("c", { kind: "statement", signed: voteOf("b", second) });
    solo.receive("c", { kind: "statement", signed: voteOf("b", second) });
    expectOne(solo, "vote", "b");
  });

  test("rule EVIDENCE: E2, a vote against the author's signature inside a certificate", () => {
    const solo = soloUnderOther();
    const [first, second] = rivals(solo);
    const voters = solo.names.filter((name) => keyOf(name) !== solo.state.config.self.key);
    solo.receive("b", { kind: "statement", signed: voteOf(voters[0]!, first) });
    const qc = qcOf(voters, second);
    solo.receive("c", { kind: "certificates", qc, tc: undefined, order: undefined });
    expectOne(solo, "vote", voters[0]!);
  });

  test("rule EVIDENCE: E2, the certificate first and the author's other vote later", () => {
    const solo = soloUnderOther();
    const [first, second] = rivals(solo);
    const voters = solo.names.filter((name) => keyOf(name) !== solo.state.config.self.key);
    const qc = qcOf(voters, second);
    solo.receive("c", { kind: "certificates", qc, tc: undefined, order: undefined });
    solo.receive("b", { kind: "statement", signed: voteOf(voters[1]!, first) });
    expectOne(solo, "vote", voters[1]!);
  });

  test("rule EVIDENCE: E3, two order votes of one author in one round", () => {
    const solo = soloUnderOther();
    const [first, second] = rivals(solo);
    const voters = solo.names.filter((name) => keyOf(name) !== solo.state.config.self.key);
    solo.receive("b", {
      kind: "order-vote",
      signed: orderVoteOf("b", first),
      qc: qcOf(voters, first),
    });
    const other = qcOf(voters, second);
    solo.receive("c", { kind: "order-vote", signed: orderVoteOf("b", second), qc: other });
    const kinds = solo.misconduct().map((each) => each.first.statement.kind);
    // The two certificates themselves prove two votes of every voter.
    expect(kinds.filter((kind) => kind === "order-vote")).toHaveLength(1);
    expect(kinds.filter((kind) => kind === "vote")).toHaveLength(voters.length);
  });

  test("rule EVIDENCE: E4, an order vote and a timeout that forgot it", () => {
    const solo = soloUnderOther();
    const [first] = rivals(solo);
    const genesisQc = solo.state.epoch.highestQc;
    const voters = solo.names.filter((name) => keyOf(name) !== solo.state.config.self.key);
    const author = voters[0]!;
    const qc = qcOf(voters, first);
    solo.receive("b", { kind: "order-vote", signed: orderVoteOf(author, first), qc });
    const signed = timeoutOf(author, 2, 0);
    solo.receive("b", { kind: "timeout", signed, highestQc: genesisQc, lastTc: undefined });
    expectOne(solo, "order-vote", author);
  });

  test("rule EVIDENCE: E7, two attestations of one author for one height", () => {
    const solo = soloUnderOther();
    const attest = (stateRoot: string) => {
      const result = {
        epoch: 1,
        height: 1,
        blockId: "1".repeat(64),
        timestampMs: 5,
        stateRoot,
        receiptsRoot: "2".repeat(64),
        nextSetHash: "0".repeat(64),
      };
      return signStub(keyOf("b"), { kind: "attestation", result });
    };
    solo.receive("b", { kind: "statement", signed: attest("3".repeat(64)) });
    solo.receive("c", { kind: "statement", signed: attest("4".repeat(64)) });
    expectOne(solo, "attestation", "b");
  });

  test("rule EVIDENCE: E8, two batches at one place of a lane", () => {
    const solo = soloUnderOther();
    solo.receive("b", { kind: "batch", batch: batchOf("b", 1, "one") });
    solo.receive("c", { kind: "batch", batch: batchOf("b", 1, "two") });
    expectOne(solo, "batch", "b");
  });

  test("rule EVIDENCE: a forged statement accuses nobody", () => {
    const solo = soloUnderOther();
    const [first, second] = rivals(solo);
    solo.receive("b", { kind: "statement", signed: voteOf("b", first) });
    const forged = { ...voteOf("b", second), signature: new Uint8Array(64) };
    solo.receive("c", { kind: "statement", signed: forged });
    expect(solo.misconduct()).toEqual([]);
    expect(solo.dropped()).toContain("BAD_SIGNATURE");
    expect(networkKeyOf("c")).not.toBe(keyOf("c"));
  });
});
