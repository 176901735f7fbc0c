import { ok, type Refusal, type Result, refuse } from "../kernel/result.ts";
import { memberIndex } from "../kernel/validator-set.ts";
import { type Parent, parentOf } from "./block-tree.ts";
import { storeBlock } from "./commit.ts";
import { wantBatches, wantBlock } from "./fetch.ts";
import { CUT_BATCHES_MAX, missingBatches } from "./lanes.ts";
import { followsRounds } from "./round-rule.ts";
import type { SafetyData } from "./safety-data.ts";
import { askSign } from "./signing.ts";
import { checkSignsOfLife, hasManyStrangers } from "./signs-of-life.ts";
import { mayVote } from "./state.ts";
import { type Turn, withEntry } from "./turn.ts";
import type { BatchReference, Block, SignedBlock } from "./types.ts";

type Verdict =
  | { readonly kind: "vote" }
  /** Something is missing that may still come: asked again after every input. */
  | { readonly kind: "wait"; readonly missing: readonly BatchReference[] }
  | { readonly kind: "refuse"; readonly refusal: Refusal };

/**
 * R2, the part that safety rests on: never two votes in a round, and after a failed round only on a
 * certificate at least as high as every one that the timed-out members had locked.
 */
export function isSafeToVote(safety: SafetyData, block: Block): boolean {
  if (block.epoch !== safety.epoch || block.round <= safety.lastVotedRound) return false;
  return followsRounds(block);
}

/** What a block says about itself, before any signature is verified. */
export function checkShape(block: Block): Result<void, Refusal> {
  if (block.qc.round >= block.round || block.qc.epoch !== block.epoch) {
    return refuse("ROUNDS_REVERSED", "block.qc", "build on an older round of the same epoch");
  }
  const follows = block.round === block.qc.round + 1;
  if (follows !== (block.tc === undefined)) {
    return refuse("TC_MISPLACED", "block.tc", "attach a TC exactly if the round before failed");
  }
  if (block.tc !== undefined && block.tc.round !== block.round - 1) {
    return refuse("TC_MISPLACED", "block.tc", "attach the TC of the round before");
  }
  if (block.cut.length > CUT_BATCHES_MAX) {
    return refuse("CUT_TOO_LONG", "block.cut", `order at most ${CUT_BATCHES_MAX} batches`);
  }
  return ok(undefined);
}

/** Each lane contiguous above the parent's chain, lanes in the order of the set. */
function checkCut(turn: Turn, block: Block, parent: Parent): Result<void, Refusal> {
  if (block.cut.length > 0 && turn.epoch.handOver !== undefined) {
    return refuse(
      "EPOCH_ENDED",
      "block.cut",
      "propose empty blocks until the epoch is handed over",
    );
  }
  const lanes = new Map(parent.view.lanes);
  let lastIndex = -1;
  for (const { author, sequence, digest } of block.cut) {
    const index = memberIndex(turn.state.set, author);
    if (index < 0 || index < lastIndex) {
      return refuse("LANE_ORDER", "block.cut", "order members' lanes by key");
    }
    lastIndex = index;
    if (sequence !== (lanes.get(author)?.sequence ?? 0) + 1) {
      return refuse("LANE_GAP", "block.cut", "order each lane without gaps or repeats");
    }
    const pooled = turn.lanes.pool.get(digest)?.signed;
    const previous = lanes.get(author)?.digest ?? "0".repeat(64);
    const linked =
      pooled === undefined ||
      (pooled.batch.author === author &&
        pooled.batch.sequence === sequence &&
        pooled.batch.previous === previous);
    if (!linked) return refuse("LANE_FORKED", "block.cut", "order batches that follow each other");
    lanes.set(author, { sequence, digest });
  }
  return ok(undefined);
}

function judgeContent(turn: Turn, block: Block, parent: Parent): Verdict {
  const failed = (code: string, field: string, fix: string): Verdict => {
    return { kind: "refuse", refusal: { code, field, fix } };
  };
  if (block.height !== parent.height + 1) {
    return failed("HEIGHT_GAP", "block.height", `expected ${parent.height + 1}`);
  }
  if (block.timestampMs <= parent.timestampMs) {
    return failed("TIME_REVERSED", "block.timestampMs", "stamp above the parent's");
  }
  const cut = checkCut(turn, block, parent);
  if (!cut.ok) return { kind: "refuse", refusal: cut.error };
  // A block of the future costs no requests before its time has come.
  const early = block.timestampMs > turn.now + turn.state.config.parameters.clockAheadMsMax;
  // The proposer may know more spares than this node has executed so far.
  if (early || hasManyStrangers(turn, block)) return { kind: "wait", missing: [] };
  const missing = missingBatches(turn, block.cut);
  if (missing.length > 0) return { kind: "wait", missing };
  // Last, because a block that waits is judged again after every input: signatures cost the most.
  const signs = checkSignsOfLife(turn, block, parent.view);
  if (!signs.ok) return { kind: "refuse", refusal: signs.error };
  return { kind: "vote" };
}

/** R2 as a whole, for a verified block of the current round. */
export function judgeProposal(turn: Turn, { block }: SignedBlock): Verdict {
  const parent = parentOf(turn, block.qc.blockId);
  if (parent === undefined) {
    wantBlock(turn, block.qc, undefined);
    return { kind: "wait", missing: [] };
  }
  // Who leads depends on what is committed here: a node that is behind may learn better.
  if (turn.leader(block.round) !== block.proposer) return { kind: "wait", missing: [] };
  if (!isSafeToVote(turn.epoch.safety, block)) return { kind: "wait", missing: [] };
  return judgeContent(turn, block, parent);
}

/**
 * Where an honest proposer may be behind this node: it has not executed the end of the epoch yet,
 * or has forgotten the heartbeat of a key that left.
 */
const MAY_BE_HONEST: ReadonlySet<string> = new Set(["EPOCH_ENDED", "HEARTBEAT_USED"]);

/** For logs and metrics. The proposer's signature has been verified. */
export function observeInvalid(turn: Turn, { block, id }: SignedBlock, { code }: Refusal): void {
  if (MAY_BE_HONEST.has(code)) return;
  turn.observe({ kind: "invalid-proposal", author: block.proposer, blockId: id, code });
}

/** Votes for the first proposal of the current round that the rules allow. */
export function tryVote(turn: Turn): void {
  const { round, safety, blocks } = turn.epoch;
  if (!mayVote(turn.state) || round <= safety.lastVotedRound) return;
  for (const [id, node] of blocks) {
    if (node.signed.block.round !== round || node.refused !== undefined) continue;
    const verdict = judgeProposal(turn, node.signed);
    if (verdict.kind === "wait") wantBatches(turn, verdict.missing, node.signed.block.proposer);
    if (verdict.kind === "refuse") {
      const refused = { ...node, refused: verdict.refusal.code };
      turn.changeEpoch({ blocks: withEntry(turn.epoch.blocks, id, refused) });
      turn.drop(node.signed.block.proposer, verdict.refusal);
      observeInvalid(turn, node.signed, verdict.refusal);
    }
    if (verdict.kind === "vote") {
      vote(turn, node.signed);
      return;
    }
  }
}

function vote(turn: Turn, signed: SignedBlock): void {
  const { epoch, round, qc } = signed.block;
  storeBlock(turn, signed);
  const { oneChainRound } = turn.epoch.safety;
  const safety = { lastVotedRound: round, oneChainRound: Math.max(oneChainRound, qc.round) };
  askSign(turn, { kind: "vote", epoch, round, blockId: signed.id, qcRound: qc.round }, safety);
}
