import { describe, expect, test } from "vitest";
import { orderVoteOf, qcOf, Solo, tcOf, timeoutOf } from "../../test/consensus/craft.ts";
import { keyOf, signStub } from "../../test/consensus/stub-keys.ts";
import { verifyOrder } from "./certificates.ts";
import { recover } from "./recover.ts";
import type { ChainRecord, PeerBody, QuorumCertificate, SignedBlock } from "./types.ts";

/** A certificate that nobody signed. */
function forgedQc({ block, id }: SignedBlock): QuorumCertificate {
  const { epoch, round, qc } = block;
  return { epoch, round, blockId: id, qcRound: qc.round, signatures: [] };
}

/** A timeout certificate of round 1, which everybody knows, around a forged certificate. */
function smuggler(qc: QuorumCertificate): PeerBody {
  const tc = { epoch: 1, round: 1, timeouts: [], highestQc: qc };
  return { kind: "certificates", qc: undefined, tc, order: undefined };
}

/** Round 1 timed out, and a leader's block of round 2 is here. */
function afterTimeout(): { readonly solo: Solo; readonly block: SignedBlock } {
  const solo = new Solo();
  const genesisQc = solo.state.epoch.highestQc;
  const tc = tcOf(1, { b: 0, c: 0, d: 0 }, genesisQc);
  solo.receive("b", { kind: "certificates", qc: undefined, tc, order: undefined });
  const block = solo.block({ round: 2, qc: genesisQc, tc, height: 1 });
  solo.receive("b", { kind: "proposal", block });
  expect(solo.state.epoch.round).toBe(2);
  return { solo, block };
}

describe("R7", () => {
  test("R7: a TC whose round is known does not smuggle a QC", () => {
    const { solo, block } = afterTimeout();
    solo.receive("d", smuggler(forgedQc(block)));
    expect(solo.state.epoch.round).toBe(2);
    expect(solo.state.epoch.highestQc.round).toBe(0);
    expect(solo.signed("order-vote")).toEqual([]);
    expect(solo.dropped()).toEqual(["POWER_BELOW_QUORUM"]);
    // Around a timeout it is the same door.
    solo.receive("d", {
      kind: "timeout",
      signed: timeoutOf("d", 2, 0),
      highestQc: solo.state.epoch.genesisQc,
      lastTc: { epoch: 1, round: 1, timeouts: [], highestQc: forgedQc(block) },
    });
    expect(solo.state.epoch.round).toBe(2);
  });

  test("R7: no commit by a smuggled QC of a child that nobody voted for", () => {
    const { solo, block } = afterTimeout();
    const child = solo.block({ round: 3, qc: qcOf(["b", "c", "d"], block), height: 2 });
    solo.receive("d", { kind: "proposal", block: child });
    expect(solo.state.epoch.round).toBe(3);
    solo.receive("d", smuggler(forgedQc(child)));
    expect(solo.state.epoch.root.height).toBe(0);
    const qc = qcOf(["b", "c", "d"], child);
    solo.receive("d", { kind: "certificates", qc, tc: undefined, order: undefined });
    expect(solo.state.epoch.root.height).toBe(1);
  });
});

/** A certificate with the right names and rounds around signatures of nobody. */
function junk(qc: QuorumCertificate): QuorumCertificate {
  const signatures = qc.signatures.map((each) => ({ ...each, signature: new Uint8Array(64) }));
  return { ...qc, signatures };
}

describe("R3", () => {
  test("R3: junk signatures inside a block's timeout certificate are refused, also of a known QC", () => {
    const { solo, qc } = ordered();
    const tc = tcOf(2, { b: 1, c: 1, d: 1 }, junk(qc));
    const block = solo.block({ round: 3, qc, tc, height: 2 });
    solo.receive("b", { kind: "proposal", block });
    expect(solo.dropped()).toEqual(["BAD_SIGNATURE"]);
    expect(solo.state.epoch.blocks.has(block.id)).toBe(false);
  });

  test("R3: a certificate in the log stays itself after a restart", () => {
    const { solo, qc } = ordered();
    const tc = tcOf(2, { b: 1, c: 1, d: 1 }, junk(qc));
    const chain: ChainRecord[] = [
      { kind: "qc", qc },
      { kind: "tc", tc },
    ];
    const recovered = recover(solo.state.config, { journal: [], chain });
    expect(recovered.epoch.certified.get(qc.blockId)).toEqual(qc);
    expect(recovered.epoch.highestQc).toEqual(qc);
  });
});

/** A node that has voted for, and order-voted, the block of round 1. */
function ordered(self = "a"): { solo: Solo; block: SignedBlock; qc: QuorumCertificate } {
  const solo = new Solo(undefined, self);
  const block = solo.block();
  const others = solo.names.filter((name) => name !== self);
  solo.sign(solo.receive("b", { kind: "proposal", block }), self);
  const qc = qcOf(others, block);
  const certificates = { kind: "certificates", qc, tc: undefined, order: undefined } as const;
  solo.sign(solo.receive("b", certificates), self);
  expect(solo.signed("order-vote")).toHaveLength(1);
  solo.now += 10;
  return { solo, block, qc };
}

describe("rule EPOCH", () => {
  test("rule EPOCH: a timeout of another epoch never counts", () => {
    const { solo } = ordered();
    const { genesisQc } = solo.state.epoch;
    for (const name of ["b", "c", "d"]) {
      const signed = timeoutOf(name, 1, 0, 7);
      solo.receive("d", { kind: "timeout", signed, highestQc: genesisQc, lastTc: undefined });
    }
    expect(solo.state.epoch.ballots.get(1)?.timeouts.size).toBe(0);
    expect(solo.state.epoch.newest.get(keyOf("d"))?.signed.statement).not.toMatchObject({
      epoch: 7,
    });
    expect(solo.misconduct()).toEqual([]);
    expect(solo.dropped()).toEqual(["FOREIGN_EPOCH", "FOREIGN_EPOCH", "FOREIGN_EPOCH"]);
    // Nor inside a certificate: a block that forgets the one ordered above gets no vote.
    const timeouts = ["b", "c", "d"]
      .map((name) => timeoutOf(name, 1, 0, 7))
      .map(({ author, signature }) => ({ author, signature, hqcRound: 0 }))
      .toSorted((left, right) => (left.author < right.author ? -1 : 1));
    const tc = { epoch: 1, round: 1, timeouts, highestQc: genesisQc };
    const rival = solo.block({ round: 2, qc: genesisQc, tc, height: 1 });
    solo.receive("d", { kind: "proposal", block: rival });
    expect(solo.signed("vote")).toHaveLength(1);
    expect(solo.dropped().at(-1)).toBe("BAD_SIGNATURE");
  });

  test("rule EPOCH: an order vote of another epoch never counts", () => {
    const { solo, block, qc } = ordered();
    solo.receive("b", { kind: "order-vote", signed: orderVoteOf("b", block), qc });
    const statement = { kind: "order-vote", epoch: 999, round: 1, blockId: block.id } as const;
    solo.receive("d", { kind: "order-vote", signed: signStub(keyOf("d"), statement), qc });
    expect(solo.state.epoch.root.height).toBe(0);
    solo.receive("c", { kind: "order-vote", signed: orderVoteOf("c", block), qc });
    expect(solo.state.epoch.root.height).toBe(1);
    // What is stored as the proof convinces everybody else.
    const proofs = solo.effects.flatMap((effect) => {
      if (effect.kind !== "store" || effect.record.kind !== "committed") return [];
      return effect.record.proof.kind === "order" ? [effect.record.proof.certificate] : [];
    });
    expect(proofs).toHaveLength(1);
    const other = new Solo(undefined, "c");
    expect(proofs.map((order) => verifyOrder(other.state, order).ok)).toEqual([true]);
  });

  test("rule EPOCH: statements of two epochs are no misconduct", () => {
    const { solo, block, qc } = ordered();
    const { genesisQc } = solo.state.epoch;
    solo.receive("b", { kind: "order-vote", signed: orderVoteOf("b", block), qc });
    const early = timeoutOf("b", 1, 0, 2);
    solo.receive("b", { kind: "timeout", signed: early, highestQc: genesisQc, lastTc: undefined });
    const elsewhere = { kind: "order-vote", epoch: 2, round: 1, blockId: block.id } as const;
    const other = signStub(keyOf("b"), elsewhere);
    solo.receive("b", { kind: "order-vote", signed: other, qc });
    expect(solo.misconduct()).toEqual([]);
  });
});

describe("R5", () => {
  test("R5: a proven commit beside the committed chain halts the node and names both", () => {
    const { solo, block, qc } = ordered();
    const { genesisQc } = solo.state.epoch;
    for (const name of ["b", "c", "d"]) {
      solo.receive(name, { kind: "order-vote", signed: orderVoteOf(name, block), qc });
    }
    expect(solo.state.epoch.root.id).toBe(block.id);
    // More than f forget what they ordered, and order a rival.
    const tc = tcOf(1, { b: 0, c: 0, d: 0 }, genesisQc);
    const rival = solo.block({ round: 2, qc: genesisQc, tc, height: 1 });
    solo.receive("d", { kind: "proposal", block: rival });
    expect(solo.state.halted).toBeUndefined();
    const certificate = qcOf(["b", "c", "d"], rival);
    for (const name of ["b", "c", "d"]) {
      const signed = orderVoteOf(name, rival);
      solo.receive(name, { kind: "order-vote", signed, qc: certificate });
    }
    expect(solo.state.halted).toContain(block.id);
    expect(solo.state.halted).toContain(rival.id);
    expect(solo.state.epoch.root.id).toBe(block.id);
    expect(solo.effects.filter(({ kind }) => kind === "halt")).toHaveLength(1);
  });
});
