import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Network, type TestNode } from "../../test/consensus/network.ts";
import { disagreement, height } from "../../test/consensus/observations.ts";
import { CHAIN_ID, keyOf, setOf, signStub } from "../../test/consensus/stub-keys.ts";
import { defined } from "../kernel/assert.ts";
import { toHex } from "../kernel/bytes.ts";
import type { Digest, Height } from "../kernel/scalars.ts";
import { ZERO_DIGEST } from "../kernel/scalars.ts";
import type { Base } from "./base.ts";
import { type Election, electAfter, leaderOf } from "./leader-election.ts";
import { decodeOrdering, encodeOrdering, orderBlock, startOrdering } from "./ordering.ts";
import type { Block } from "./types.ts";

/** A ledger that ends the epoch at the transaction "swap" and knows the spare e. */
function networkOf(seed: number): Network {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
  const network = new Network({
    set: setOf(1, { a: 1n, b: 1n, c: 1n, d: 1n }),
    names: ["a", "b", "c", "d", "e", "late"],
    spares: ["e"],
    delay: () => (random() < 0.03 ? undefined : 1 + Math.floor(random() * 40)),
    nextSet: ({ block }, transactions) => {
      const texts = transactions.map((bytes) => new TextDecoder().decode(bytes));
      if (!texts.includes("swap") || block.epoch > 1) return undefined;
      return setOf(2, { a: 1n, b: 1n, c: 1n, e: 1n });
    },
  });
  network.start("a", "b", "c", "d", "e");
  return network;
}

/** A heartbeat for what `a` has certified, told to `a` alone. */
function beat(network: Network, name: string): void {
  const { chain, set } = network.node("a").state;
  const { epoch } = set;
  const place = { epoch, height: chain.certified, stateRoot: ZERO_DIGEST };
  const signed = signStub(keyOf(name), { kind: "heartbeat", ...place });
  const status = { epoch, round: 0, qcRound: 0, committedHeight: 0 };
  network.inject("e", "a", { status, body: { kind: "statement", signed } });
}

/** Signs of life of a spare and of a stranger, a leader that fails, and a change of the epoch. */
function trouble(network: Network): void {
  for (let turn = 0; turn < 30; turn += 1) {
    network.submit("a", `payment ${turn}`);
    network.submit("b", turn === 15 ? "swap" : `other ${turn}`);
    if (turn === 5) network.crash("c");
    if (turn === 20) network.restart("c");
    for (const name of ["e", "stranger"]) beat(network, name);
    network.run(150);
  }
}

/** Ordering of every height that the node gave to its ledger. */
function orderings(node: TestNode): ReadonlyMap<Height, string> {
  const found = node.effects.flatMap((effect) => {
    if (effect.kind !== "execute") return [];
    return [[effect.block.block.height, toHex(effect.ordering)] as const];
  });
  return new Map(found);
}

function baseAt(node: TestNode, at: Height): Base | undefined {
  const certificate = node.certified.find(({ result }) => result.height === at);
  const executed = node.effects.findLast((effect) => {
    return effect.kind === "execute" && effect.block.block.height === at;
  });
  if (certificate === undefined || executed?.kind !== "execute") return undefined;
  const ordering = decodeOrdering(executed.ordering);
  const { epochProofs } = node.state.chain;
  const spares = [keyOf("e")];
  return { certificate, block: executed.block, ordering, epochProofs, spares };
}

function leaders(node: TestNode): readonly Digest[] {
  const { electorate, ordering } = node.state.chain.ordered;
  const rounds = Array.from({ length: 12 }, (_, index) => ordering.round + 1 + index);
  return rounds.map((round) => leaderOf(electorate, ordering.elections, round));
}

function blockOf(from: { round: number; parent: number; voters: readonly string[] }): Block {
  const { round, parent, voters } = from;
  const signature = new Uint8Array(64);
  const signatures = voters.map((name) => ({ author: keyOf(name), signature }));
  const qc = { epoch: 1, round: parent, blockId: ZERO_DIGEST, qcRound: 0, signatures };
  const place = { epoch: 1, round, height: round, timestampMs: round };
  return { ...place, proposer: keyOf("a"), qc, tc: undefined, cut: [], signsOfLife: [] };
}

describe("ordering", () => {
  test("rule SILENCE: every node gives its ledger the same ordering, whatever it heard", () => {
    const network = networkOf(7);
    trouble(network);
    network.run(4_000);
    const expected = orderings(network.node("a"));
    expect(expected.size).toBeGreaterThan(40);
    for (const name of ["b", "c", "d", "e"]) {
      for (const [at, ordering] of orderings(network.node(name))) {
        expect(ordering, `${name} at ${at}`).toBe(expected.get(at));
      }
    }
  });

  test("rule FIT: a core that starts from any certified height orders like one from genesis", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(100), (seed, percent) => {
        const network = networkOf(seed);
        trouble(network);
        const source = network.node("a");
        const heights = source.certified.map(({ result }) => result.height);
        const at = defined(heights[Math.floor((percent * (heights.length - 1)) / 100)], "height");
        const late = network.node("late");
        late.base = baseAt(source, at);
        expect(late.base).toBeDefined();
        network.delay = () => 1;
        network.restart("late");
        for (let turn = 0; turn < 20; turn += 1) {
          network.submit("a", `later ${turn}`);
          network.run(100);
        }
        network.run(2_000);
        expect(height(late)).toBeGreaterThan(at);
        expect(late.executed[0]?.block.block.height).toBe(at + 1);
        expect(late.halts).toEqual([]);
        const expected = orderings(source);
        for (const [each, ordering] of orderings(late)) {
          expect(ordering, `seed ${seed}, from ${at}, at ${each}`).toBe(expected.get(each));
        }
        expect(late.state.chain.executed).toBe(source.state.chain.executed);
        expect(leaders(late)).toEqual(leaders(source));
        const { view, round } = late.state.epoch.root;
        expect({ view: { ...view, heartbeats: 0 }, round }).toEqual({
          view: { ...source.state.epoch.root.view, heartbeats: 0 },
          round: source.state.epoch.root.round,
        });
        expect(disagreement(network)).toBeUndefined();
      }),
      { numRuns: 8 },
    );
  });

  test("rule FIT: a member that starts from a certified height votes, and agrees on validity", () => {
    const network = networkOf(11);
    trouble(network);
    const heights = network.node("a").certified.map(({ result }) => result.height);
    const base = baseAt(network.node("a"), defined(heights.at(-2), "height"));
    // Its log is gone, its journal is not: what it signed stays promised.
    const member = network.node("b");
    network.crash("b");
    member.disk.chain.length = 0;
    member.base = base;
    network.delay = () => 1;
    network.restart("b");
    const votes = member.disk.journal.length;
    network.submit("a", "after");
    network.run(5_000);
    expect(member.disk.journal.length).toBeGreaterThan(votes);
    const { round } = member.state.epoch;
    const vote = member.disk.journal.findLast(({ statement }) => statement.kind === "vote");
    expect(vote?.statement).toMatchObject({ epoch: 2 });
    expect(round - (vote?.statement.kind === "vote" ? vote.statement.round : 0)).toBeLessThan(5);
    const invalid = [...network.nodes.values()].flatMap(({ effects }) => {
      return effects.filter((effect) => {
        return effect.kind === "observe" && effect.event.kind === "invalid-proposal";
      });
    });
    expect(invalid).toEqual([]);
    expect(disagreement(network)).toBeUndefined();
  });

  test("rule PACE: the elections kept name the leaders that all of them name", () => {
    const names = ["a", "b", "c", "d", "e", "f", "g"];
    const set = setOf(1, Object.fromEntries(names.map((name) => [name, 1n])));
    const blocks = fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.subarray(names)), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(blocks, (steps) => {
        let chain = startOrdering(CHAIN_ID, set, new Map());
        const { electorate } = chain;
        let all: readonly Election[] = chain.ordering.elections;
        for (const [step, voters] of steps) {
          const parent = all.at(-1)?.round ?? 0;
          const block = blockOf({ round: parent + step, parent, voters });
          all = electAfter(electorate, all, block);
          const ordering = decodeOrdering(encodeOrdering(orderBlock(chain, block, []).ordering));
          chain = { ordering, electorate };
          for (let round = block.round + 1; round < block.round + 20; round += 1) {
            const leader = leaderOf(electorate, ordering.elections, round);
            expect(leader).toBe(leaderOf(electorate, all, round));
          }
          expect(ordering.elections.length).toBeLessThanOrEqual(names.length);
        }
      }),
    );
  });

  test("rule SILENCE: heartbeats of strangers leave nothing in the state", () => {
    const set = setOf(1, { a: 1n, b: 1n, c: 1n, d: 1n });
    const beat = (name: string, height: Height) => {
      return signStub(keyOf(name), { kind: "heartbeat", epoch: 1, height, stateRoot: ZERO_DIGEST });
    };
    const signsOfLife = ["a", "spare", "stranger"].map((name) => beat(name, 3));
    const block = { ...blockOf({ round: 1, parent: 0, voters: [] }), signsOfLife };
    const first = orderBlock(startOrdering(CHAIN_ID, set, new Map()), block, [keyOf("spare")]);
    expect(first.ordering.view.heartbeats).toEqual(
      new Map([
        [keyOf("a"), 3],
        [keyOf("spare"), 3],
      ]),
    );
    // Released: the next block forgets it.
    const next = orderBlock(first, blockOf({ round: 2, parent: 1, voters: [] }), []);
    expect(next.ordering.view.heartbeats).toEqual(new Map([[keyOf("a"), 3]]));
  });

  test("the encoding is read back, and trailing bytes are refused", () => {
    const key = keyOf("a");
    const ordering = {
      epoch: 3,
      round: 9,
      view: {
        lanes: new Map([[key, { sequence: 4, digest: "ab".repeat(32) }]]),
        late: new Map([[key, 8]]),
        heartbeats: new Map([[keyOf("e"), 5]]),
      },
      elections: [
        { round: 5, failed: new Map() },
        {
          round: 9,
          failed: new Map([
            [keyOf("d"), { failedAt: 7, strikes: 2, voted: true, led: false }],
            [keyOf("c"), { failedAt: 8, strikes: 1, voted: false, led: false }],
          ]),
        },
      ],
    };
    const bytes = encodeOrdering(ordering);
    expect(decodeOrdering(bytes)).toEqual(ordering);
    expect(encodeOrdering(decodeOrdering(bytes))).toEqual(bytes);
    expect(() => decodeOrdering(Uint8Array.of(...bytes, 0))).toThrow();
  });
});
