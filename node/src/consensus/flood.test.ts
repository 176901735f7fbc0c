import { describe, expect, test } from "vitest";
import { batchOf, orderVoteOf, qcOf, Solo, voteOf } from "../../test/consensus/craft.ts";
import { keyOf, networkKeyOf, signStub } from "../../test/consensus/stub-keys.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import { insertBlock } from "./block-tree.ts";
import type { Effect } from "./effects.ts";
import { wantBatches } from "./fetch.ts";
import { Turn } from "./turn.ts";

/** Names that the node asked for batches, in order. */
function batchesAskedOf(solo: Solo, effects: readonly Effect[] = solo.effects): string[] {
  return effects.flatMap((effect) => {
    if (effect.kind !== "send" || effect.message.body.kind !== "batch-request") return [];
    return solo.names.filter((name) => networkKeyOf(name) === effect.to);
  });
}

/** A node that leads neither the first round nor, by name, is one of the others in a test. */
function follower(): { readonly solo: Solo; readonly others: readonly string[] } {
  const self = ["a", "b", "c", "d"].find((each) => new Solo().leader(1) !== each) ?? "";
  const solo = new Solo(undefined, self);
  return { solo, others: solo.names.filter((name) => name !== self && name !== solo.leader(1)) };
}

describe("R9", () => {
  test("R9: one member cannot fill the block tree by voting for block after block", () => {
    const solo = new Solo();
    for (let count = 0; count < 40; count += 1) {
      const block = solo.block({ proposer: keyOf("d"), timestampMs: solo.now + 10_000 + count });
      solo.receive("d", { kind: "statement", signed: voteOf("d", block) });
      solo.receive("d", { kind: "block-response", block });
    }
    expect(solo.state.epoch.blocks.size).toBe(2);
    expect(solo.state.sync.wants.size).toBe(0);
    const honest = solo.block();
    solo.receive("b", { kind: "proposal", block: honest });
    expect(solo.state.epoch.blocks.has(honest.id)).toBe(true);
    expect(solo.signed("vote")).toHaveLength(1);
  });

  test("R9: a full block tree gives up the oldest block that lost, never one that is needed", () => {
    const solo = new Solo();
    const voted = solo.block();
    solo.receive("b", { kind: "proposal", block: voted });
    const turn = new Turn(solo.state, solo.now);
    const oldest = solo.block({ timestampMs: solo.now + 1 });
    expect(insertBlock(turn, oldest, false)).toBe(true);
    for (let count = 0; count < 1_022; count += 1) {
      insertBlock(turn, solo.block({ round: 2, timestampMs: solo.now + count }), false);
    }
    expect(turn.epoch.blocks.size).toBe(1_024);
    // The one block in the log is not counted: there is room for one more.
    const late = solo.block({ round: 3 });
    expect(insertBlock(turn, late, false)).toBe(true);
    const later = solo.block({ round: 3, timestampMs: solo.now + 1 });
    expect(insertBlock(turn, later, false)).toBe(true);
    expect(turn.epoch.blocks.has(oldest.id)).toBe(false);
    expect(turn.epoch.blocks.has(voted.id)).toBe(true);
    expect(turn.epoch.blocks.has(late.id)).toBe(true);
    // An old one does not push out a newer one.
    expect(insertBlock(turn, solo.block({ timestampMs: solo.now + 2 }), false)).toBe(false);
  });
});

describe("R2", () => {
  test("R2: a batch that its author withholds is asked of the proposer first, then of the author", () => {
    const { solo, others } = follower();
    const author = others[0] ?? "";
    const leader = solo.leader(1);
    const { digest } = batchOf(author, 1, "payment");
    const cut = [{ author: keyOf(author), sequence: 1, digest }];
    solo.receive(leader, { kind: "proposal", block: solo.block({ cut }) });
    expect(batchesAskedOf(solo)).toEqual([leader]);
    solo.now += 200;
    expect(batchesAskedOf(solo, solo.input({ kind: "timer", timer: "sync" }))).toEqual([author]);
  });

  test("R2: the next proposer that orders a missing batch is asked at once, each proposer once", () => {
    const { solo, others } = follower();
    const [author = "", second = ""] = others;
    const leader = solo.leader(1);
    const turn = new Turn(solo.state, solo.now);
    const missing = [{ author: keyOf(author), sequence: 1, digest: "1".repeat(64) }];
    for (const proposer of [leader, leader, second, leader, second]) {
      wantBatches(turn, missing, keyOf(proposer));
    }
    expect(batchesAskedOf(solo, turn.effects)).toEqual([leader, second]);
  });

  test("R2: a block stamped ahead of the clock has nothing fetched for it", () => {
    const { solo, others } = follower();
    const author = others[0] ?? "";
    const { digest } = batchOf(author, 1, "payment");
    const cut = [{ author: keyOf(author), sequence: 1, digest }];
    const block = solo.block({ cut, timestampMs: solo.now + 5_000 });
    solo.receive(solo.leader(1), { kind: "proposal", block });
    expect(batchesAskedOf(solo)).toEqual([]);
    solo.now += 4_900;
    solo.input({ kind: "timer", timer: "propose" });
    expect(batchesAskedOf(solo)).toEqual([solo.leader(1)]);
  });

  test("R2: one proposer has at most 256 batches fetched at a time", () => {
    const { solo } = follower();
    const turn = new Turn(solo.state, solo.now);
    const missing = Array.from({ length: 300 }, (_, count) => {
      return { author: keyOf("b"), sequence: count, digest: count.toString(16).padStart(64, "0") };
    });
    wantBatches(turn, missing, keyOf("c"));
    expect(turn.sync.wants.size).toBe(256);
    wantBatches(turn, missing, keyOf("d"));
    expect(turn.sync.wants.size).toBe(300);
  });
});

describe("bounds", () => {
  test("R9: one read of the log at a time for each peer", () => {
    const solo = new Solo();
    const { chain } = solo.state;
    solo.state = { ...solo.state, chain: { ...chain, baseHeight: 1_000 } };
    const loads = (): number => solo.effects.filter(({ kind }) => kind === "load-history").length;
    const ask = (from: string): void => {
      solo.now += 20;
      solo.receive(from, { kind: "chain-request", fromHeight: 5 });
    };
    for (let count = 0; count < 20; count += 1) ask("d");
    expect(loads()).toBe(1);
    ask("c");
    expect(loads()).toBe(2);
    const segment = {
      epoch: 1,
      blocks: [],
      batches: [],
      proof: { kind: "two-chain", child: solo.block(), qc: solo.state.epoch.genesisQc },
      epochProof: undefined,
    } as const;
    solo.input({ kind: "history", to: networkKeyOf("d"), segment });
    ask("d");
    expect(loads()).toBe(3);
    ask("c");
    expect(loads()).toBe(3);
    // A read that found nothing brings no input.
    solo.now += 1_000;
    ask("c");
    expect(loads()).toBe(4);
  });

  test("rule EPOCH: no sender crowds the others out of what is kept for the next epoch", () => {
    const solo = new Solo();
    const future = (count: number) => voteOf("d", solo.block({ epoch: 2, timestampMs: count }));
    for (let count = 0; count < 500; count += 1) {
      solo.receive("d", { kind: "statement", signed: future(count) });
    }
    expect(solo.state.epoch.future).toHaveLength(16);
    solo.receive("c", { kind: "statement", signed: future(0) });
    expect(solo.state.epoch.future).toHaveLength(17);
    // Whole blocks are bounded by their bytes.
    const signsOfLife = Array.from({ length: 500 }, (_, count) => beat(`key ${count}`, 1));
    for (let count = 0; count < 16; count += 1) {
      const block = solo.block({ epoch: 2, signsOfLife, timestampMs: solo.now + count });
      solo.receive("b", { kind: "proposal", block });
    }
    const blocks = solo.state.epoch.future.filter(
      ({ message }) => message.body.kind === "proposal",
    );
    expect(blocks.length).toBeLessThan(7);
    expect(blocks.length).toBeGreaterThan(1);
  });

  function beat(name: string, height: number): SignedStatement {
    const stateRoot = "0".repeat(64);
    return signStub(keyOf(name), { kind: "heartbeat", epoch: 1, height, stateRoot });
  }

  test("rule SILENCE: a block with many heartbeats of strangers waits until they are spares", () => {
    const solo = new Solo();
    const names = Array.from({ length: 17 }, (_, count) => `stranger ${count}`);
    const signsOfLife = names.map((name) => beat(name, 1));
    const block = solo.block({ signsOfLife });
    solo.receive("b", { kind: "proposal", block });
    expect(solo.signed("vote")).toEqual([]);
    // The proposer was ahead: the ledger registers one of them here, too.
    solo.state = { ...solo.state, spares: [keyOf("stranger 0")] };
    solo.input({ kind: "timer", timer: "propose" });
    expect(solo.signed("vote")).toHaveLength(1);
  });

  test("rule SILENCE: heartbeats of strangers are forgotten once their block is executed", () => {
    const solo = new Solo();
    const names = ["stranger", "other", "spare", "d"];
    const block = solo.block({ signsOfLife: names.map((name) => beat(name, 1)) });
    solo.receive("b", { kind: "proposal", block });
    const qc = qcOf(["b", "c", "d"], block);
    for (const name of ["b", "c", "d"]) {
      solo.receive(name, { kind: "order-vote", signed: orderVoteOf(name, block), qc });
    }
    expect(solo.state.epoch.root.view.heartbeats.size).toBe(4);
    const result = {
      epoch: 1,
      height: 1,
      blockId: block.id,
      timestampMs: block.block.timestampMs,
      stateRoot: "1".repeat(64),
      receiptsRoot: "2".repeat(64),
      nextSetHash: "0".repeat(64),
    };
    solo.input({ kind: "executed", result, nextSet: undefined, spares: [keyOf("spare")] });
    const known = Array.from(solo.state.epoch.root.view.heartbeats.keys());
    expect(known).toEqual([keyOf("spare"), keyOf("d")]);
  });
});
