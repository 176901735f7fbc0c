import type { Refusal } from "../kernel/result.ts";
import type { PublicKey } from "../kernel/scalars.ts";
import { type SignedStatement, verifyStatement } from "../kernel/statements.ts";
import { insertBlock, isNeeded, ORPHAN_ROUNDS_MAX } from "./block-tree.ts";
import { verifyQc, verifyTc } from "./certificates.ts";
import { gotWanted, wantBlock } from "./fetch.ts";
import { judgeVotesFor } from "./invalid-votes.ts";
import { acceptQc, acceptTc, checkTwoChain } from "./rounds.ts";
import { observeLife } from "./signing.ts";
import type { Turn } from "./turn.ts";
import type { SignedBlock } from "./types.ts";
import { keepBallot } from "./vote-keeper.ts";
import { checkShape, observeInvalid } from "./vote-rule.ts";

export function proposalStatement({ block, id, signature }: SignedBlock): SignedStatement {
  const { epoch, round, proposer } = block;
  return {
    statement: { kind: "proposal", epoch, round, blockId: id },
    author: proposer,
    signature,
  };
}

/**
 * The door for a block, proposed or fetched: shape, proposer's signature, certificates; then it may
 * open a round (R3, R7), and it waits in the tree for a vote (R2) or a commit (R5).
 */
export function onBlock(turn: Turn, from: PublicKey, signed: SignedBlock): void {
  const { block, id } = signed;
  const { blocks, root } = turn.epoch;
  if (blocks.has(id) || root.id === id || block.round <= root.round - ORPHAN_ROUNDS_MAX) return;
  if (!turn.isMember(block.proposer)) {
    turn.drop(from, { code: "FOREIGN_AUTHOR", field: "block.proposer" });
    return;
  }
  const statement = proposalStatement(signed);
  const { scheme, chainId, parameters } = turn.state.config;
  if (!verifyStatement(scheme, chainId, statement)) {
    turn.drop(from, { code: "BAD_SIGNATURE", field: "block" });
    return;
  }
  const shape = checkShape(block);
  if (!shape.ok) {
    judgeVotesFor(turn, signed);
    dropInvalid(turn, from, signed, shape.error);
    return;
  }
  observeLife(turn, statement);
  keepBallot(turn, statement);
  // Every signature in the certificate is checked: the ledger reads from it who voted.
  const qc = verifyQc(turn.state, block.qc);
  if (!qc.ok) {
    dropInvalid(turn, from, signed, qc.error);
    return;
  }
  if (block.tc !== undefined) {
    const tc = verifyTc(turn.state, block.tc);
    if (!tc.ok) {
      dropInvalid(turn, from, signed, tc.error);
      return;
    }
  }
  acceptQc(turn, block.qc, from);
  if (block.tc !== undefined) acceptTc(turn, block.tc, from);
  if (block.round > turn.epoch.round + parameters.roundsAheadMax) {
    turn.drop(from, { code: "ROUND_OUT_OF_WINDOW", field: "block.round" });
    return;
  }
  gotWanted(turn, id);
  judgeVotesFor(turn, signed);
  if (!isNeeded(turn, id) && isThird(turn, signed)) return;
  if (!insertBlock(turn, signed, false)) return;
  const parentId = block.qc.blockId;
  const parentKnown = turn.epoch.blocks.has(parentId) || turn.epoch.root.id === parentId;
  if (!parentKnown && block.qc.round > turn.epoch.root.round) wantBlock(turn, block.qc, from);
  const certificate = turn.epoch.certified.get(id);
  if (certificate !== undefined) checkTwoChain(turn, certificate);
}

/** The signature is the proposer's: whoever brought the block, the proposer made it. */
function dropInvalid(turn: Turn, from: PublicKey, signed: SignedBlock, refusal: Refusal): void {
  turn.drop(from, refusal);
  observeInvalid(turn, signed, refusal);
}

/** One author's third block in a round adds nothing: the first two are the evidence. */
function isThird(turn: Turn, { block }: SignedBlock): boolean {
  const same = Array.from(turn.epoch.blocks.values()).filter(({ signed }) => {
    return signed.block.round === block.round && signed.block.proposer === block.proposer;
  });
  return same.length >= 2;
}
