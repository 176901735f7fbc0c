import { describe, expect, test } from "vitest";
import { batchOf, Solo, voteOf } from "../../test/consensus/craft.ts";
import { keyOf, networkKeyOf } from "../../test/consensus/network.ts";
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
