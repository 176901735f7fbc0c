import { sha256Hex } from "../crypto/sha256.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import { insertBlock, type Parent, parentOf } from "./block-tree.ts";
import { encodeBlock, openBlock } from "./codec.ts";
import { storeBlock } from "./commit.ts";
import { buildCut } from "./cut.ts";
import { wantBlock } from "./fetch.ts";
import { lastTc } from "./rounds.ts";
import { askSign } from "./signing.ts";
import { collectSignsOfLife } from "./signs-of-life.ts";
import { mayVote } from "./state.ts";
import type { Turn } from "./turn.ts";
import type { BatchReference } from "./types.ts";
import { keepBallot } from "./vote-keeper.ts";

/** With this many blocks ordered but not executed, the proposer orders nothing more. */
const EXECUTION_LAG_MAX = 8;

function payload(turn: Turn, parent: Parent): readonly BatchReference[] {
  // EPOCH: after the block that ends the epoch nothing is ordered that would be void.
  if (turn.epoch.handOver !== undefined) return [];
  if (turn.epoch.root.height - turn.chain.executed > EXECUTION_LAG_MAX) return [];
  return buildCut(turn, parent.view.lanes, turn.epoch.round);
}

/**
 * R1 and R11: the leader of the round proposes once, on the highest certificate. With payload at
 * once; an empty block waits for the pace (rule PACE), unless the round before failed.
 */
export function maybePropose(turn: Turn): void {
  const { round, highestQc, proposedRound } = turn.epoch;
  const { config } = turn.state;
  if (!mayVote(turn.state) || round <= proposedRound) return;
  if (turn.leader(round) !== config.self.key) return;
  const tc = lastTc(turn);
  if (highestQc.round !== round - 1 && tc === undefined) return;
  const parent = parentOf(turn, highestQc.blockId);
  if (parent === undefined) {
    wantBlock(turn, highestQc, undefined);
    return;
  }
  const cut = payload(turn, parent);
  const dueAt = parent.receivedAt + config.parameters.emptyBlockPaceMs;
  if (cut.length === 0 && tc === undefined && turn.now < dueAt) {
    if (turn.epoch.proposeDueAt === dueAt) return;
    turn.changeEpoch({ proposeDueAt: dueAt });
    turn.setTimer("propose", dueAt);
    return;
  }
  propose(turn, parent, cut);
}

function propose(turn: Turn, parent: Parent, cut: readonly BatchReference[]): void {
  const { round, highestQc: qc } = turn.epoch;
  const { epoch } = turn.state.set;
  const block = {
    epoch,
    round,
    height: parent.height + 1,
    proposer: turn.state.config.self.key,
    timestampMs: Math.max(turn.now, parent.timestampMs + 1),
    qc,
    tc: lastTc(turn),
    cut,
    signsOfLife: collectSignsOfLife(turn, { qc, round }, parent.view),
  };
  const bytes = encodeBlock(block);
  const id = sha256Hex(bytes);
  turn.changeEpoch({ proposedRound: round, draft: { block, id, bytes }, proposeDueAt: undefined });
  askSign(turn, { kind: "proposal", epoch, round, blockId: id });
}

/** The signer signed this node's own proposal: it goes out. */
export function onProposalSigned(turn: Turn, signed: SignedStatement): void {
  const { draft } = turn.epoch;
  if (draft === undefined || signed.statement.kind !== "proposal") return;
  if (signed.statement.blockId !== draft.id) return;
  const block = openBlock(draft.bytes, signed.signature);
  turn.changeEpoch({ draft: undefined });
  keepBallot(turn, signed);
  insertBlock(turn, block, false);
  storeBlock(turn, block);
  turn.broadcast({ kind: "proposal", block });
}
