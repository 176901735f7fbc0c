import { describe, expect, test } from "vitest";
import type { RepairPlan } from "../../src/consensus/repair-plan.ts";
import { mayVote } from "../../src/consensus/state.ts";
import { defined } from "../../src/kernel/assert.ts";
import { compareText, toHex } from "../../src/kernel/bytes.ts";
import { stateKeyHash } from "../../src/kernel/merkle.ts";
import { PROTOCOLS } from "../../src/ledger/protocol.ts";
import type { LedgerState } from "../../src/ledger/state.ts";
import {
  childTrees,
  proveState,
  type StateTree,
  treeLeaves,
  treeRecords,
} from "../../src/ledger/state-tree.ts";
import { encodeTransaction } from "../../src/ledger/transaction.ts";
import { recordKey } from "../../src/ledger/tree-page.ts";
import { isMute } from "../../src/replica/consensus-view.ts";
import { searchDivergence } from "../../src/replica/difference.ts";
import { executedBlock, replicaStatus } from "../../src/replica/queries.ts";
import { stepReplica } from "../../src/replica/step.ts";
import type { ReplicaBase, ReplicaEffect, ReplicaState } from "../../src/replica/types.ts";
import { quietPlan } from "./quiet-plan.ts";
import { addLife, type Clients, startAll } from "./scenario.ts";
import type { SimNode } from "./sim-node.ts";
import { ODD, TRIGGER } from "./split-fault.ts";
import { World } from "./world.ts";

function members(world: World): readonly SimNode[] {
  return world.nodes.slice(0, 4);
}

function statusOf(node: SimNode) {
  return replicaStatus(defined(node.process, `${node.name} runs`).state);
}

/** Two of four have the bug; the faucet that shows it comes after 2 s. */
function splitWorld(seed = 1, crypto: "stub" | "ed25519" = "stub"): World {
  const world = new World(quietPlan({ seed, healMs: 0 }), { splits: true, crypto });
  for (const node of world.nodes.slice(2)) node.protocols = ODD;
  startAll(world);
  const clients: Clients = addLife(world);
  const account = world.keyring.key("account0");
  const trigger = { kind: "faucet", account, amount: TRIGGER, nonce: 1 } as const;
  world.at(2_000, () => clients.submit(encodeTransaction(trigger), 0));
  world.runUntil(5_000);
  return world;
}

/** Every key of the tree. */
function* keysOf(tree: StateTree, depth = 0): Generator<string> {
  if (treeLeaves(tree) === 1) {
    for (const record of treeRecords(tree)) yield recordKey(record);
  }
  if (treeLeaves(tree) <= 1) return;
  for (const child of childTrees([tree], depth)) yield* keysOf(child, depth + 1);
}

/** What the owners read in the status of their nodes, and agree upon. */
function planOf(world: World) {
  const { certified, epoch } = statusOf(defined(world.nodes[0], "a node"));
  const { height, stateRoot } = defined(certified, "a certified result");
  return { epoch, height, stateRoot, version: 1 };
}

/** The good binary is in place everywhere; these owners approve the plan and start again. */
function repair(world: World, nodes: readonly SimNode[], plan: RepairPlan = planOf(world)): void {
  for (const node of world.nodes) node.protocols = PROTOCOLS;
  for (const node of nodes) {
    world.stop(node, "kill");
    node.repair = plan;
    world.at(world.now + 100 + node.index * 70, () => world.start(node));
  }
}

function endorsements({ disk }: SimNode) {
  return [...disk.journal.values()].filter(({ statement }) => statement.kind === "endorsement");
}

/** Newest certificate in the node's log. */
function certifiedOnDisk({ disk }: SimNode) {
  const found = disk.chain.flatMap((record) => {
    return record.kind === "certified" ? [record.certificate.result] : [];
  });
  return defined(found.at(-1), "a certificate");
}

/** The node's snapshot of a certified height, while its memory still holds that height. */
function snapshotOf(node: SimNode, height: number): ReplicaBase {
  const { state } = defined(node.process, `${node.name} runs`);
  const { block, certificate } = defined(executedBlock(state, height), `block ${height}`);
  return {
    certificate: defined(certificate, `the certificate of ${height}`),
    block,
    epochProofs: state.epochProofs,
    ledger: defined(state.ledgers.get(height), `the state at ${height}`),
  };
}

describe("rule SPLIT", { timeout: 240_000 }, () => {
  test("rule SPLIT: two of four differ: nothing certifies, all stop, both groups are named", () => {
    const world = splitWorld();
    const stopped = world.effectChecker.certifiedHeight;
    const rounds = members(world).map((node) => statusOf(node).round);
    const signed = members(world).map(({ disk }) => disk.journal.size);
    world.runUntil(9_000);
    expect(world.effectChecker.certifiedHeight).toBe(stopped);
    expect(members(world).map((node) => statusOf(node).round)).toEqual(rounds);
    expect(members(world).map(({ disk }) => disk.journal.size)).toEqual(signed);
    for (const node of members(world)) {
      const { split, height } = statusOf(node);
      expect(split?.height).toBe(stopped + 1);
      expect(height).toBe(stopped + 1);
      const [first = "", second = "", third = "", fourth = ""] = members(world).map(
        ({ key }) => key,
      );
      const groups = split?.groups.map(({ members: keys }) => keys.toSorted()) ?? [];
      const wanted = [[first, second].toSorted(), [third, fourth].toSorted()];
      expect(groups.toSorted()).toEqual(wanted.toSorted());
    }
    expect(world.counts.values.get("evidence found: attestation")).toBeUndefined();
  });

  test("rule SPLIT: the first differing leaf is named on both sides", () => {
    const world = splitWorld();
    const { height } = defined(statusOf(defined(world.nodes[0], "a node")).split, "a split");
    const [left, right] = [0, 2].map((index) => {
      const { state } = defined(defined(world.nodes[index], "a node").process, "a process");
      return defined(state.ledgers.get(height), "the state at the split");
    });
    if (left === undefined || right === undefined) throw new Error("two groups");
    // All leaves of both states by their hashes: the first whose values are not the same.
    const names = [left, right].flatMap(({ tree }) => [...keysOf(tree)]);
    const keys = [...new Set(names)].toSorted((one, two) =>
      compareText(stateKeyHash(one), stateKeyHash(two)),
    );
    const leafOf = (ledger: LedgerState, key: string) => {
      const { value } = proveState(ledger, key);
      return value === undefined ? undefined : toHex(value);
    };
    const first = keys.find((key) => leafOf(left, key) !== leafOf(right, key));
    for (const node of members(world)) {
      const { difference } = statusOf(node);
      const found = [first, `sha256:${stateKeyHash(first ?? "")}`];
      expect(found).toContain(difference);
    }
    expect(members(world).map((node) => statusOf(node).difference)).toContain(first);
  });

  test("rule EVIDENCE: a node whose own state differs from a quorum's names the first leaf", () => {
    const world = splitWorld();
    const [good, bad] = [0, 2].map((index) => {
      const node = defined(world.nodes[index], "a node");
      const { state } = defined(node.process, "a process");
      const { height, groups } = defined(statusOf(node).split, "a split");
      const own = groups.find(({ members }) => members.includes(state.config.self.key));
      const consensus = {
        ...state.consensus,
        chain: { ...state.consensus.chain, split: undefined },
      };
      const alone = { ...state, consensus, difference: undefined };
      return {
        node,
        height,
        state: { ...alone, stateAnswers: new Map() },
        own: defined(own, "the own group"),
      };
    });
    if (good === undefined || bad === undefined) throw new Error("two nodes");
    const signature = new Uint8Array(64);
    const signatures = good.own.members.map((author) => ({ author, signature }));
    const certificate = { result: good.own.result, signatures };
    const work = {
      state: { ...bad.state, halted: "its root differs" },
      effects: [],
      now: world.now,
    };
    searchDivergence(work, { own: bad.own.result, certificate });
    let [asked, answering]: ReplicaState[] = [work.state, good.state];
    const queue: ReplicaEffect[] = [...work.effects];
    let questions = 0;
    for (let effect = queue.shift(); effect !== undefined; effect = queue.shift()) {
      if (effect.kind !== "send" || effect.to !== good.node.networkKey) continue;
      questions += 1;
      const from = bad.node.networkKey;
      const { message } = effect;
      const answer = stepReplica(defined(answering, "peer"), { kind: "message", from, message }, 0);
      answering = answer.state;
      for (const each of answer.effects) {
        if (each.kind !== "send") continue;
        const back = { kind: "message", from: effect.to, message: each.message } as const;
        const taken = stepReplica(defined(asked, "node"), back, 0);
        asked = taken.state;
        queue.push(...taken.effects);
      }
    }
    const leaf = statusOf(bad.node).difference;
    expect(asked?.difference?.leaf).toBe(leaf);
    expect(asked?.halted).toBe(`its root differs; the first leaf: ${leaf}`);
    // A peer is answered as much as one search needs, of one height after the other.
    expect(answering?.stateAnswers.get(bad.node.networkKey)?.count).toBe(questions);
    const height = good.height;
    const body = { kind: "state-request", height, path: "" } as const;
    const status = { epoch: 1, round: 1, qcRound: 0, committedHeight: 0 };
    let answers = 0;
    for (let count = 0; count < 1_000; count += 1) {
      const input = { kind: "message", from: "flooder", message: { status, body } } as const;
      const step = stepReplica(defined(answering, "peer"), input, 0);
      answering = step.state;
      answers += step.effects.length;
    }
    expect(answers).toBe(512);
  });

  test("rule SPLIT: an answer that the other group did not attest leads nowhere", () => {
    const world = splitWorld();
    const node = defined(world.nodes[0], "a node");
    const state = defined(node.process, "a process").state;
    const { height } = defined(statusOf(node).split, "a split");
    const difference = {
      height,
      peers: [],
      asked: 1,
      path: "",
      expected: "ab".repeat(32),
      leaf: undefined,
    };
    const lie = { kind: "leaf", keyHash: "11".repeat(32), valueHash: "22".repeat(32) } as const;
    const body = { kind: "state-response", height, path: "", node: lie } as const;
    const status = { epoch: 1, round: 1, qcRound: 0, committedHeight: 0 };
    const from = defined(world.nodes[2], "a peer").networkKey;
    const step = stepReplica(
      { ...state, difference },
      { kind: "message", from, message: { status, body } },
      world.now,
    );
    expect(step.state.difference).toEqual(difference);
    expect(step.effects).toEqual([]);
  });

  test("rule SPLIT: a client is told, and nobody withdraws", () => {
    const world = splitWorld();
    const account = world.keyring.key("account0");
    const bytes = encodeTransaction({ kind: "faucet", account, amount: 2n, nonce: 2 });
    const codes: string[] = [];
    world.clients.set(99_999, (answer) => {
      codes.push(answer.kind === "refused" ? answer.refusal.code : "certified");
    });
    const [node] = world.nodes;
    const submissions = [{ request: 99_999, transaction: bytes }];
    world.input(defined(node, "a node"), { kind: "submit", submissions });
    expect(codes).toEqual(["SPLIT"]);
  });

  test("rule SPLIT: a repair by a quorum goes on from the last certified result", () => {
    const world = splitWorld();
    const plan = planOf(world);
    repair(world, members(world).slice(0, 3));
    world.runUntil(12_000);
    expect(world.effectChecker.certifiedHeight).toBeGreaterThan(plan.height + 5);
    // The fourth saw the quorum's proof, wrote it down and began anew by itself.
    expect(world.counts.values.get("restarts by a repair")).toBeGreaterThan(0);
    for (const node of members(world)) {
      const { epoch, split, halted } = statusOf(node);
      expect([epoch, split, halted]).toEqual([plan.epoch + 1, undefined, undefined]);
      const { ledger } = defined(node.process, "process").state;
      expect(ledger.voids.get(String(plan.epoch))).toBe(plan.height);
      expect(ledger.set.members.map(({ key }) => key)).toHaveLength(4);
    }
    // The faucet that split the chain was ordered again, and executed by everybody.
    expect(world.counts.values.get("transactions certified")).toBeGreaterThan(0);
    expect(world.counts.values.get("evidence found: attestation")).toBeUndefined();
  });

  test("rule SPLIT: a node with a snapshot of the repair's very height starts and goes on", () => {
    const world = splitWorld();
    const plan = planOf(world);
    const node = defined(world.nodes[1], "a node");
    const base = snapshotOf(node, plan.height);
    repair(world, members(world).slice(0, 3));
    world.runUntil(9_000);
    expect(statusOf(node).epoch).toBe(plan.epoch + 1);
    world.stop(node, "power");
    node.disk.base = base;
    world.start(node);
    const { height } = statusOf(node);
    world.runUntil(12_000);
    expect(statusOf(node).halted).toBeUndefined();
    expect(statusOf(node).height).toBeGreaterThan(height + 5);
    const { ledger } = defined(node.process, "process").state;
    expect(ledger.voids.get(String(plan.epoch))).toBe(plan.height);
  });

  test("rule SPLIT: a repair opens on nodes that begin at a snapshot of its very height", () => {
    const world = splitWorld();
    const plan = planOf(world);
    for (const node of members(world)) node.disk.base = snapshotOf(node, plan.height);
    repair(world, members(world).slice(0, 3));
    world.runUntil(12_000);
    expect(world.effectChecker.certifiedHeight).toBeGreaterThan(plan.height + 5);
    for (const node of members(world)) {
      expect([statusOf(node).epoch, statusOf(node).halted]).toEqual([plan.epoch + 1, undefined]);
    }
  });

  test("rule SPLIT: a plan below a height that this node's log has certified is refused", () => {
    const world = new World(quietPlan({ seed: 1, healMs: 0 }));
    startAll(world);
    addLife(world);
    world.runUntil(2_000);
    const [node] = members(world);
    const plan = planOf(world);
    world.runUntil(4_000);
    for (const each of world.nodes) world.stop(each, "kill");
    // Nothing is on its way any more: its own log is all that it has.
    world.runUntil(4_500);
    const first = defined(node, "a node");
    first.repair = plan;
    expect(() => {
      world.start(first);
      world.runUntil(6_000);
    }).toThrow(/repair.json names height \d+: height \d+ is certified/);
    expect(endorsements(first)).toHaveLength(0);
  });

  test("rule SPLIT: what all attested and nobody has seen certified yet is not made void", () => {
    const world = new World(quietPlan({ seed: 1, healMs: 0 }));
    startAll(world);
    addLife(world);
    world.runUntil(2_000);
    world.isLost = (_from, _to, { body }) => {
      if (body.kind === "result-certificate") return true;
      return body.kind === "statement" && body.signed.statement.kind === "attestation";
    };
    world.runUntil(2_500);
    for (const each of members(world)) {
      world.stop(each, "kill");
    }
    const results = members(world).map(certifiedOnDisk);
    const newest = results.reduce((left, right) => (left.height > right.height ? left : right));
    const { height, stateRoot } = newest;
    for (const each of members(world)) {
      each.repair = { epoch: 1, version: 1, height, stateRoot };
      world.start(each);
    }
    world.runUntil(4_000);
    expect(members(world).flatMap(endorsements)).toEqual([]);
    world.isLost = () => false;
    expect(() => world.runUntil(6_000)).toThrow(/height \d+ is certified/);
    expect(members(world).flatMap(endorsements)).toEqual([]);
  });

  test("rule SPLIT: without a lost member's word its owners' peers wait, or name it as lost", () => {
    const world = splitWorld();
    const plan = planOf(world);
    const before = world.effectChecker.certifiedHeight;
    const fourth = defined(world.nodes[3], "a node");
    world.stop(fourth, "kill");
    fourth.gone = true;
    const three = members(world).slice(0, 3);
    repair(world, three, plan);
    world.runUntil(9_000);
    expect(world.effectChecker.certifiedHeight).toBe(before);
    expect(three.flatMap(endorsements)).toEqual([]);
    repair(world, three, { ...plan, lost: [fourth.key] });
    world.runUntil(14_000);
    expect(world.effectChecker.certifiedHeight).toBeGreaterThan(before + 3);
  });

  test("rule SPLIT: a member that restarts with the good binary still tells what it attested", () => {
    const world = splitWorld();
    const plan = planOf(world);
    repair(world, members(world).slice(0, 3), plan);
    const fourth = defined(world.nodes[3], "a node");
    world.stop(fourth, "kill");
    world.at(world.now + 300, () => world.start(fourth));
    world.runUntil(12_000);
    expect(world.effectChecker.certifiedHeight).toBeGreaterThan(plan.height + 5);
  });

  test("rule SPLIT: an epoch that splits before it certified anything is repaired a second time", () => {
    const world = splitWorld();
    const plan = planOf(world);
    const [, second, , late] = members(world);
    const fourth = defined(late, "a node");
    const restarted = defined(second, "a node");
    const base = snapshotOf(restarted, plan.height);
    repair(world, members(world).slice(0, 3), plan);
    // The bug is still there: what was ordered before splits the new epoch in its first block.
    for (const node of world.nodes.slice(2)) node.protocols = ODD;
    world.runUntil(9_000);
    expect(statusOf(defined(world.nodes[0], "a node")).split?.height).toBe(plan.height + 1);
    const again = planOf(world);
    expect(again).toEqual({ ...plan, epoch: plan.epoch + 1 });
    world.stop(fourth, "kill");
    repair(world, members(world).slice(0, 3), { ...again, lost: [fourth.key] });
    world.runUntil(12_000);
    expect(world.effectChecker.certifiedHeight).toBeGreaterThan(plan.height + 5);
    // Who was away meanwhile follows both repairs, and so does who starts with a snapshot there.
    world.start(fourth);
    world.stop(restarted, "kill");
    restarted.disk.base = base;
    world.start(restarted);
    world.runUntil(15_000);
    for (const node of members(world)) {
      expect([statusOf(node).epoch, statusOf(node).halted]).toEqual([plan.epoch + 2, undefined]);
      const { ledger } = defined(node.process, "process").state;
      const voids = [plan.epoch, plan.epoch + 1].map((epoch) => ledger.voids.get(String(epoch)));
      expect(voids).toEqual([plan.height, plan.height]);
    }
  });

  test("rule SPLIT: below a quorum of owners nothing goes on", () => {
    const world = splitWorld();
    const before = world.effectChecker.certifiedHeight;
    repair(world, members(world).slice(0, 2));
    world.runUntil(10_000);
    expect(world.effectChecker.certifiedHeight).toBe(before);
    repair(world, members(world).slice(2, 3));
    world.runUntil(15_000);
    expect(world.effectChecker.certifiedHeight).toBeGreaterThan(before + 3);
  });

  test("rule SPLIT: a good binary alone changes no attestation that was signed", () => {
    const world = splitWorld();
    const before = world.effectChecker.certifiedHeight;
    for (const node of world.nodes.slice(2, 4)) {
      world.stop(node, "kill");
      node.protocols = PROTOCOLS;
      world.start(node);
    }
    world.runUntil(9_000);
    expect(world.counts.values.get("signature refused: attestation")).toBeGreaterThan(0);
    expect(world.effectChecker.certifiedHeight).toBe(before);
  });

  test("rule SPLIT: a key endorses one repair of an epoch, also when its owner changes his mind", () => {
    const world = splitWorld();
    const plan = planOf(world);
    const [first] = members(world);
    const node = defined(first, "a node");
    repair(world, [node], plan);
    world.runUntil(world.now + 3_000);
    expect(endorsements(node)).toHaveLength(1);
    world.stop(node, "kill");
    node.repair = { ...plan, version: 2 };
    expect(() => {
      world.start(node);
      world.runUntil(world.now + 3_000);
    }).toThrow("endorsed another repair");
    expect(endorsements(node)).toHaveLength(1);
  });

  test("rules SPLIT, JOURNAL: an endorsement binds also when the owner's file is gone", () => {
    const world = splitWorld();
    const node = defined(world.nodes[0], "a node");
    repair(world, [node]);
    world.runUntil(world.now + 3_000);
    expect(endorsements(node)).toHaveLength(1);
    world.stop(node, "kill");
    node.repair = undefined;
    world.start(node);
    const { consensus } = defined(node.process, "process").state;
    expect(consensus.chain.split).toBeUndefined();
    expect(mayVote(consensus)).toBe(false);
    expect(isMute(defined(node.process, "process").state)).toBe(true);
    const { size } = node.disk.journal;
    world.runUntil(world.now + 3_000);
    expect(node.disk.journal.size).toBe(size);
  });

  test("rule SPLIT: a plan with a version that can't follow is refused before it is endorsed", () => {
    const world = splitWorld();
    const node = defined(world.nodes[0], "a node");
    repair(world, [node], { ...planOf(world), version: 3 });
    expect(() => world.runUntil(world.now + 3_000)).toThrow("version 1 is active, write 1 or 2");
    expect(endorsements(node)).toEqual([]);
  });

  test("rule SPLIT: a plan with another root than the certified one is refused", () => {
    const world = splitWorld();
    const [node] = members(world);
    const plan = { ...planOf(world), stateRoot: "ab".repeat(32) };
    repair(world, [defined(node, "a node")], plan);
    expect(() => world.runUntil(world.now + 3_000)).toThrow("repair.json names root");
  });

  test.each([1, 2, 3])("rule SPLIT: crashes while the epoch opens change nothing (%i)", (seed) => {
    const world = splitWorld(seed, "ed25519");
    const plan = planOf(world);
    repair(world, members(world));
    for (const [index, node] of members(world).entries()) {
      const die = () => {
        world.stop(node, index % 2 === 0 ? "power" : "kill");
        world.at(world.now + 200, () => world.start(node));
      };
      world.at(world.now + 110 + index * 70, () => {
        node.doom = { left: seed * 7 + index * 11, die };
      });
    }
    world.runUntil(16_000);
    expect(world.effectChecker.certifiedHeight).toBeGreaterThan(plan.height + 5);
    expect(new Set(members(world).map((each) => statusOf(each).epoch))).toEqual(
      new Set([plan.epoch + 1]),
    );
  });
});
