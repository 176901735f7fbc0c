import { describe, expect, test } from "vitest";
import { batchOf, orderVoteOf, qcOf, Solo, seal } from "../../test/consensus/craft.ts";
import { runFuzz } from "../../test/consensus/fuzz.ts";
import { Network } from "../../test/consensus/network.ts";
import { disagreement, height, textsOf } from "../../test/consensus/observations.ts";
import { keyOf, setOf, signStub } from "../../test/consensus/stub-keys.ts";
import { readHistory } from "./history.ts";
import { recover } from "./recover.ts";
import { step } from "./step.ts";

const FOUR = { a: 1n, b: 1n, c: 1n, d: 1n };
const NAMES = Object.keys(FOUR);

function four(): Network {
  return new Network({ set: setOf(1, FOUR), names: NAMES });
}

describe("rule JOURNAL", () => {
  test("rule JOURNAL: a crashed node votes again within 3 s of its restart", () => {
    const network = four();
    network.start();
    network.run(5_000);
    network.crash("c");
    network.run(5_000);
    const { journal } = network.node("c").disk;
    const signed = journal.length;
    network.restart("c");
    const start = network.now;
    const voted = network.run(3_000, () => {
      return journal.slice(signed).some(({ statement }) => statement.kind === "vote");
    });
    expect(voted).toBe(true);
    expect(network.now - start).toBeLessThan(3_000);
  });

  test("rule JOURNAL: after a power cut of all nodes the chain commits again", () => {
    for (let moment = 0; moment < 40; moment += 1) {
      const network = four();
      network.start();
      network.submit("a", "before");
      network.run(200 + moment * 7);
      for (const name of NAMES) network.crash(name);
      for (const name of NAMES) network.restart(name);
      network.run(50);
      const reached = Math.max(...NAMES.map((name) => height(network.node(name))));
      network.run(4_000);
      for (const name of NAMES) {
        expect(height(network.node(name))).toBeGreaterThan(reached + 3);
        expect(textsOf(network.node(name))).toEqual(["before"]);
      }
      expect(disagreement(network)).toBeUndefined();
    }
  });

  test("rule JOURNAL: crashes, cuts and losses of every kind never split the chain nor stop it", () => {
    const set = setOf(1, FOUR);
    for (let seed = 1; seed <= 8; seed += 1) {
      expect([seed, runFuzz(seed, { set, names: NAMES })]).toEqual([seed, undefined]);
    }
    const powers = { a: 2n, b: 3n, c: 4n, d: 2n, e: 3n, f: 4n, g: 2n };
    const seven = { set: setOf(1, powers), names: Object.keys(powers) };
    expect(runFuzz(77, seven)).toBeUndefined();
  });

  test("rule JOURNAL: safety data is the highest of all that was ever signed in the epoch", () => {
    const network = four();
    network.start();
    network.run(2_000);
    const node = network.node("a");
    const { disk, config } = node;
    const recovered = recover(config, disk);
    const highest = (field: "lastVotedRound" | "oneChainRound"): number => {
      return Math.max(...disk.journal.map(({ safety }) => safety[field]));
    };
    expect(recovered.epoch.safety.lastVotedRound).toBe(highest("lastVotedRound"));
    expect(recovered.epoch.safety.oneChainRound).toBe(highest("oneChainRound"));
    expect(recovered.epoch.safety).toEqual(node.state.epoch.safety);
    expect(recovered.epoch.root.id).toBe(node.state.epoch.root.id);
    expect(recovered.epoch.elections).toEqual(node.state.epoch.elections);
    expect(readHistory(config, disk.chain).committed.length).toBe(recovered.epoch.root.height);
  });

  test("rule JOURNAL: a batch is in the log before it is signed, and is signed after a power cut", () => {
    const solo = new Solo();
    solo.input({ kind: "transactions", transactions: [new TextEncoder().encode("payment")] });
    solo.now += 10;
    const effects = solo.input({ kind: "timer", timer: "batch" });
    const kinds = effects.map((effect) =>
      effect.kind === "store" ? effect.record.kind : effect.kind,
    );
    expect(kinds.indexOf("batch")).toBeGreaterThanOrEqual(0);
    expect(kinds.indexOf("sign")).toBeGreaterThan(kinds.indexOf("batch"));
    const chain = effects.flatMap((effect) => (effect.kind === "store" ? [effect.record] : []));
    // The power went before the signature: the same batch is signed at the next start.
    const recovered = recover(solo.state.config, { journal: [], chain });
    const again = step(recovered, { kind: "start" }, solo.now).effects;
    expect(again.find((effect) => effect.kind === "sign")).toMatchObject({
      statement: { kind: "batch", sequence: 1 },
    });
    // It was signed, but not sent: the journal has the signature, the batch goes out.
    const { digest } = batchOf("a", 1, "payment");
    const statement = { kind: "batch", sequence: 1, digest } as const;
    const { signature } = signStub(keyOf("a"), statement);
    const { safety } = solo.state.epoch;
    const journal = [{ statement, author: keyOf("a"), signature, safety }];
    const signed = recover(solo.state.config, { journal, chain });
    const sent = step(signed, { kind: "start" }, solo.now).effects;
    expect(sent.some((effect) => effect.kind === "sign")).toBe(false);
    expect(
      sent.some((effect) => {
        return effect.kind === "broadcast" && effect.message.body.kind === "batch";
      }),
    ).toBe(true);
  });

  test("rule JOURNAL: a block known from a commit proof alone is stored before it is committed", () => {
    const names = ["b", "c", "d"];
    const solo = new Solo();
    const stored = () =>
      solo.effects.flatMap((each) => (each.kind === "store" ? [each.record] : []));
    const first = solo.block();
    solo.receive("b", { kind: "proposal", block: first });
    solo.now += 10;
    const child = solo.block({ qc: qcOf(names, first), round: 2, height: 2 });
    const qc = qcOf(names, child);
    // The certificate of the child is here first: the two chain commits its parent, not the child.
    solo.receive("b", { kind: "certificates", qc, tc: undefined, order: undefined });
    solo.receive("b", { kind: "block-response", block: child });
    expect(solo.state.epoch.root.id).toBe(first.id);
    const chain = stored();
    const written = (id: string): boolean => {
      return stored().some((record) => record.kind === "block" && record.block.id === id);
    };
    expect(written(child.id)).toBe(false);
    solo.state = recover(solo.state.config, { journal: [], chain });
    solo.effects.length = 0;
    solo.input({ kind: "start" });
    for (const name of names) {
      solo.receive(name, { kind: "order-vote", signed: orderVoteOf(name, child), qc });
    }
    expect(solo.state.epoch.root.id).toBe(child.id);
    expect(written(child.id)).toBe(true);
  });

  test("rule JOURNAL: a batch whose place was signed before waits until the chain has passed it", () => {
    const solo = new Solo();
    const batches = () => solo.signed("batch").map((each) => "sequence" in each && each.sequence);
    const later = (ms: number) => {
      solo.now += ms;
      solo.input({ kind: "timer", timer: "batch" });
    };
    const refuse = () => {
      const statement = solo.signed("batch").at(-1);
      if (statement !== undefined) solo.input({ kind: "refused", statement });
    };
    solo.input({ kind: "transactions", transactions: [new TextEncoder().encode("payment")] });
    later(10);
    refuse();
    later(900);
    expect(batches()).toEqual([1]);
    later(100);
    expect(batches()).toEqual([1, 1]);
    refuse();
    // Peers had the batch that this log has lost: it is ordered, and the lane goes on after it.
    const { root } = solo.state.epoch;
    const lanes = new Map([[keyOf("a"), { sequence: 1, digest: "1".repeat(64) }]]);
    const epoch = { ...solo.state.epoch, root: { ...root, view: { ...root.view, lanes } } };
    solo.state = { ...solo.state, epoch };
    later(1_000);
    expect(batches()).toEqual([1, 1, 2]);
    expect(solo.state.lanes.draft?.batch.previous).toBe("1".repeat(64));
    expect(solo.state.lanes.draft?.batch.transactions).toHaveLength(1);
  });
});

describe("purity", () => {
  test("step never touches its argument and gives the same answer twice", () => {
    const solo = new Solo();
    const before = solo.state;
    const copy = structuredClone({ ...before, config: undefined });
    const block = seal(solo.block().block);
    const message = {
      status: { epoch: 1, round: 1, qcRound: 0, committedHeight: 0 },
      body: { kind: "proposal", block },
    } as const;
    const input = { kind: "message", from: "f".repeat(64), message } as const;
    const first = step(before, input, solo.now);
    const second = step(before, input, solo.now);
    expect({ ...before, config: undefined }).toEqual(copy);
    expect(first.effects).toEqual(second.effects);
    expect(first.state).toEqual(second.state);
    expect(first.effects.length).toBeGreaterThan(0);
  });
});
