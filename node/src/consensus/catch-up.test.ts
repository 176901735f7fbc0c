import { describe, expect, test } from "vitest";
import { Solo } from "../../test/consensus/craft.ts";
import { Network } from "../../test/consensus/network.ts";
import { disagreement, height, textsOf } from "../../test/consensus/observations.ts";
import { setOf } from "../../test/consensus/stub-keys.ts";
import { segmentFrom } from "./segments.ts";
import type { ChainSegment } from "./types.ts";

const FOUR = { a: 1n, b: 1n, c: 1n, d: 1n };

function withFollower(): Network {
  return new Network({ set: setOf(1, FOUR), names: ["a", "b", "c", "d", "late"] });
}

describe("R9", () => {
  test("R9: a new node fetches the chain, follows it, and certifies", () => {
    const network = withFollower();
    network.start("a", "b", "c", "d");
    for (let count = 0; count < 100; count += 1) {
      network.submit("a", `payment ${count}`);
      network.run(50);
    }
    const reached = height(network.node("a"));
    expect(reached).toBeGreaterThan(90);
    network.start("late");
    network.run(2_000);
    const late = network.node("late");
    expect(height(late)).toBeGreaterThanOrEqual(reached);
    expect(textsOf(late)).toEqual(textsOf(network.node("a")));
    expect(late.certified.length).toBeGreaterThan(3);
    expect(late.disk.journal).toEqual([]);
    expect(disagreement(network)).toBeUndefined();
    // From here on it hears everything live: no more requests.
    const before = late.effects.length;
    network.run(5_000);
    const requests = late.effects.slice(before).filter((effect) => {
      return effect.kind === "send" && effect.message.body.kind === "chain-request";
    });
    expect(requests).toEqual([]);
    expect(height(late)).toBeGreaterThanOrEqual(height(network.node("a")) - 1);
  });

  test("R9: history that memory no longer holds comes from the log", () => {
    // One member is enough: what counts is the length of its chain.
    const network = new Network({ set: setOf(1, { a: 1n }), names: ["a", "late"] });
    network.start("a");
    const member = network.node("a");
    for (let count = 0; member.state.chain.baseHeight === 1; count += 1) {
      expect(count).toBeLessThan(1_000);
      network.submit("a", `payment ${count}`);
      network.run(6);
    }
    network.start("late");
    const late = network.node("late");
    expect(network.run(5_000, () => height(late) >= height(member) - 1)).toBe(true);
    expect(height(late)).toBeGreaterThanOrEqual(height(network.node("a")) - 1);
    expect(textsOf(late)).toEqual(textsOf(network.node("a")));
  });

  test("R9: a member cut off for a while is brought to the round of the others", () => {
    const network = new Network({ set: setOf(1, FOUR), names: Object.keys(FOUR) });
    network.start();
    network.run(2_000);
    network.delay = (from, to) => (from === "d" || to === "d" ? undefined : 1);
    network.run(20_000);
    network.delay = () => 1;
    network.run(2_000);
    expect(height(network.node("d"))).toBeGreaterThanOrEqual(height(network.node("a")) - 1);
    const { journal } = network.node("d").disk;
    const signed = journal.length;
    network.run(2_000);
    expect(journal.slice(signed).some(({ statement }) => statement.kind === "vote")).toBe(true);
  });

  test("R9: claims of a liar cost requests, never a round", () => {
    const solo = new Solo();
    const status = { epoch: 1, round: 9_000, qcRound: 9_000, committedHeight: 9_000 };
    const from = solo.set.members.find(({ key }) => key !== solo.state.config.self.key)!.networkKey;
    for (let count = 0; count < 50; count += 1) {
      solo.now += 20;
      const body = { kind: "chain-request", fromHeight: 1 } as const;
      solo.input({ kind: "message", from, message: { status, body } });
      solo.input({ kind: "timer", timer: "sync" });
    }
    expect(solo.state.epoch.round).toBe(1);
    const requests = solo.effects.filter((effect) => {
      return effect.kind === "send" && effect.message.body.kind === "chain-request";
    });
    expect(requests.length).toBeLessThan(10);
  });

  function segment(network: Network): ChainSegment {
    const { committed, baseHeight } = network.node("a").state.chain;
    const source = {
      committed,
      baseHeight,
      certificate: () => undefined,
      epochProof: () => undefined,
    };
    return segmentFrom(source, 1)!;
  }

  const tampered: readonly [string, string, (good: ChainSegment) => ChainSegment][] = [
    ["a block left out", "CHAIN_BROKEN", (good) => ({ ...good, blocks: good.blocks.slice(1) })],
    [
      "no proof of its last block",
      "PROOF_MISMATCH",
      (good) => ({ ...good, blocks: good.blocks.slice(0, -1) }),
    ],
    ["a batch left out", "BATCH_MISSING", (good) => ({ ...good, batches: [] })],
  ];
  test.each(tampered)("R9: a segment with %s is refused", (_, code, tamper) => {
    const network = new Network({ set: setOf(1, FOUR), names: Object.keys(FOUR) });
    network.start();
    network.submit("a", "payment");
    network.run(2_000);
    const good = segment(network);
    const solo = new Solo();
    solo.now = network.now;
    solo.receive("b", { kind: "chain-response", segment: tamper(good) });
    expect(solo.dropped()).toEqual([code]);
    expect(solo.state.epoch.root.height).toBe(0);
    solo.receive("b", { kind: "chain-response", segment: good });
    expect(solo.state.epoch.root.height).toBe(good.blocks.length);
  });
});
