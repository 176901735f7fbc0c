import { describe, expect, test } from "vitest";
import { Network } from "../../test/consensus/network.ts";
import { disagreement, finalityGaps, height } from "../../test/consensus/observations.ts";
import { keyOf, setOf } from "../../test/consensus/stub-keys.ts";
import type { PublicKey } from "../kernel/scalars.ts";
import { type Election, electAfter, leaderOf, leaderOrder } from "./leader-election.ts";
import type { Block } from "./types.ts";

const LETTERS = "abcdefg".split("");
/** Empty blocks come every 250 ms: anything longer than this is a round that failed. */
const GAP_MS = 400;

function networkOf(count: number): Network {
  const names = LETTERS.slice(0, count);
  return new Network({ set: setOf(1, Object.fromEntries(names.map((name) => [name, 1n]))), names });
}

function gapsOf(network: Network, ms: number, name = "a"): readonly number[] {
  return finalityGaps(network, { name, ms, longerThanMs: GAP_MS });
}

describe("R10 over a network", { timeout: 60_000 }, () => {
  test("one of four gone for good: one finality gap, two at worst, whenever it goes", () => {
    const counts: number[] = [];
    for (let moment = 0; moment < 12; moment += 1) {
      const network = networkOf(4);
      network.start();
      network.run(3_000 + 91 * moment);
      network.crash("b");
      const gaps = gapsOf(network, 80_000);
      // More than 256 rounds: the dead leader is not probed again.
      expect(Math.max(...gaps)).toBeLessThan(1_000);
      counts.push(gaps.length);
      expect(disagreement(network)).toBeUndefined();
    }
    expect(Math.max(...counts)).toBeLessThanOrEqual(2);
    expect(counts.filter((count) => count === 1).length).toBeGreaterThanOrEqual(6);
  });

  test("two of seven gone for good: at most two gaps for each", () => {
    for (let moment = 0; moment < 4; moment += 1) {
      const network = networkOf(7);
      network.start();
      network.run(3_000 + 230 * moment);
      network.crash("b");
      network.crash("d");
      const gaps = gapsOf(network, 80_000);
      expect(gaps.length).toBeLessThanOrEqual(4);
      expect(disagreement(network)).toBeUndefined();
    }
  });

  test("gone and back: it leads again within two turns after its first vote, without a gap", () => {
    const network = networkOf(4);
    network.start();
    network.run(3_000);
    network.crash("b");
    network.run(10_000);
    network.restart("b");
    network.run(1_000);
    const { journal } = network.node("b").disk;
    const proposals = () => journal.filter(({ statement }) => statement.kind === "proposal").length;
    const before = proposals();
    expect(gapsOf(network, 10_000)).toEqual([]);
    // 40 rounds, every fourth its own.
    expect(proposals() - before).toBeGreaterThanOrEqual(8);
  });

  test("a member that votes and never proposes costs a vanishing share of the rounds", () => {
    const network = networkOf(4);
    network.delay = (from, _, { body }) => {
      return from === "b" && body.kind === "proposal" ? undefined : 1;
    };
    network.start();
    // About 700 rounds: a failure, another one after its vote, then rests of 256 and 512.
    expect(gapsOf(network, 180_000).length).toBeLessThanOrEqual(4);
  });

  test("a leader slower than the timer is passed over, and the chain keeps its pace", () => {
    const network = networkOf(4);
    network.delay = (from) => (from === "b" ? 700 : 1);
    network.start();
    network.run(10_000);
    const reached = height(network.node("a"));
    const gaps = gapsOf(network, 60_000);
    expect(gaps.length).toBeLessThanOrEqual(2);
    expect(height(network.node("a")) - reached).toBeGreaterThan(220);
  });

  test("a node whose commits were held up agrees about the leader again after one message", () => {
    for (let moment = 0; moment < 6; moment += 1) {
      const network = networkOf(4);
      network.start();
      network.run(3_000);
      network.crash("b");
      network.run(150 * moment);
      // c hears of no commit by order votes: it knows one block less than the others, always.
      network.delay = (_, to, { body }) => {
        const isOrder = body.kind === "order-vote" || body.kind === "certificates";
        return to === "c" && isOrder ? undefined : 1;
      };
      const gaps = gapsOf(network, 30_000);
      expect(gaps.length).toBeLessThanOrEqual(3);
      expect(Math.max(0, ...gaps)).toBeLessThan(1_500);
    }
  });
});

interface Model {
  readonly failures: number;
  readonly rounds: number;
  readonly led: ReadonlyMap<PublicKey, number>;
}

const NAMES = ["a", "b", "c", "d"];
const SET = setOf(1, Object.fromEntries(NAMES.map((name) => [name, 1n])));
const ORDER = leaderOrder("7".repeat(64), SET);

/** A chain in which everybody votes in every block, and `fails` says which proposals come. */
function runModel(rounds: number, fails: (leader: PublicKey, round: number) => boolean): Model {
  let elections: readonly Election[] = [{ round: 0, failed: new Map() }];
  let parent = 0;
  let failures = 0;
  const led = new Map<PublicKey, number>();
  const signatures = NAMES.map((name) => ({ author: keyOf(name), signature: new Uint8Array(64) }));
  for (let round = 1; round <= rounds; round += 1) {
    const leader = leaderOf({ set: SET, order: ORDER }, elections, round);
    led.set(leader, (led.get(leader) ?? 0) + 1);
    if (fails(leader, round)) {
      failures += 1;
      continue;
    }
    const blockId = "0".repeat(64);
    const block: Block = {
      epoch: 1,
      round,
      height: round,
      proposer: leader,
      timestampMs: round,
      qc: { epoch: 1, round: parent, blockId, qcRound: 0, signatures },
      tc: undefined,
      cut: [],
      signsOfLife: [],
    };
    elections = electAfter({ set: SET, order: ORDER }, elections, block);
    parent = round;
  }
  return { failures, rounds, led };
}

describe("R10 over many rounds", () => {
  const liar = keyOf("b");

  test("R10: rests after failures double from 256 rounds to 4096", () => {
    const failedIn: number[] = [];
    const { failures } = runModel(40_000, (leader, round) => {
      if (leader === liar) failedIn.push(round);
      return leader === liar;
    });
    const rests = failedIn.slice(1).map((round, index) => round - (failedIn[index] ?? 0));
    // The first comes back with its vote; n-1 rounds pass until the chain shows that it failed.
    expect(rests[0]).toBeLessThan(16);
    for (const [index, least] of [256, 512, 1_024, 2_048, 4_096, 4_096, 4_096].entries()) {
      expect(rests[index + 1]).toBeGreaterThanOrEqual(least);
      expect(rests[index + 1]).toBeLessThan(least + 16);
    }
    expect(failures).toBeLessThan(16);
  });

  test("R10: who proposes now and then between failures wins no more rounds by it", () => {
    let turn = 0;
    const { failures } = runModel(100_000, (leader) => {
      if (leader !== liar) return false;
      turn += 1;
      return turn % 2 === 0;
    });
    expect(failures / 100_000).toBeLessThan(0.001);
  });

  test("R10: a failure long ago is forgiven once the member led again", () => {
    const failedIn: number[] = [];
    runModel(30_000, (leader, round) => {
      const fails = leader === liar && round % 8_000 < 4;
      if (fails) failedIn.push(round);
      return fails;
    });
    expect(failedIn.length).toBeGreaterThanOrEqual(3);
    const back = runModel(30_000, (leader, round) => leader === liar && round % 8_000 < 4);
    // Each failure is a first one: it leads its fourth of the rounds all the time.
    expect(back.led.get(liar)).toBeGreaterThan(30_000 / 4 - 40);
  });

  test("R10: gaps in which more than f failed make nobody rest", () => {
    const { led } = runModel(20_000, (_, round) => round % 500 < 9);
    for (const name of NAMES) expect(led.get(keyOf(name))).toBeGreaterThan(20_000 / 4 - 1_000);
  });
});
