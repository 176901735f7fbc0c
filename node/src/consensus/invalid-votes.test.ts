import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { qcOf, Solo, seal, tcOf, voteOf } from "../../test/consensus/craft.ts";
import { keyOf, signStub } from "../../test/consensus/stub-keys.ts";
import type { Effect } from "./effects.ts";
import { breaksVoteRule } from "./round-rule.ts";
import type { Block, SignedBlock } from "./types.ts";
import { isSafeToVote } from "./vote-rule.ts";

type Found = Extract<Effect, { readonly kind: "invalid-vote" }>;

function found(solo: Solo): readonly Found[] {
  return solo.effects.filter((effect) => effect.kind === "invalid-vote");
}

/** Three certified rounds, of which the node under test has all blocks. */
function grown(): { readonly solo: Solo; readonly blocks: readonly SignedBlock[] } {
  const solo = new Solo();
  const blocks: SignedBlock[] = [];
  for (let round = 1; round <= 3; round += 1) {
    const block = solo.block({ timestampMs: solo.now + round });
    blocks.push(block);
    solo.receive("b", { kind: "proposal", block });
    solo.receive("b", {
      kind: "certificates",
      qc: qcOf(["b", "c", "d"], block),
      tc: undefined,
      order: undefined,
    });
  }
  return { solo, blocks };
}

/** A block of round 5 on the certificate of round 1, although everybody had locked round 3. */
function forgetful(solo: Solo, blocks: readonly SignedBlock[]): SignedBlock {
  const [first, , third] = blocks;
  const tc = tcOf(4, { b: 3, c: 3, d: 3 }, qcOf(["b", "c", "d"], third!));
  return solo.block({
    qc: qcOf(["b", "c", "d"], first!),
    tc,
    round: 5,
    height: 2,
    proposer: keyOf("d"),
  });
}

describe("rule EVIDENCE, E6", () => {
  test.each(["block first", "vote first"])(
    "rule EVIDENCE: E6, a vote for a block below the locks of its timeout certificate: %s",
    (order) => {
      const { solo, blocks } = grown();
      const block = forgetful(solo, blocks);
      const vote = voteOf("c", block);
      const tellBlock = () => solo.receive("d", { kind: "proposal", block });
      const tellVote = () => solo.receive("c", { kind: "statement", signed: vote });
      for (const tell of order === "block first" ? [tellBlock, tellVote] : [tellVote, tellBlock]) {
        tell();
      }
      expect(found(solo)).toEqual([{ kind: "invalid-vote", vote, block: block.bytes }]);
    },
  );

  test("rule EVIDENCE: E6, a vote for a block that follows no certificate is reported once", () => {
    const { solo, blocks } = grown();
    const block = solo.block({
      qc: qcOf(["b", "c", "d"], blocks[0]!),
      round: 4,
      height: 2,
      proposer: keyOf("d"),
    });
    const vote = voteOf("c", block);
    solo.receive("c", { kind: "statement", signed: vote });
    solo.receive("d", { kind: "proposal", block });
    solo.receive("b", { kind: "proposal", block });
    expect(solo.dropped()).toContain("TC_MISPLACED");
    expect(found(solo)).toEqual([{ kind: "invalid-vote", vote, block: block.bytes }]);
  });

  test("rule EVIDENCE: E6, a vote that names another certificate round than its block", () => {
    const { solo } = grown();
    const block = solo.block();
    solo.receive("b", { kind: "proposal", block });
    const { epoch, round } = block.block;
    const lie = signStub(keyOf("c"), {
      kind: "vote",
      epoch,
      round,
      blockId: block.id,
      qcRound: block.block.qc.round - 1,
    });
    solo.receive("c", { kind: "statement", signed: lie });
    expect(found(solo).map(({ vote }) => vote)).toEqual([lie]);
  });

  test("a vote for a block that this node may vote for as well is no evidence", () => {
    const { solo } = grown();
    const block = solo.block();
    solo.receive("b", { kind: "proposal", block });
    for (const name of ["b", "c", "d"]) {
      solo.receive(name, { kind: "statement", signed: voteOf(name, block) });
    }
    expect(found(solo)).toEqual([]);
  });

  test("blocks that nobody may vote for are kept in bounded number, a few of each proposer", () => {
    const { solo, blocks } = grown();
    const other = forgetful(solo, blocks);
    const invalid = (index: number) => {
      const qc = qcOf(["b", "c", "d"], blocks[0]!);
      const proposer = keyOf("b");
      return solo.block({ qc, round: 4, height: 2, proposer, timestampMs: solo.now + 10 + index });
    };
    solo.receive("d", { kind: "proposal", block: other });
    for (let index = 0; index < 200; index += 1) {
      solo.receive("b", { kind: "proposal", block: invalid(index) });
    }
    expect(solo.state.epoch.invalid.size).toBeLessThanOrEqual(64);
    solo.receive("c", { kind: "statement", signed: voteOf("c", other) });
    expect(found(solo)).toHaveLength(1);
  });

  test("rule EVIDENCE: no vote that R2 allows is E6, whatever the rounds", () => {
    const { solo } = grown();
    const small = fc.integer({ min: 0, max: 6 });
    fc.assert(
      fc.property(
        fc.record({ round: small, qc: small, tc: fc.option(fc.tuple(small, small)) }),
        ({ round, qc, tc }) => {
          const { highestQc } = solo.state.epoch;
          const block: Block = {
            ...solo.block().block,
            round: round + 1,
            qc: { ...highestQc, round: qc },
            tc: tc === null ? undefined : tcOf(tc[0], { b: tc[1] }, highestQc),
          };
          const vote = voteOf("c", seal(block)).statement;
          if (vote.kind !== "vote") throw new Error("no vote");
          const safety = { epoch: 1, lastVotedRound: 0, oneChainRound: 0, highestTimeoutRound: 0 };
          if (isSafeToVote(safety, block)) expect(breaksVoteRule(vote, block)).toBe(false);
          const follows = block.round === qc + 1;
          const locked = tc !== null && tc[0] + 1 === block.round && tc[1] <= qc;
          const lawful = qc < block.round && (follows || locked);
          expect(breaksVoteRule(vote, block)).toBe(!lawful);
        },
      ),
    );
  });
});
