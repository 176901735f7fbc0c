import { defined } from "../kernel/assert.ts";
import type { Digest, Round } from "../kernel/scalars.ts";
import { besideRoot, missingAncestor, ORPHAN_ROUNDS_MAX, pathFromRoot } from "./block-tree.ts";
import { extendView } from "./chain-view.ts";
import { gotWanted, wantBatches, wantBlock } from "./fetch.ts";
import { missingBatches, prunePool, storeBatches } from "./lanes.ts";
import { electAfter } from "./leader-election.ts";
import { endTimerGrowth } from "./round-clock.ts";
import type { CommitTarget, CommittedEntry } from "./state.ts";
import { keepEntries, type Turn, withEntry } from "./turn.ts";
import type { CommitProof, SignedBlock } from "./types.ts";

/** Committed blocks in memory, for peers and for clients; older ones are in the chain log. */
const WINDOW = 256;

/** Notes the newest proof of a commit; `advanceCommit` acts when all of it is here. */
export function setCommitTarget(
  turn: Turn,
  blockId: Digest,
  round: Round,
  proof: CommitProof,
): void {
  const { commitTarget, root } = turn.epoch;
  if (round <= Math.max(root.round, commitTarget?.round ?? 0)) return;
  turn.changeEpoch({ commitTarget: { blockId, round, proof } });
}

/** Puts a block and its batches into the log, once: something that is signed rests on them. */
export function storeBlock(turn: Turn, signed: SignedBlock): void {
  storeBatches(turn, signed.block.cut);
  const node = turn.epoch.blocks.get(signed.id);
  if (node === undefined || node.stored) return;
  turn.emit({ kind: "store", record: { kind: "block", block: signed } });
  turn.changeEpoch({ blocks: withEntry(turn.epoch.blocks, signed.id, { ...node, stored: true }) });
}

/** Commits what the newest proof allows; true if something was committed. */
export function advanceCommit(turn: Turn): boolean {
  const target = turn.epoch.commitTarget;
  return target !== undefined && commitUpTo(turn, target);
}

/**
 * R5: commits the target and its ancestors, oldest first, once every block and batch is here. What
 * is missing is fetched, never skipped. Returns true if something was committed.
 */
export function commitUpTo(turn: Turn, target: CommitTarget): boolean {
  if (target.round <= turn.epoch.root.round) return false;
  const path = pathFromRoot(turn, target.blockId);
  if (path === undefined) {
    const rival = besideRoot(turn, target.blockId);
    if (rival !== undefined) {
      haltAtFork(turn, target.blockId, rival);
      return false;
    }
    const blockId = missingAncestor(turn, target.blockId);
    if (blockId !== undefined) wantBlock(turn, { blockId }, undefined);
    return false;
  }
  let complete = true;
  for (const { block } of path) {
    const missing = missingBatches(turn, block.cut);
    wantBatches(turn, missing, block.proposer);
    complete &&= missing.length === 0;
  }
  if (!complete) return false;
  for (const signed of path) storeBlock(turn, signed);
  for (const signed of path) {
    commitBlock(turn, signed, signed.id === target.blockId ? target.proof : undefined);
  }
  const { height, round } = turn.epoch.root;
  turn.emit({ kind: "store", record: { kind: "committed", height, proof: target.proof } });
  const pending = turn.epoch.commitTarget;
  const done = pending === undefined || pending.round <= round;
  turn.changeEpoch({ commitTarget: done ? undefined : pending });
  endTimerGrowth(turn);
  pruneTree(turn, new Set(path.map(({ id }) => id)));
  prunePool(turn);
  turn.changeSync({ behindSince: undefined });
  return true;
}

/** Two proven commits on two chains: more than f lie. Which one is right, no node can tell. */
function haltAtFork(turn: Turn, proven: Digest, rival: SignedBlock): void {
  const { id, height, round } = turn.epoch.root;
  const { qc } = rival.block;
  turn.halt(
    `height ${height}: fork: ${id} of round ${round} is committed here, and block ${proven}, ` +
      `proven to be committed, descends from ${qc.blockId} of round ${qc.round}`,
  );
}

function commitBlock(turn: Turn, signed: SignedBlock, proof: CommitProof | undefined): void {
  const { block, id } = signed;
  const { epoch, state, chain } = turn;
  const batches = block.cut.map(({ digest }) => {
    return defined(turn.lanes.pool.get(digest), `batch ${digest}`).signed;
  });
  const view = extendView(epoch.root.view, block);
  const electorate = { set: state.set, order: epoch.order };
  const entry = { signed, batches, proof, lanes: view.lanes };
  const { round, height, timestampMs } = block;
  const receivedAt = epoch.blocks.get(id)?.receivedAt ?? turn.now;
  turn.changeEpoch({
    root: { id, round, height, timestampMs, receivedAt, view },
    elections: electAfter(electorate, epoch.elections, block),
  });
  turn.changeChain(trimWindow([...chain.committed, entry], chain.baseHeight, chain.executed));
  gotWanted(turn, id);
}

/** Keeps a window of the newest blocks, but never drops one that is not executed. */
export function trimWindow(
  committed: readonly CommittedEntry[],
  baseHeight: number,
  executed: number,
): { readonly committed: readonly CommittedEntry[]; readonly baseHeight: number } {
  if (committed.length < 2 * WINDOW) return { committed, baseHeight };
  const droppable = Math.min(committed.length - WINDOW, executed + 1 - baseHeight);
  if (droppable < WINDOW) return { committed, baseHeight };
  return { committed: committed.slice(droppable), baseHeight: baseHeight + droppable };
}

function pruneTree(turn: Turn, committed: ReadonlySet<Digest>): void {
  const { blocks, certified, root } = turn.epoch;
  const oldest = root.round - ORPHAN_ROUNDS_MAX;
  turn.changeEpoch({
    blocks: keepEntries(blocks, (id, { signed }) => {
      return signed.block.round > oldest && !committed.has(id);
    }),
    certified: keepEntries(certified, (_, { round }) => round >= root.round),
  });
}
