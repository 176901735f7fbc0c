import { describe, expect, test } from "vitest";
import { qcOf, Solo, voteOf } from "../../test/consensus/craft.ts";
import { Network } from "../../test/consensus/network.ts";
import { keyOf, memberOf, setOf, signStub } from "../../test/consensus/stub-keys.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import { validatorSet } from "../kernel/validator-set.ts";
import type { Block } from "./types.ts";

const FOUR = { a: 1n, b: 1n, c: 1n, d: 1n };
const NAMES = Object.keys(FOUR);

function blocksOf(network: Network): Block[] {
  return network.node("a").executed.map(({ block }) => block.block);
}

function showsLife(block: Block, name: string): boolean {
  const key = keyOf(name);
  const voted = block.qc.signatures.some(({ author }) => author === key);
  return voted || block.signsOfLife.some(({ author }) => author === key);
}

describe("rule SILENCE", () => {
  test("rule SILENCE: late votes ride in blocks, so that a slower member never looks silent", () => {
    // Muted, so that no certificate of its own making shows its votes.
    const members = NAMES.map((name) => memberOf(name, 1n, name === "d"));
    const network = new Network({ set: validatorSet(1, members), names: NAMES });
    network.delay = (from, _to, { body }) => {
      const late = from === "d" && (body.kind === "statement" || body.kind === "order-vote");
      return late ? 150 : 1;
    };
    network.start();
    for (let count = 0; count < 400; count += 1) {
      network.submit(NAMES[count % 3] ?? "a", `payment ${count}`);
      network.run(10);
    }
    const blocks = blocksOf(network);
    expect(blocks.length).toBeGreaterThan(200);
    const certified = blocks.filter(({ qc }) =>
      qc.signatures.some(({ author }) => author === keyOf("d")),
    );
    // The certificates alone would call it silent.
    expect(certified.length).toBeLessThan(blocks.length / 10);
    let gap = 0;
    let longest = 0;
    for (const block of blocks.slice(40)) {
      gap = showsLife(block, "d") ? 0 : gap + 1;
      longest = Math.max(longest, gap);
    }
    expect(longest).toBeLessThan(40);
  });

  test("rule SILENCE: a member that is gone gives no sign of life", () => {
    const network = new Network({ set: setOf(1, FOUR), names: NAMES });
    network.start();
    network.run(3_000);
    network.crash("d");
    network.run(2_000);
    const before = blocksOf(network).length;
    network.run(20_000);
    const later = blocksOf(network).slice(before);
    expect(later.length).toBeGreaterThan(70);
    expect(later.some((block) => showsLife(block, "d"))).toBe(false);
  });

  test("rule SILENCE: the newest heartbeat of members and spares rides once, whoever heard it", () => {
    const network = new Network({ set: setOf(1, FOUR), names: [...NAMES, "e"], spares: ["e"] });
    // The spare reaches only one member: its heartbeat is passed on.
    network.delay = (from, to) => (from === "e" && to !== "b" ? undefined : 1);
    network.start();
    network.run(2_000);
    const beat = (name: string, height: number): SignedStatement => {
      const stateRoot = "5".repeat(64);
      return signStub(keyOf(name), { kind: "heartbeat", epoch: 1, height, stateRoot });
    };
    network.input(network.node("e"), { kind: "signed", signed: beat("e", 3) });
    network.input(network.node("c"), { kind: "signed", signed: beat("c", 4) });
    network.run(3_000);
    const carried = blocksOf(network)
      .flatMap(({ signsOfLife }) => signsOfLife)
      .filter(({ statement }) => statement.kind === "heartbeat")
      .map(({ author }) => author);
    expect(carried.toSorted()).toEqual([keyOf("c"), keyOf("e")].toSorted());
  });

  /** The verdict of a voter on a second block with these signs of life. */
  function judge(make: (solo: Solo) => readonly SignedStatement[]): Solo {
    const solo = new Solo();
    const first = solo.block();
    solo.sign(solo.receive("b", { kind: "proposal", block: first }));
    solo.receive("b", {
      kind: "certificates",
      qc: qcOf(["b", "c", "d"], first),
      tc: undefined,
      order: undefined,
    });
    solo.now += 10;
    solo.receive("b", {
      kind: "proposal",
      block: solo.block({ height: 2, signsOfLife: make(solo) }),
    });
    return solo;
  }

  const vote = (name: string, round: number): SignedStatement => {
    const blockId = "6".repeat(64);
    return signStub(keyOf(name), { kind: "vote", epoch: 1, round, blockId, qcRound: 0 });
  };
  const heartbeat = (name: string, epoch: number): SignedStatement => {
    return signStub(keyOf(name), {
      kind: "heartbeat",
      epoch,
      height: 1,
      stateRoot: "5".repeat(64),
    });
  };

  test("rule SILENCE: a voter accepts a late vote and heartbeats of this epoch", () => {
    const solo = judge(() => [vote("a", 1), heartbeat("c", 1), heartbeat("spare", 1)]);
    expect(solo.dropped()).toEqual([]);
    expect(solo.signed("vote")).toHaveLength(2);
  });

  const wrong: readonly [string, string, readonly SignedStatement[]][] = [
    ["two late statements of one member", "DUPLICATE_SIGN", [vote("a", 1), vote("a", 1)]],
    ["a vote of a member that the certificate shows", "SIGN_OUT_OF_BOUNDS", [vote("b", 1)]],
    ["a vote of a stranger", "SIGN_OUT_OF_BOUNDS", [vote("x", 1)]],
    ["a vote of the round itself", "SIGN_OUT_OF_BOUNDS", [vote("a", 2)]],
    ["a heartbeat of another epoch", "FOREIGN_EPOCH", [heartbeat("c", 2)]],
    ["a forged vote", "BAD_SIGNATURE", [{ ...vote("a", 1), signature: new Uint8Array(64) }]],
    [
      "a statement of another kind",
      "FOREIGN_KIND",
      [signStub(keyOf("a"), { kind: "proposal", epoch: 1, round: 1, blockId: "1".repeat(64) })],
    ],
  ];
  test.each(wrong)("rule SILENCE: a voter refuses %s", (_, code, signs) => {
    const solo = judge(() => signs);
    expect(solo.dropped()).toEqual([code]);
    expect(solo.signed("vote")).toHaveLength(1);
  });

  test("rule SILENCE: a vote that a certificate overtook is kept for the next block", () => {
    const solo = new Solo();
    const first = solo.block();
    solo.sign(solo.receive("b", { kind: "proposal", block: first }));
    const qc = qcOf(["a", "b", "c"], first);
    solo.receive("b", { kind: "certificates", qc, tc: undefined, order: undefined });
    solo.receive("d", { kind: "statement", signed: voteOf("d", first) });
    expect(solo.state.epoch.newest.get(keyOf("d"))?.signed).toEqual(voteOf("d", first));
  });
});
