import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Network, type TestNode } from "../../test/consensus/network.ts";
import { disagreement, height, textsOf } from "../../test/consensus/observations.ts";
import { keyOf, setOf } from "../../test/consensus/stub-keys.ts";
import { faultyPower, memberIndex, powerOf, validatorSet } from "../kernel/validator-set.ts";
import { type Election, electAfter, leaderOf, leaderOrder } from "./leader-election.ts";
import type { Block } from "./types.ts";

const LETTERS = "abcdefg".split("");

function networkOf(count: number): Network {
  const names = LETTERS.slice(0, count);
  return new Network({ set: setOf(1, Object.fromEntries(names.map((name) => [name, 1n]))), names });
}

function timeouts(node: TestNode): number {
  return node.effects.filter((effect) => {
    return effect.kind === "observe" && effect.event.kind === "round-timed-out";
  }).length;
}

test("R1: a leader proposes once in its round, on its highest certificate", () => {
  const network = networkOf(4);
  network.start();
  network.run(3_000);
  network.crash("b");
  network.submit("c", "payment");
  network.run(10_000);
  for (const node of network.nodes.values()) {
    const rounds = node.effects.flatMap((effect) =>
      effect.kind === "sign" && effect.statement.kind === "proposal"
        ? [effect.statement.round]
        : [],
    );
    expect(rounds.length).toBeGreaterThan(0);
    expect(new Set(rounds).size).toBe(rounds.length);
    const blocks = node.effects.flatMap((effect) => {
      if (effect.kind !== "broadcast" || effect.message.body.kind !== "proposal") return [];
      return [{ ...effect.message.body.block.block, known: effect.message.status.qcRound }];
    });
    for (const { round, qc, tc, known } of blocks) {
      expect(qc.round).toBe(known);
      expect(tc === undefined).toBe(qc.round + 1 === round);
    }
  }
});

describe("rule PACE", () => {
  test("R11, rule PACE: an idle chain makes a block every 250 ms", () => {
    const network = networkOf(4);
    network.start();
    network.run(10_000);
    const blocks = height(network.node("a"));
    expect(blocks).toBeGreaterThanOrEqual(38);
    expect(blocks).toBeLessThanOrEqual(41);
  });

  test("rule PACE: a block with transactions does not wait for the pace", () => {
    const network = networkOf(4);
    network.start();
    network.run(5_100);
    network.submit("b", "payment");
    const start = network.now;
    const done = network.run(1_000, () => textsOf(network.node("a")).includes("payment"));
    expect(done).toBe(true);
    expect(network.now - start).toBeLessThanOrEqual(30);
  });

  test.each([4, 5, 6, 7])("rule PACE: with %i members a crashed leader is probed once", (count) => {
    const network = networkOf(count);
    network.start();
    network.run(3_000);
    network.crash("b");
    const before = timeouts(network.node("a"));
    const reached = height(network.node("a"));
    network.run(60_000);
    expect(timeouts(network.node("a")) - before).toBeLessThanOrEqual(1);
    // One timer in a minute; every other block keeps its pace.
    expect(height(network.node("a")) - reached).toBeGreaterThan(220);
    expect(disagreement(network)).toBeUndefined();
  });

  test("rule PACE: a leader that failed leads again once its own vote is on the chain", () => {
    const network = networkOf(4);
    network.start();
    network.run(3_000);
    network.crash("b");
    network.run(10_000);
    network.restart("b");
    const { journal } = network.node("b").disk;
    const signed = journal.length;
    network.run(10_000);
    const later = journal.slice(signed).map(({ statement }) => statement.kind);
    const firstVote = later.indexOf("vote");
    expect(firstVote).toBeGreaterThanOrEqual(0);
    expect(later.indexOf("proposal")).toBeGreaterThan(firstVote);
  });

  test("rule PACE: a network slower than the timer's floor still commits", () => {
    const network = networkOf(4);
    network.delay = () => 900;
    network.start();
    network.run(120_000);
    expect(height(network.node("a"))).toBeGreaterThan(10);
    expect(disagreement(network)).toBeUndefined();
  });
});

/** A committed block as leader election reads it. */
function committed(round: number, parentRound: number, voters: readonly string[]): Block {
  const signatures = voters.map((name) => ({ author: keyOf(name), signature: new Uint8Array(64) }));
  const blockId = "0".repeat(64);
  return {
    epoch: 1,
    round,
    height: round,
    proposer: keyOf("a"),
    timestampMs: round,
    qc: { epoch: 1, round: parentRound, blockId, qcRound: 0, signatures },
    tc: undefined,
    cut: [],
    signsOfLife: [],
  };
}

describe("leader election", () => {
  const chainId = "7".repeat(64);

  test("R10: without failures every member leads once in n rounds", () => {
    for (const count of [4, 5, 6, 7]) {
      const set = setOf(1, Object.fromEntries(LETTERS.slice(0, count).map((name) => [name, 1n])));
      const order = leaderOrder(chainId, set);
      const none: readonly Election[] = [{ round: 0, failed: new Map() }];
      const leaders = order.map((_, index) => leaderOf({ set, order }, none, 40 * count + index));
      expect(new Set(leaders).size).toBe(count);
    }
  });

  test("rule SWAP: a muted member never leads", () => {
    const { members } = setOf(1, { a: 1n, b: 1n, c: 1n, d: 1n });
    const set = validatorSet(
      1,
      members.map((member) => ({ ...member, muted: member.key === keyOf("c") })),
    );
    const order = leaderOrder(chainId, set);
    const none: readonly Election[] = [{ round: 0, failed: new Map() }];
    for (let round = 1; round < 100; round += 1) {
      expect(leaderOf({ set, order }, none, round)).not.toBe(keyOf("c"));
    }
  });

  test("rule PACE: never more than f is passed over, and a vote of its own brings a leader back", () => {
    const power = fc.integer({ min: 1, max: 9 });
    const gap = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(
        fc.array(power, { minLength: 4, maxLength: 7 }),
        fc.array(fc.tuple(gap, fc.subarray(LETTERS)), { maxLength: 30 }),
        (powers, blocks) => {
          const names = LETTERS.slice(0, powers.length);
          const set = setOf(
            1,
            Object.fromEntries(names.map((name, index) => [name, BigInt(powers[index] ?? 1)])),
          );
          const order = leaderOrder(chainId, set);
          let elections: readonly Election[] = [{ round: 0, failed: new Map() }];
          let round = 0;
          for (const [step, voters] of blocks) {
            const parent = round;
            round += step;
            const present = voters.filter((name) => names.includes(name));
            elections = electAfter({ set, order }, elections, committed(round, parent, present));
            for (const name of present) {
              const standing = elections.at(-1)?.failed.get(keyOf(name));
              const back = standing === undefined || standing.voted || standing.failedAt >= parent;
              expect(back).toBe(true);
            }
          }
          // Over one turn of the substitutes, all but f of the power leads.
          const far = round + order.length;
          const leaders = new Set<string>();
          for (let next = far; next < far + order.length * order.length; next += 1) {
            const leader = leaderOf({ set, order }, elections, next);
            expect(memberIndex(set, leader)).toBeGreaterThanOrEqual(0);
            leaders.add(leader);
          }
          const total = powers.reduce((sum, each) => sum + BigInt(each), 0n);
          expect(total - powerOf(set, leaders)).toBeLessThanOrEqual(faultyPower(set));
        },
      ),
    );
  });
});
