import type { Digest } from "../kernel/scalars.ts";
import { type ChainView, extendView } from "./chain-view.ts";
import { keepEntries, type Turn, withEntry } from "./turn.ts";
import type { SignedBlock } from "./types.ts";

/** Blocks above the root that are kept at most, apart from those that are needed. */
const BLOCKS_MAX = 1_024;
/**
 * Blocks that lost are kept for this many rounds, so that peers can fetch a second proposal (E1).
 */
export const ORPHAN_ROUNDS_MAX = 32;

/** Blocks from the first above the root up to `id`; undefined if one of them is missing here. */
export function pathFromRoot(turn: Turn, id: Digest): readonly SignedBlock[] | undefined {
  const path: SignedBlock[] = [];
  let next = id;
  while (next !== turn.epoch.root.id) {
    const node = turn.epoch.blocks.get(next);
    if (node === undefined || isBuried(turn, node.signed)) return undefined;
    path.push(node.signed);
    next = node.signed.block.qc.blockId;
  }
  return path.reverse();
}

/** A block beside the committed chain: nothing that descends from it can ever be committed. */
export function isBuried(turn: Turn, signed: SignedBlock): boolean {
  return signed.block.round <= turn.epoch.root.round;
}

/** The first block that is missing between the root and `id`; undefined if none is. */
export function missingAncestor(turn: Turn, id: Digest): Digest | undefined {
  let next = id;
  while (next !== turn.epoch.root.id) {
    const node = turn.epoch.blocks.get(next);
    if (node === undefined) return next;
    if (isBuried(turn, node.signed)) return undefined;
    next = node.signed.block.qc.blockId;
  }
  return undefined;
}

/**
 * A block above the root whose chain passes the root by: undefined if none is known between here
 * and `id`. If `id` is proven to be committed, that is the proof of a fork.
 */
export function besideRoot(turn: Turn, id: Digest): SignedBlock | undefined {
  const { root, blocks } = turn.epoch;
  let node = blocks.get(id);
  while (node !== undefined && node.signed.block.qc.blockId !== root.id) {
    const { signed } = node;
    if (signed.block.qc.round <= root.round) return signed;
    node = blocks.get(signed.block.qc.blockId);
  }
  return undefined;
}

export interface Parent {
  readonly id: Digest;
  readonly height: number;
  readonly timestampMs: number;
  readonly receivedAt: number;
  readonly view: ChainView;
}

/** What a block on top of `id` builds on; undefined while an ancestor is missing here. */
export function parentOf(turn: Turn, id: Digest): Parent | undefined {
  const path = pathFromRoot(turn, id);
  if (path === undefined) return undefined;
  const { root } = turn.epoch;
  const tip = path.at(-1);
  const view = path.reduce((before, { block }) => extendView(before, block), root.view);
  if (tip === undefined) return { ...root, view };
  const { height, timestampMs } = tip.block;
  const receivedAt = turn.epoch.blocks.get(id)?.receivedAt ?? root.receivedAt;
  return { id, height, timestampMs, receivedAt, view };
}

/** Certified, or proven to be committed: the chain goes on through it. */
export function isNeeded({ epoch }: Turn, id: Digest): boolean {
  return epoch.certified.has(id) || epoch.commitTarget?.blockId === id;
}

/**
 * The block to give up for a new one when the tree is full: the one of the oldest round that is
 * neither needed nor in the log, because nothing that this node signed rests on it.
 */
function oldestLoser(turn: Turn): { readonly id: Digest; readonly round: number } | undefined {
  const losers = Array.from(turn.epoch.blocks)
    .filter(([id, { stored }]) => !stored && !isNeeded(turn, id))
    .map(([id, { signed }]) => ({ id, round: signed.block.round }));
  if (losers.length < BLOCKS_MAX) return undefined;
  return losers.reduce((oldest, each) => (each.round < oldest.round ? each : oldest));
}

/** Adds a verified block; false if it is known, or too old to matter. */
export function insertBlock(turn: Turn, signed: SignedBlock, stored: boolean): boolean {
  const { blocks, root } = turn.epoch;
  if (blocks.has(signed.id) || signed.block.round <= root.round - ORPHAN_ROUNDS_MAX) return false;
  if (signed.id === root.id) return false;
  const loser = blocks.size < BLOCKS_MAX ? undefined : oldestLoser(turn);
  const older = loser !== undefined && signed.block.round < loser.round;
  if (older && !isNeeded(turn, signed.id)) return false;
  const kept = loser === undefined ? blocks : keepEntries(blocks, (id) => id !== loser.id);
  const node = { signed, receivedAt: turn.now, stored, refused: undefined };
  turn.changeEpoch({ blocks: withEntry(kept, signed.id, node) });
  return true;
}
