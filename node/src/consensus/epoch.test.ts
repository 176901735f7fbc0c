import { describe, expect, test } from "vitest";
import { batchOf } from "../../test/consensus/craft.ts";
import { Network, type NetworkOptions, type TestNode } from "../../test/consensus/network.ts";
import { disagreement, height, textsOf } from "../../test/consensus/observations.ts";
import { keyOf, memberOf, setOf, signStub } from "../../test/consensus/stub-keys.ts";
import type { EpochProof } from "../kernel/certificates.ts";
import { resultDigest } from "../kernel/certificates.ts";
import {
  overlaps,
  type ValidatorSet,
  validatorSet,
  validatorSetHash,
} from "../kernel/validator-set.ts";
import { epochGenesisId, peerStatus } from "./state.ts";

const OLD = { a: 1n, b: 1n, c: 1n, d: 1n };
const NEW = { a: 1n, b: 1n, c: 1n, e: 1n };

/** A fake ledger: the transaction "swap" ends the epoch and puts e in the place of d. */
function swapNetwork(options: Partial<NetworkOptions> & { next?: ValidatorSet } = {}): Network {
  const { next: nextSet = setOf(2, NEW), ...rest } = options;
  return new Network({
    ...rest,
    set: setOf(1, OLD),
    names: ["a", "b", "c", "d", "e"],
    spares: ["e"],
    nextSet: ({ block }, transactions) => {
      const texts = transactions.map((bytes) => new TextDecoder().decode(bytes));
      return block.epoch === 1 && texts.includes("swap") ? nextSet : undefined;
    },
  });
}

function proofOf(node: TestNode): EpochProof | undefined {
  return node.state.chain.epochProofs[0];
}

describe("rule EPOCH", () => {
  test("rule EPOCH: a quorum's attestation of the last block starts the next set, from its genesis", () => {
    const network = swapNetwork();
    network.start();
    network.run(1_000);
    network.submit("a", "swap");
    network.run(3_000);
    const proof = proofOf(network.node("b"));
    expect(proof).toBeDefined();
    const last = proof!.certificate.result;
    for (const node of network.nodes.values()) {
      expect(node.state.set).toEqual(setOf(2, NEW));
      expect(resultDigest(proofOf(node)!.certificate.result)).toBe(resultDigest(last));
      const first = node.executed.find(({ block }) => block.block.epoch === 2)!.block.block;
      expect(first.height).toBe(last.height + 1);
      expect(first.qc.blockId).toBe(epochGenesisId(node.config.chainId, 2, last));
      expect(first.qc.signatures).toEqual([]);
      expect(node.halts).toEqual([]);
    }
    expect(disagreement(network)).toBeUndefined();
    // The newcomer votes, the leaver has nothing left to sign.
    const kinds = network.node("e").disk.journal.map(({ statement }) => statement.kind);
    expect(kinds).toContain("vote");
    const leaver = network.node("d").disk.journal.filter(({ statement }) => {
      return "epoch" in statement && statement.epoch === 2;
    });
    expect(leaver).toEqual([]);
    expect(height(network.node("d"))).toBe(height(network.node("a")));
  });

  test("rule EPOCH: what is ordered after the last block is void and is ordered again", () => {
    // The ledger is slow: blocks after the last one are ordered before anybody knows it is the
    // last.
    const network = swapNetwork({ executionMs: 40 });
    network.start();
    network.run(1_000);
    network.submit("a", "swap");
    for (let count = 0; count < 20; count += 1) {
      network.submit("b", `during ${count}`);
      network.run(5);
    }
    network.run(4_000);
    const committed = network.node("a").disk.chain.flatMap((record) => {
      return record.kind === "block" ? [record.block] : [];
    });
    const end = proofOf(network.node("a"))!.certificate.result.height;
    const voided = committed.filter(({ block }) => block.epoch === 1 && block.height > end);
    expect(voided.some(({ block }) => block.cut.length > 0)).toBe(true);
    for (const node of network.nodes.values()) {
      const last = proofOf(node)!.certificate.result;
      const old = node.executed.filter(({ block }) => block.block.epoch === 1);
      expect(old.at(-1)?.block.block.height).toBe(last.height);
      const texts = textsOf(node);
      const during = Array.from({ length: 20 }, (_, count) => `during ${count}`);
      expect(texts.filter((text) => text.startsWith("during"))).toEqual(during);
      const heights = node.executed.map(({ block }) => block.block.height);
      expect(heights).toEqual(heights.map((_, index) => index + 1));
    }
    expect(disagreement(network)).toBeUndefined();
  });

  test("rule EPOCH: who has executed the last block proposes and accepts only empty blocks", () => {
    const network = swapNetwork();
    network.delay = (_from, _to, { body }) => {
      // No attestation arrives: the epoch hangs, and the chain goes on with empty blocks.
      if (body.kind === "statement" && body.signed.statement.kind === "attestation")
        return undefined;
      return 1;
    };
    network.start();
    network.run(1_000);
    network.submit("a", "swap");
    network.run(1_000);
    network.submit("b", "too late");
    network.run(3_000);
    const { state } = network.node("a");
    expect(state.epoch.handOver).toBeDefined();
    const end = state.epoch.handOver!.result.height;
    const after = state.chain.committed.filter(({ signed }) => signed.block.height > end);
    expect(after.length).toBeGreaterThan(5);
    expect(after.every(({ signed }) => signed.block.cut.length === 0)).toBe(true);
    expect(height(network.node("a"))).toBe(end);
    network.delay = () => 1;
    network.run(3_000);
    expect(network.node("a").state.set.epoch).toBe(2);
    expect(textsOf(network.node("a"))).toContain("too late");
  });

  test("weak subjectivity: a set other than the checkpoint's is never followed, and gets no signature", () => {
    const right = { epoch: 2, setHash: validatorSetHash(setOf(2, NEW)) };
    const wrong = { epoch: 2, setHash: validatorSetHash(setOf(2, OLD)) };
    const network = swapNetwork({ checkpoint: (name) => (name === "c" ? wrong : undefined) });
    network.start();
    network.run(1_000);
    network.submit("a", "swap");
    network.run(3_000);
    expect(network.node("a").state.set).toEqual(setOf(2, NEW));
    const { state, halts } = network.node("c");
    expect(state.set.epoch).toBe(1);
    expect(halts.join()).toContain("checkpoint");
    // Below its epoch a node follows, and lends the chain no vote: it may be one of old keys.
    const kinds = network.node("c").disk.journal.map(({ statement }) => statement.kind);
    expect(kinds).not.toContain("vote");
    const agreed = swapNetwork({ checkpoint: (name) => (name === "c" ? right : undefined) });
    agreed.start();
    agreed.run(1_000);
    agreed.submit("a", "swap");
    agreed.run(3_000);
    expect(agreed.node("c").halts).toEqual([]);
    const votes = agreed.node("c").disk.journal.flatMap(({ statement }) => {
      return statement.kind === "vote" ? [statement.epoch] : [];
    });
    expect(new Set(votes)).toEqual(new Set([2]));
  });

  test("rule EPOCH: a set that shares too little is never followed, whoever signed it", () => {
    const three = setOf(2, { a: 1n, b: 1n, e: 1n, f: 1n });
    expect(overlaps(setOf(1, OLD), setOf(2, NEW))).toBe(true);
    expect(overlaps(setOf(1, OLD), three)).toBe(false);
    expect(overlaps(setOf(1, OLD), setOf(2, { ...OLD, e: 2n }))).toBe(false);
    const network = swapNetwork({ next: three });
    network.start();
    network.run(1_000);
    network.submit("a", "swap");
    network.run(3_000);
    for (const node of network.nodes.values()) {
      expect(node.state.set.epoch).toBe(1);
      expect(node.halts).toHaveLength(1);
    }
    // A proof signed by a quorum does not help either.
    const follower = swapNetwork();
    follower.start();
    follower.run(1_000);
    const result = {
      epoch: 1,
      height: 2,
      blockId: "1".repeat(64),
      timestampMs: follower.now,
      stateRoot: "2".repeat(64),
      receiptsRoot: "3".repeat(64),
      nextSetHash: validatorSetHash(three),
    };
    const signatures = ["a", "b", "c"]
      .map((name) => signStub(keyOf(name), { kind: "attestation", result }))
      .map(({ author, signature }) => ({ author, signature }))
      .toSorted((left, right) => (left.author < right.author ? -1 : 1));
    const node = follower.node("e");
    follower.inject("a", "e", {
      status: peerStatus(node.state),
      body: { kind: "epoch-proof", proof: { certificate: { result, signatures }, nextSet: three } },
    });
    follower.run(10);
    expect(node.halts).toHaveLength(1);
  });

  test("rule SWAP: the same set with a member muted is a legal next set", () => {
    const muted = validatorSet(
      2,
      ["a", "b", "c", "d"].map((name) => memberOf(name, 1n, name === "d")),
    );
    const network = swapNetwork({ next: muted });
    network.start();
    network.run(1_000);
    network.submit("a", "swap");
    network.run(10_000);
    const blocks = network.node("a").executed.filter(({ block }) => block.block.epoch === 2);
    expect(blocks.length).toBeGreaterThan(20);
    expect(blocks.some(({ block }) => block.block.proposer === keyOf("d"))).toBe(false);
  });

  /** Epoch 2 has begun, and everybody has signed in it. */
  function swapped(): Network {
    const network = swapNetwork();
    network.start();
    network.run(1_000);
    network.submit("a", "swap");
    network.run(3_000);
    for (const node of network.nodes.values()) expect(node.state.set.epoch).toBe(2);
    return network;
  }

  test("rule JOURNAL: what was signed in an epoch binds, also when the chain log has lost it", () => {
    const network = swapped();
    const node = network.node("a");
    const { safety, proposedRound, orderVotedRound } = node.state.epoch;
    expect(safety.lastVotedRound).toBeGreaterThan(2);
    network.crash("a");
    const { chain } = node.disk;
    chain.splice(chain.findIndex(({ kind }) => kind === "epoch"));
    network.restart("a");
    // The fake signer throws on a second statement in one place.
    expect(network.run(3_000, () => node.state.set.epoch === 2)).toBe(true);
    expect(node.state.epoch.safety).toEqual({ ...safety, epoch: 2 });
    expect(node.state.epoch.proposedRound).toBe(proposedRound);
    expect(node.state.epoch.orderVotedRound).toBe(orderVotedRound);
    const signed = node.disk.journal.length;
    network.run(5_000);
    const votes = node.disk.journal.slice(signed).filter(({ statement }) => {
      return statement.kind === "vote";
    });
    expect(votes.length).toBeGreaterThan(2);
    expect(node.misconduct).toEqual([]);
  });

  test("rule EPOCH: a quorum of an epoch gone by certifies nothing after its end", () => {
    const network = swapped();
    const node = network.node("a");
    network.delay = () => undefined;
    const height = node.state.epoch.root.height + 1;
    const certificate = (epoch: number, at: number, names: readonly string[]) => {
      const result = {
        epoch,
        height: at,
        blockId: "1".repeat(64),
        timestampMs: network.now,
        stateRoot: "2".repeat(64),
        receiptsRoot: "3".repeat(64),
        nextSetHash: "0".repeat(64),
      };
      const statements = names.map((name) =>
        signStub(keyOf(name), { kind: "attestation", result }),
      );
      const signatures = statements
        .map(({ author, signature }) => ({ author, signature }))
        .toSorted((left, right) => (left.author < right.author ? -1 : 1));
      return { statements, certificate: { result, signatures } };
    };
    const status = peerStatus(node.state);
    const old = certificate(1, height, ["b", "c", "d"]);
    network.inject("d", "a", {
      status,
      body: { kind: "result-certificate", certificate: old.certificate },
    });
    for (const signed of old.statements) {
      network.inject("d", "a", { status, body: { kind: "statement", signed } });
    }
    network.run(10);
    expect(node.state.chain.waiting.size).toBe(0);
    expect(node.state.chain.attestations.get(height)).toBeUndefined();
    // The set of the epoch itself is heard.
    const now = certificate(2, height, ["b", "c", "e"]);
    network.inject("b", "a", {
      status,
      body: { kind: "result-certificate", certificate: now.certificate },
    });
    network.run(10);
    expect(Array.from(node.state.chain.waiting.keys())).toEqual([height]);
    expect(node.halts).toEqual([]);
  });

  test("rule JOURNAL: a batch cut for a seat that was lost is signed when the node is seated again", () => {
    const network = swapNetwork();
    const newcomer = network.node("e");
    const { batch, bytes, digest } = batchOf("e", 1, "from long ago");
    const signature = new Uint8Array(64);
    newcomer.disk.chain.push({ kind: "batch", batch: { batch, bytes, digest, signature } });
    network.start("a", "b", "c", "d");
    network.restart("e");
    network.run(1_000);
    expect(newcomer.disk.journal).toEqual([]);
    network.submit("a", "swap");
    network.run(2_000);
    network.submit("e", "from today");
    network.run(2_000);
    expect(textsOf(network.node("a"))).toEqual(["swap", "from long ago", "from today"]);
  });

  test("rule EPOCH: a node that slept through the hand-over catches up across it", () => {
    const network = swapNetwork();
    network.start();
    network.run(1_000);
    network.crash("c");
    network.submit("a", "swap");
    network.run(20_000);
    network.restart("c");
    network.run(3_000);
    const node = network.node("c");
    expect(node.state.set.epoch).toBe(2);
    expect(height(node)).toBeGreaterThanOrEqual(height(network.node("a")) - 1);
    expect(disagreement(network)).toBeUndefined();
  });
});
