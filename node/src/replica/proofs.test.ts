import fc from "fast-check";
import { expect, test } from "vitest";
import { keyOf, scheme, sign, TestChain } from "../../test/ledger/test-chain.ts";
import { encodeBlock } from "../consensus/codec.ts";
import { breaksVoteRule } from "../consensus/round-rule.ts";
import type { Block } from "../consensus/types.ts";
import { sha256Hex } from "../crypto/sha256.ts";
import { type SignedStatement, type Statement, signingBytes } from "../kernel/statements.ts";
import { checkTransaction } from "../ledger/check-transaction.ts";
import { judgeInvalidVote } from "../ledger/invalid-vote.ts";
import { PROTOCOLS } from "../ledger/protocol.ts";
import { encodeTransaction, misconductProof } from "../ledger/transaction.ts";
import { dropSettledProofs, noteInvalidVote, noteMisconduct } from "./proofs.ts";
import { heldProofs } from "./queries.ts";
import { recoverReplica } from "./state.ts";
import type { Work } from "./work.ts";

function world() {
  const { chainId, genesis } = new TestChain();
  const self = { key: keyOf("seat0"), networkKey: keyOf("network seat0") };
  const state = recoverReplica(
    { chainId, genesis, self, scheme, protocols: PROTOCOLS },
    { journal: [], chain: [] },
  );
  const work: Work = { state, effects: [], now: 1_000 };
  const author = keyOf("seat1");
  const said = (statement: Statement): SignedStatement => {
    return { statement, author, signature: sign(author, signingBytes(chainId, statement)) };
  };
  const vote = (epoch: number, block: string): SignedStatement => {
    const blockId = block.repeat(64);
    return said({ kind: "vote", epoch, round: 3, blockId, qcRound: 2 });
  };
  return { work, vote, author, chainId, said };
}

/** A block of these rounds, and a vote for it that names them truly. */
function voteFor(said: (statement: Statement) => SignedStatement, rounds: Rounds) {
  const { round, qcRound, tc } = rounds;
  const zeros = "0".repeat(64);
  const qc = { epoch: 1, round: qcRound, blockId: zeros, qcRound: 0, signatures: [] };
  const signature = new Uint8Array(64);
  const timeouts = tc === undefined ? [] : [{ author: zeros, signature, hqcRound: tc.hqcRound }];
  const block: Block = {
    epoch: 1,
    round,
    height: 2,
    proposer: zeros,
    timestampMs: 5,
    qc,
    tc: tc && { epoch: 1, round: tc.round, timeouts, highestQc: qc },
    cut: [],
    signsOfLife: [],
  };
  const bytes = encodeBlock(block);
  const blockId = sha256Hex(bytes);
  const vote = said({ kind: "vote", epoch: 1, round, blockId, qcRound });
  return { vote, bytes, block };
}

interface Rounds {
  readonly round: number;
  readonly qcRound: number;
  readonly tc: { readonly round: number; readonly hqcRound: number } | undefined;
}

test("rule EVIDENCE: E6 becomes a proof that the ledger takes, if it fits into a batch", () => {
  const { work, said } = world();
  const { vote, bytes } = voteFor(said, { round: 5, qcRound: 1, tc: undefined });
  noteInvalidVote(work, vote, bytes);
  expect(work.effects).toEqual([{ kind: "misconduct-found", first: vote, second: undefined }]);
  const [proof] = work.state.pendingProofs;
  expect(proof?.accused).toBe(vote.author);
  expect(checkTransaction(work.state.ledger, proof!.transaction, scheme).ok).toBe(true);
  const other = world();
  noteInvalidVote(other.work, vote, new Uint8Array(70_000));
  expect(other.work.state.pendingProofs).toEqual([]);
});

test("rule EVIDENCE: what the core calls E6 is what the ledger calls E6", () => {
  const { said, chainId } = world();
  const small = fc.integer({ min: 0, max: 5 });
  const tc = fc.option(fc.record({ round: small, hqcRound: small }), { nil: undefined });
  fc.assert(
    fc.property(fc.record({ round: small, qcRound: small, tc }), (rounds) => {
      const { vote, bytes, block } = voteFor(said, rounds);
      const proof = { kind: "invalid-vote-proof", chainId, vote, block: bytes } as const;
      const { statement } = vote;
      const found = statement.kind === "vote" && breaksVoteRule(statement, block);
      expect(judgeInvalidVote(chainId, proof).ok).toBe(found);
    }),
    { numRuns: 400 },
  );
});

test("rule EVIDENCE: a proof that the ledger refuses does not shield its author from a good one", () => {
  const { work, vote, chainId } = world();
  const proofs = (): Uint8Array[] => work.state.pendingProofs.map((each) => each.transaction);
  const proof = (first: SignedStatement, second: SignedStatement): Uint8Array => {
    return encodeTransaction(misconductProof(chainId, first, second));
  };
  // Two votes of two epochs: an honest key signs both.
  noteMisconduct(work, vote(1, "1"), vote(2, "2"));
  noteMisconduct(work, vote(1, "1"), vote(1, "2"));
  expect(proofs()).toEqual([proof(vote(1, "1"), vote(1, "2"))]);
  // A good one stays: further ones are duplicates.
  noteMisconduct(work, vote(1, "1"), vote(1, "3"));
  expect(proofs()).toEqual([proof(vote(1, "1"), vote(1, "2"))]);
});

test("a proof is held while it waits and after the chain has condemned the key", () => {
  const { work, vote, author } = world();
  expect(heldProofs(work.state)).toEqual([]);
  noteMisconduct(work, vote(1, "1"), vote(1, "2"));
  const held = heldProofs(work.state);
  expect(held).toHaveLength(1);
  dropSettledProofs(work);
  expect(work.state.pendingProofs).toHaveLength(1);
  const proven = { key: author, evidence: "E2", height: 1, proof: "ab".repeat(32) } as const;
  const tombstone = { ...proven, sinceMs: 1, power: 1n, bond: 1n, slashed: 1n };
  const ledger = { ...work.state.ledger, tombstones: new Map([[author, tombstone]]) };
  work.state = { ...work.state, ledger };
  dropSettledProofs(work);
  expect(work.state.pendingProofs).toEqual([]);
  expect(heldProofs(work.state)).toEqual(held);
});
