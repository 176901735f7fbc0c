import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { batchOf, qcOf, Solo, seal, tcOf, voteOf } from "../../test/consensus/craft.ts";
import { keyOf, signStub } from "../../test/consensus/stub-keys.ts";
import type { Block } from "./types.ts";
import { isSafeToVote } from "./vote-rule.ts";

/** A node that has accepted and certified a first block, so that round 2 has a real parent. */
function secondRound(): Solo {
  const solo = new Solo();
  const first = solo.block();
  solo.sign(solo.receive("b", { kind: "proposal", block: first }));
  for (const name of ["b", "c", "d"]) {
    solo.receive(name, { kind: "statement", signed: voteOf(name, first) });
  }
  expect(solo.state.epoch.round).toBe(2);
  solo.now += 10;
  return solo;
}

function votesIn(solo: Solo, round: number): number {
  return solo.signed("vote").filter((vote) => "round" in vote && vote.round === round).length;
}

describe("R2", () => {
  test("R2: one vote in a round, for the first valid proposal of the round's leader", () => {
    const solo = secondRound();
    const first = solo.block({ height: 2 });
    const second = solo.block({ height: 2, timestampMs: solo.now - 1 });
    solo.receive("b", { kind: "proposal", block: first });
    solo.receive("b", { kind: "proposal", block: second });
    expect(votesIn(solo, 2)).toBe(1);
    const other = solo.names.find((name) => name !== solo.leader(2)) ?? "";
    const stranger = secondRound();
    stranger.receive(other, {
      kind: "proposal",
      block: stranger.block({ height: 2, proposer: keyOf(other) }),
    });
    expect(votesIn(stranger, 2)).toBe(0);
  });

  const wrong: readonly [string, Partial<Block>, string | undefined][] = [
    ["a height that does not follow", { height: 3 }, "HEIGHT_GAP"],
    ["a time that is not above the parent's", { height: 2, timestampMs: 1 }, "TIME_REVERSED"],
    [
      "a batch that leaves a gap",
      { height: 2, cut: [{ author: keyOf("a"), sequence: 2, digest: "1".repeat(64) }] },
      "LANE_GAP",
    ],
    [
      "a lane of a stranger",
      { height: 2, cut: [{ author: keyOf("x"), sequence: 1, digest: "1".repeat(64) }] },
      "LANE_ORDER",
    ],
    ["a proposer that is no member", { height: 2, proposer: keyOf("x") }, "FOREIGN_AUTHOR"],
  ];
  test.each(wrong)("R2: no vote for %s", (_, patch, code) => {
    const solo = secondRound();
    solo.receive("b", { kind: "proposal", block: solo.block(patch) });
    expect(votesIn(solo, 2)).toBe(0);
    expect(solo.dropped()).toContain(code);
  });

  test("a proposer that has not executed the epoch's end is refused and not accused", () => {
    const solo = secondRound();
    const { block, id } = solo.block();
    const result = {
      epoch: 1,
      height: 1,
      blockId: id,
      timestampMs: block.timestampMs,
      stateRoot: id,
      receiptsRoot: id,
      nextSetHash: id,
    };
    const handOver = { result, nextSet: { ...solo.set, epoch: 2 } };
    solo.state = { ...solo.state, epoch: { ...solo.state.epoch, handOver } };
    const cut = [{ author: keyOf("b"), sequence: 1, digest: "1".repeat(64) }];
    solo.receive("b", { kind: "proposal", block: solo.block({ height: 2, cut }) });
    expect(solo.dropped()).toContain("EPOCH_ENDED");
    const accused = solo.effects.filter((effect) => {
      return effect.kind === "observe" && effect.event.kind === "invalid-proposal";
    });
    expect(accused).toEqual([]);
  });

  test("a refused block is its proposer's fault, whoever brings it, where the signature is its own", () => {
    const faults = (solo: Solo): string[] => {
      return solo.effects.flatMap((effect) => {
        if (effect.kind !== "observe" || effect.event.kind !== "invalid-proposal") return [];
        return [`${effect.event.author === keyOf(solo.leader(2))} ${effect.event.code}`];
      });
    };
    const solo = secondRound();
    const misplaced = solo.block({
      height: 2,
      tc: tcOf(1, { b: 0, c: 0, d: 0 }, solo.state.epoch.highestQc),
    });
    solo.receive("c", { kind: "proposal", block: misplaced });
    expect(faults(solo)).toEqual(["true TC_MISPLACED"]);
    const gap = solo.block({ height: 3 });
    solo.receive("c", { kind: "proposal", block: gap });
    solo.receive("d", { kind: "proposal", block: gap });
    expect(faults(solo)).toEqual(["true TC_MISPLACED", "true HEIGHT_GAP"]);
    const forged = secondRound();
    const { block, id } = forged.block({ height: 3 });
    const signature = signStub(keyOf("x"), voteOf("x", gap).statement).signature;
    forged.receive("c", { kind: "proposal", block: { ...gap, block, id, signature } });
    expect(faults(forged)).toEqual([]);
  });

  test("R2: no vote before every batch is here, and one as soon as it is", () => {
    const solo = secondRound();
    const batch = batchOf("b", 1, "payment");
    const cut = [{ author: keyOf("b"), sequence: 1, digest: batch.digest }];
    solo.receive("b", { kind: "proposal", block: solo.block({ height: 2, cut }) });
    expect(votesIn(solo, 2)).toBe(0);
    expect(
      solo.effects.some((effect) => {
        return effect.kind === "send" && effect.message.body.kind === "batch-request";
      }),
    ).toBe(true);
    const effects = solo.receive("b", { kind: "batch", batch });
    expect(votesIn(solo, 2)).toBe(1);
    // The vote rests on block and batch: both are in the log before it is signed.
    const kinds = effects.map((effect) =>
      effect.kind === "store" ? effect.record.kind : effect.kind,
    );
    expect(kinds.indexOf("batch")).toBeGreaterThanOrEqual(0);
    expect(kinds.indexOf("block")).toBeGreaterThan(kinds.indexOf("batch"));
    expect(kinds.indexOf("sign")).toBeGreaterThan(kinds.indexOf("block"));
  });

  test("R2: a block stamped ahead of the clock waits until the clock is there", () => {
    const solo = secondRound();
    const block = solo.block({ height: 2, timestampMs: solo.now + 700 });
    solo.receive("b", { kind: "proposal", block });
    expect(votesIn(solo, 2)).toBe(0);
    solo.now += 250;
    solo.input({ kind: "timer", timer: "sync" });
    expect(votesIn(solo, 2)).toBe(1);
  });

  test("R2: after a failed round only a certificate as high as every timed-out lock is voted for", () => {
    const names = ["b", "c", "d"];
    const run = (qcRound: 0 | 1): Solo => {
      const solo = new Solo();
      const genesisQc = solo.state.epoch.highestQc;
      const first = solo.block();
      solo.sign(solo.receive("b", { kind: "proposal", block: first }));
      const firstQc = qcOf(names, first);
      solo.now += 10;
      const tc = tcOf(2, { b: 0, c: 1, d: 1 }, firstQc);
      const qc = qcRound === 0 ? genesisQc : firstQc;
      const block = solo.block({ round: 3, qc, tc, height: qcRound + 1 });
      solo.receive("b", { kind: "proposal", block });
      expect(solo.state.epoch.round).toBe(3);
      return solo;
    };
    expect(votesIn(run(1), 3)).toBe(1);
    expect(votesIn(run(0), 3)).toBe(0);
  });

  test("R2: the safety rule never allows two votes in a round or a vote below the lock", () => {
    const rounds = fc.integer({ min: 0, max: 12 });
    fc.assert(
      fc.property(
        rounds,
        rounds,
        rounds,
        fc.option(fc.tuple(rounds, fc.array(rounds))),
        (last, round, qcRound, failed) => {
          const solo = new Solo();
          const { genesisQc } = solo.state.epoch;
          const tc =
            failed === null
              ? undefined
              : {
                  epoch: 1,
                  round: failed[0],
                  timeouts: failed[1].map((hqcRound) => ({
                    author: keyOf("a"),
                    signature: new Uint8Array(64),
                    hqcRound,
                  })),
                  highestQc: genesisQc,
                };
          const { block } = seal({
            ...solo.block().block,
            round,
            qc: { ...genesisQc, round: qcRound },
            tc,
          });
          const safety = {
            epoch: 1,
            lastVotedRound: last,
            oneChainRound: 0,
            highestTimeoutRound: 0,
          };
          const safe = isSafeToVote(safety, block);
          const follows = round === qcRound + 1;
          const unlocked =
            tc !== undefined &&
            round === tc.round + 1 &&
            tc.timeouts.every(({ hqcRound }) => hqcRound <= qcRound);
          expect(safe).toBe(round > last && qcRound < round && (follows || unlocked));
        },
      ),
    );
  });
});

describe("R6 and R4", () => {
  test("R4: no order vote for a round that was timed out before its certificate came", () => {
    const late = (timedOut: boolean): number => {
      const solo = new Solo();
      const block = solo.block();
      solo.sign(solo.receive("b", { kind: "proposal", block }));
      if (timedOut) {
        solo.now = solo.state.epoch.roundDueAt;
        solo.sign(solo.input({ kind: "timer", timer: "round" }));
        expect(solo.signed("timeout")).toHaveLength(1);
      }
      const qc = qcOf(["b", "c", "d"], block);
      solo.receive("b", { kind: "certificates", qc, tc: undefined, order: undefined });
      expect(solo.state.epoch.round).toBe(2);
      return solo.signed("order-vote").length;
    };
    expect(late(false)).toBe(1);
    expect(late(true)).toBe(0);
  });

  test("R6: no vote in a round after its timeout, and the same timeout goes out again", () => {
    const solo = new Solo();
    solo.now = solo.state.epoch.roundDueAt;
    solo.sign(solo.input({ kind: "timer", timer: "round" }));
    solo.receive("b", { kind: "proposal", block: solo.block() });
    expect(solo.signed("vote")).toHaveLength(0);
    solo.now = solo.state.epoch.roundDueAt;
    const again = solo.input({ kind: "timer", timer: "round" });
    expect(solo.signed("timeout")).toHaveLength(1);
    expect(
      again.some((effect) => {
        return effect.kind === "broadcast" && effect.message.body.kind === "timeout";
      }),
    ).toBe(true);
  });

  test("R7: timeouts of f+1 make a node join, a quorum of them ends the round", () => {
    const solo = new Solo();
    const { highestQc } = solo.state.epoch;
    const timeout = (name: string): void => {
      const signed = signStub(keyOf(name), { kind: "timeout", epoch: 1, round: 1, hqcRound: 0 });
      solo.sign(solo.receive(name, { kind: "timeout", signed, highestQc, lastTc: undefined }));
    };
    timeout("b");
    expect(solo.signed("timeout")).toHaveLength(0);
    timeout("c");
    expect(solo.signed("timeout")).toHaveLength(1);
    expect(solo.state.epoch.round).toBe(2);
    expect(solo.state.epoch.highestTc?.timeouts).toHaveLength(3);
  });
});

describe("quorums", () => {
  test("R3: a certificate needs more than 2/3 of the power, also with four of unequal power", () => {
    const solo = new Solo({ a: 1n, b: 4n, c: 4n, d: 4n });
    const block = solo.block();
    solo.receive("b", { kind: "proposal", block });
    for (const name of ["b", "c"]) {
      solo.receive(name, { kind: "statement", signed: voteOf(name, block) });
    }
    // 8 of 13 is a majority, but not a quorum.
    expect(solo.state.epoch.round).toBe(1);
    solo.receive("d", { kind: "statement", signed: voteOf("d", block) });
    expect(solo.state.epoch.round).toBe(2);
  });

  test("R3: a certificate with too little power, a stranger, or a bad signature is refused", () => {
    const solo = new Solo();
    const block = solo.block();
    const good = qcOf(["b", "c", "d"], block);
    const send = (qc: typeof good): void => {
      solo.receive("b", { kind: "certificates", qc, tc: undefined, order: undefined });
    };
    send(qcOf(["b", "c"], block));
    send(qcOf(["b", "c", "x"], block));
    send({ ...good, signatures: good.signatures.toReversed() });
    send({
      ...good,
      signatures: good.signatures.map((each) => ({ ...each, signature: new Uint8Array(64) })),
    });
    expect(solo.dropped()).toEqual([
      "POWER_BELOW_QUORUM",
      "FOREIGN_SIGNER",
      "UNSORTED_SIGNERS",
      "BAD_SIGNATURE",
    ]);
    expect(solo.state.epoch.round).toBe(1);
    send(good);
    expect(solo.state.epoch.round).toBe(2);
  });
});
