import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Solo } from "../../test/consensus/craft.ts";
import { Network } from "../../test/consensus/network.ts";
import { textsOf } from "../../test/consensus/observations.ts";
import { keyOf, setOf } from "../../test/consensus/stub-keys.ts";
import { shareOut } from "./cut.ts";
import type { Effect } from "./effects.ts";
import { isLaneFull, laneLoad } from "./lane-queue.ts";

const encoder = new TextEncoder();

/** Clients' transactions of 1 KiB each. */
function flood(count: number, mark: number): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, index) => {
    return encoder.encode(`client ${mark} ${index} `.padEnd(1_024, "."));
  });
}

function duties(...names: readonly string[]) {
  return { kind: "duties", transactions: names.map((name) => encoder.encode(name)) } as const;
}

function networkOf(count: number): Network {
  const names = "abcdefghijkl".split("").slice(0, count);
  return new Network({ set: setOf(1, Object.fromEntries(names.map((name) => [name, 1n]))), names });
}

/** Cuts and signs own batches as long as the node makes some. */
function cutAll(solo: Solo, first: readonly Effect[]): void {
  let effects = solo.sign(first);
  for (let turn = 0; turn < 64; turn += 1) {
    while (effects.length > 0) effects = solo.sign(effects);
    solo.now += 5;
    effects = solo.input({ kind: "timer", timer: "batch" });
  }
}

function inFlight(solo: Solo): number {
  return solo.state.lanes.own.sequence;
}

describe("the lane's reserve", { timeout: 60_000 }, () => {
  test("rule ORDER: duties go into the next batch, however much of clients waits", () => {
    const network = networkOf(4);
    network.start();
    network.run(1_000);
    const node = network.node("b");
    // 8 MiB against a queue of 4, and again and again.
    for (let wave = 0; wave < 4; wave += 1) {
      network.input(node, { kind: "transactions", transactions: flood(4_000, wave) });
    }
    expect(isLaneFull(node.state)).toBe(true);
    network.input(node, duties("report"));
    const start = network.now;
    expect(network.run(2_000, () => textsOf(network.node("a")).includes("report"))).toBe(true);
    expect(network.now - start).toBeLessThanOrEqual(60);
    const before = textsOf(network.node("a")).indexOf("report");
    // What was cut before it, at most the window of clients; not the 4 MiB that wait.
    expect(before).toBeLessThanOrEqual(28 * 64);
  });

  test("rule ORDER: while nothing commits, clients stop short of the window and duties do not", () => {
    const solo = new Solo();
    cutAll(solo, solo.input({ kind: "transactions", transactions: flood(4_000, 1) }));
    expect(inFlight(solo)).toBe(28);
    for (let count = 1; count <= 6; count += 1) {
      cutAll(solo, solo.input(duties(`duty ${count}`)));
      expect(inFlight(solo)).toBe(Math.min(28 + count, 32));
    }
    const batches = solo.effects.flatMap((effect) => {
      return effect.kind === "broadcast" && effect.message.body.kind === "batch"
        ? [effect.message.body.batch.batch]
        : [];
    });
    // No client rides in the reserve.
    for (const { transactions } of batches.filter(({ sequence }) => sequence > 28)) {
      const texts = transactions.map((bytes) => new TextDecoder().decode(bytes));
      expect(texts.every((text) => text.startsWith("duty"))).toBe(true);
    }
  });

  test("queues are bounded: clients are refused early and by name, duties have their own room", () => {
    const solo = new Solo();
    solo.input({ kind: "transactions", transactions: flood(9_000, 1) });
    expect(solo.dropped().filter((code) => code === "LANE_FULL").length).toBeGreaterThan(4_000);
    const { queuedBytes, queuedBytesMax, queuedTransactions } = laneLoad(solo.state);
    expect(queuedBytes).toBeLessThanOrEqual(queuedBytesMax + 1_024);
    expect(queuedTransactions).toBeGreaterThan(3_900);
    solo.input(duties("still taken"));
    expect(solo.dropped()).not.toContain("DUTIES_FULL");
    for (let wave = 0; wave < 3; wave += 1) {
      solo.input({ kind: "duties", transactions: flood(1_000, wave) });
    }
    expect(solo.dropped()).toContain("DUTIES_FULL");
    expect(solo.state.lanes.dutyBytes).toBeLessThanOrEqual(1_048_576 + 1_024);
  });
});

describe("the cut shares a block among the lanes", { timeout: 60_000 }, () => {
  test("rule FAIR: no lane gets more while another one that waits gets less", () => {
    const lanes = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 140 });
    fc.assert(
      fc.property(lanes, fc.nat({ max: 200 }), fc.nat(), (waiting, room, seed) => {
        const first = seed % waiting.length;
        const shares = shareOut(waiting, room, first);
        const total = shares.reduce((sum, share) => sum + share, 0);
        const wanted = waiting.reduce((sum, count) => sum + Math.min(count, 16), 0);
        expect(total).toBe(Math.min(room, wanted));
        const unserved = shares.filter((share, lane) => share < Math.min(waiting[lane] ?? 0, 16));
        const least = Math.min(...unserved, 16);
        for (const share of shares) expect(share).toBeLessThanOrEqual(least + 1);
      }),
    );
  });

  test("rule FAIR: with more lanes than room every lane is served in turn", () => {
    const waiting = Array.from({ length: 100 }, () => 16);
    const sums = waiting.map(() => 0);
    for (let round = 0; round < 100; round += 1) {
      const shares = shareOut(waiting, 128, round % 100);
      for (const [lane, share] of shares.entries()) sums[lane] = (sums[lane] ?? 0) + share;
    }
    expect(new Set(sums)).toEqual(new Set([128]));
  });

  test("rule FAIR: twelve members whose clients flood them all get into every block", () => {
    const network = networkOf(12);
    network.start();
    network.run(1_000);
    for (const node of network.nodes.values()) {
      network.input(node, { kind: "transactions", transactions: flood(1_500, 1) });
    }
    const node = network.node("a");
    const from = node.executed.length;
    network.run(60);
    const full = node.executed.slice(from).filter(({ batches }) => batches.length >= 100);
    expect(full.length).toBeGreaterThan(0);
    for (const { block } of full) {
      const authors = new Set(block.block.cut.map(({ author }) => author));
      expect(authors.size).toBe(12);
      expect(authors.has(keyOf("l"))).toBe(true);
    }
  });
});
