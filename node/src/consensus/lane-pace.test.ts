import { describe, expect, test } from "vitest";
import { Solo } from "../../test/consensus/craft.ts";
import { Network } from "../../test/consensus/network.ts";
import { textsOf } from "../../test/consensus/observations.ts";
import { setOf } from "../../test/consensus/stub-keys.ts";

function transactions(...texts: readonly string[]) {
  const encoder = new TextEncoder();
  return { kind: "transactions", transactions: texts.map((text) => encoder.encode(text)) } as const;
}

/** Fires the lane's timer and lets the signer answer; the sequence of the newest own batch. */
function fire(solo: Solo): number {
  solo.sign(solo.input({ kind: "timer", timer: "batch" }));
  return solo.state.lanes.own.sequence;
}

describe("the pace of a lane", { timeout: 60_000 }, () => {
  test("a batch that no proposal names yet holds the next one back, for a slow round at most", () => {
    const solo = new Solo();
    solo.input(transactions("first"));
    solo.now += 3;
    expect(fire(solo)).toBe(1);
    const from = solo.now;
    solo.input(transactions("second"));
    for (solo.now += 3; solo.now < from + 3 + 50; solo.now += 1) expect(fire(solo)).toBe(1);
    expect(fire(solo)).toBe(2);
  });

  test("a held batch asks to be woken when it is held no longer", () => {
    const solo = new Solo();
    solo.input(transactions("first"));
    solo.now += 3;
    fire(solo);
    const from = solo.now;
    solo.input(transactions("second"));
    solo.now += 3;
    const effects = solo.input({ kind: "timer", timer: "batch" });
    expect(effects).toContainEqual({ kind: "set-timer", timer: "batch", at: from + 3 + 50 });
  });

  test("a full batch waits for nothing", () => {
    const solo = new Solo();
    solo.input(transactions("first"));
    solo.now += 3;
    expect(fire(solo)).toBe(1);
    const large = Array.from({ length: 64 }, (_, at) => `large ${at} `.padEnd(1_024, "."));
    solo.sign(solo.input(transactions(...large)));
    expect(solo.state.lanes.own.sequence).toBe(2);
  });

  test("under a steady trickle a lane gives each block one batch, and all is ordered", () => {
    const network = new Network({
      set: setOf(1, { a: 1n, b: 1n, c: 1n, d: 1n }),
      names: ["a", "b", "c", "d"],
    });
    network.start();
    network.run(1_000);
    const node = network.node("b");
    const from = node.executed.length;
    for (let at = 0; at < 500; at += 1) {
      network.input(node, transactions(`number ${at}`));
      network.run(1);
    }
    expect(network.run(500, () => textsOf(node).includes("number 499"))).toBe(true);
    const blocks = node.executed.slice(from);
    const batches = blocks.reduce((sum, block) => sum + block.batches.length, 0);
    expect(batches).toBeLessThanOrEqual(blocks.length + 1);
    const numbers = textsOf(node).filter((text) => text.startsWith("number"));
    expect(numbers).toEqual(Array.from({ length: 500 }, (_, at) => `number ${at}`));
  });
});
