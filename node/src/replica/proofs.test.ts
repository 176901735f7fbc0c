import { expect, test } from "vitest";
import { keyOf, scheme, sign, TestChain } from "../../test/ledger/test-chain.ts";
import { type SignedStatement, type Statement, signingBytes } from "../kernel/statements.ts";
import { PROTOCOLS } from "../ledger/protocol.ts";
import { encodeTransaction, misconductProof } from "../ledger/transaction.ts";
import { dropSettledProofs, noteMisconduct } from "./proofs.ts";
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
  return { work, vote, author, chainId };
}

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
  const tombstone = { key: author, evidence: "E2", height: 1, proof: "ab".repeat(32) } as const;
  const ledger = { ...work.state.ledger, tombstones: new Map([[author, tombstone]]) };
  work.state = { ...work.state, ledger };
  dropSettledProofs(work);
  expect(work.state.pendingProofs).toEqual([]);
  expect(heldProofs(work.state)).toEqual(held);
});
