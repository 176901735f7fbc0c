import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { keyOf, TestChain } from "../../test/ledger/test-chain.ts";
import { encodeBlock } from "../consensus/codec.ts";
import type { Block } from "../consensus/types.ts";
import { isSafeToVote } from "../consensus/vote-rule.ts";
import { sha256Hex } from "../crypto/sha256.ts";
import { breaksVoteRule, readBlockRounds } from "./invalid-vote.ts";
import { decodeTransaction, encodeTransaction } from "./transaction.ts";
import type { Transaction } from "./types.ts";

const guilty = keyOf("seat0");
const PARENT = "ab".repeat(32);

interface Rounds {
  readonly round: number;
  readonly qc: number;
  readonly tc?: { readonly round: number; readonly hqcRounds: readonly number[] };
  readonly epoch?: number;
  readonly qcEpoch?: number;
}

function blockOf({ round, qc, tc, epoch = 1, qcEpoch = epoch }: Rounds): Block {
  const signatures = [{ author: keyOf("seat1"), signature: new Uint8Array(64) }];
  const certificate = { epoch: qcEpoch, round: qc, blockId: PARENT, qcRound: 0, signatures };
  const timeouts = (tc?.hqcRounds ?? []).map((hqcRound, index) => {
    return { author: keyOf(`seat${index}`), signature: new Uint8Array(64), hqcRound };
  });
  return {
    epoch,
    round,
    height: 9,
    proposer: keyOf("seat2"),
    timestampMs: 77,
    qc: certificate,
    tc: tc && { epoch, round: tc.round, timeouts, highestQc: certificate },
    cut: [{ author: keyOf("seat3"), sequence: 1, digest: PARENT }],
    signsOfLife: [],
  };
}

type Proof = Extract<Transaction, { kind: "invalid-vote-proof" }>;

/** The accused's vote for the block, naming its true rounds unless told. */
function proofOf(
  chain: TestChain,
  block: Block,
  named: { epoch?: number; round?: number; qcRound?: number; author?: string } = {},
): Proof {
  const bytes = encodeBlock(block);
  const { epoch = block.epoch, round = block.round, qcRound = block.qc.round } = named;
  const vote = { kind: "vote", epoch, round, blockId: sha256Hex(bytes), qcRound } as const;
  return {
    kind: "invalid-vote-proof",
    chainId: chain.chainId,
    vote: chain.signed(named.author ?? guilty, vote),
    block: bytes,
  };
}

const skips = blockOf({ round: 7, qc: 4, tc: { round: 6, hqcRounds: [4, 5, 3] } });

describe("rule EVIDENCE, E6", () => {
  test("rule EVIDENCE: E6, a vote for a block whose rounds break R2 slashes and swaps", () => {
    const broken: readonly (readonly [string, Block, object])[] = [
      ["a round was skipped without a timeout certificate", blockOf({ round: 7, qc: 5 }), {}],
      ["the certificate is below what a timed-out member had", skips, {}],
      [
        "the timeout certificate is of another round",
        blockOf({ round: 7, qc: 4, tc: { round: 5, hqcRounds: [4] } }),
        {},
      ],
      ["it is below its own certificate", blockOf({ round: 7, qc: 8 }), {}],
      ["its certificate is of another epoch", blockOf({ round: 7, qc: 6, qcEpoch: 2 }), {}],
      ["the vote names another round", blockOf({ round: 7, qc: 6 }), { round: 8 }],
      ["the vote names another certificate", blockOf({ round: 7, qc: 6 }), { qcRound: 5 }],
    ];
    for (const [what, block, named] of broken) {
      const chain = new TestChain();
      const spare = chain.addSpare("spare", "a");
      const proof = proofOf(chain, block, named);
      expect(chain.block({ transactions: [proof] }), what).toEqual(["OK"]);
      expect(chain.events("slashed"), what).toEqual([
        { kind: "slashed", key: guilty, evidence: "E6", amount: 5n, seated: true },
      ]);
      expect(chain.events("swap")[0]?.swap, what).toMatchObject({
        ...{ cause: "misconduct", leaver: guilty, newcomer: spare },
      });
      expect(chain.state.tombstones.get(guilty)?.evidence, what).toBe("E6");
    }
  });

  test("rule EVIDENCE: E6 never condemns a vote that R2 allows", () => {
    const chain = new TestChain();
    const honest = [
      blockOf({ round: 7, qc: 6 }),
      blockOf({ round: 1, qc: 0 }),
      blockOf({ round: 7, qc: 4, tc: { round: 6, hqcRounds: [4, 2, 3] } }),
    ];
    const codes = chain.block({ transactions: honest.map((block) => proofOf(chain, block)) });
    expect(codes).toEqual(["NOT_MISCONDUCT", "NOT_MISCONDUCT", "NOT_MISCONDUCT"]);
    expect(chain.state.slashedPot).toBe(0n);
  });

  test("rule EVIDENCE: whatever the core votes for, the ledger never calls E6", () => {
    const round = fc.nat(6);
    const drawn = fc.record({
      round,
      qc: round,
      tc: fc.option(fc.record({ round, hqcRounds: fc.array(round, { maxLength: 4 }) }), {
        nil: undefined,
      }),
    });
    const seen = { voted: 0, broken: 0 };
    fc.assert(
      fc.property(drawn, ({ round: at, qc, tc }) => {
        const block = blockOf(tc === undefined ? { round: at, qc } : { round: at, qc, tc });
        const safety = { epoch: 1, lastVotedRound: 0, oneChainRound: 0, highestTimeoutRound: 0 };
        const mayVote = qc < at && isSafeToVote(safety, block);
        const vote = { kind: "vote", epoch: 1, round: at, blockId: PARENT, qcRound: qc } as const;
        const broken = breaksVoteRule(vote, readBlockRounds(encodeBlock(block)));
        seen[broken ? "broken" : "voted"] += 1;
        // Round 0 is the epoch's genesis, for which nobody votes.
        if (at > 0) expect(broken).toBe(!mayVote);
      }),
      { numRuns: 2_000, seed: 6 },
    );
    expect(seen.voted).toBeGreaterThan(50);
    expect(seen.broken).toBeGreaterThan(50);
  });

  test("rule EVIDENCE: E6 is refused by name for all that it does not prove", () => {
    const chain = new TestChain();
    const proof = proofOf(chain, skips);
    const { statement } = proof.vote;
    if (statement.kind !== "vote") throw new Error("a vote");
    const orderVote = {
      kind: "order-vote",
      epoch: 1,
      round: 7,
      blockId: statement.blockId,
    } as const;
    const junk = Uint8Array.of(1, 2, 3);
    const forJunk = { ...statement, blockId: sha256Hex(junk) };
    const transactions: Proof[] = [
      { ...proof, chainId: keyOf("elsewhere") },
      { ...proof, vote: chain.signed(guilty, orderVote) },
      { ...proof, block: encodeBlock(blockOf({ round: 7, qc: 5 })) },
      { ...proof, block: junk, vote: chain.signed(guilty, forJunk) },
      proofOf(chain, skips, { author: keyOf("stranger") }),
      { ...proof, vote: { ...proof.vote, signature: new Uint8Array(64) } },
      proofOf(chain, skips, { epoch: 2 }),
      proofOf(chain, skips, { epoch: 0 }),
      proof,
      proof,
      proofOf(chain, blockOf({ round: 9, qc: 2 })),
    ];
    expect(chain.block({ transactions })).toEqual([
      ...["FOREIGN_CHAIN", "NOT_MISCONDUCT", "FOREIGN_BLOCK", "BLOCK_MALFORMED", "UNKNOWN_KEY"],
      ...["BAD_SIGNATURE", "EVIDENCE_AHEAD", "EVIDENCE_TOO_OLD"],
      ...["OK", "EVIDENCE_DUPLICATE", "EVIDENCE_DUPLICATE"],
    ]);
    expect(chain.state.slashedPot).toBe(5n);
  });

  test("rule CAUSE: E6 against a key that no longer sits slashes its bond and swaps nobody", () => {
    const chain = new TestChain();
    const spare = chain.addSpare("spare", "a");
    const rotation = chain.ownerRotation(guilty, keyOf("owner a"));
    chain.block({ signsOfLife: [chain.heartbeat(spare)], transactions: [rotation] });
    chain.addSpare("next", "a");
    const keys = chain.keys;
    expect(chain.block({ transactions: [proofOf(chain, skips)] })).toEqual(["OK"]);
    expect(chain.events("slashed")).toMatchObject([{ key: guilty, seated: false }]);
    expect(chain.state.unbonding.get(guilty)?.amount).toBe(95n);
    chain.block();
    expect(chain.keys).toEqual(keys);
  });

  test("its bytes decode to what was encoded, and nothing may follow", () => {
    const chain = new TestChain();
    const bytes = encodeTransaction(proofOf(chain, skips));
    expect(decodeTransaction(bytes)).toMatchObject({ ok: true });
    expect(decodeTransaction(Uint8Array.of(...bytes, 0))).toMatchObject({
      error: { code: "TRANSACTION_MALFORMED" },
    });
  });
});
