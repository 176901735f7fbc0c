import type { SignedBatch, SignedBlock } from "../consensus/types.ts";
import { compareText } from "../kernel/bytes.ts";
import type { PublicKey } from "../kernel/scalars.ts";
import type { ExecutableBlock } from "../ledger/types.ts";

type LaneTransaction = ExecutableBlock["transactions"][number];

/**
 * Lanes sorted by key, the first of them rotated by height, each lane in its own order (rule FAIR):
 * no proposer chooses which lane comes first.
 */
export function orderedTransactions(
  height: number,
  batches: readonly SignedBatch[],
): readonly LaneTransaction[] {
  const lanes = new Map<PublicKey, LaneTransaction[]>();
  for (const { batch } of batches) {
    const lane = lanes.get(batch.author) ?? [];
    lane.push(...batch.transactions.map((bytes) => ({ lane: batch.author, bytes })));
    lanes.set(batch.author, lane);
  }
  const sorted = [...lanes].toSorted(([left], [right]) => compareText(left, right));
  if (sorted.length === 0) return [];
  const first = height % sorted.length;
  return [...sorted.slice(first), ...sorted.slice(0, first)].flatMap(([, lane]) => lane);
}

/** A committed block as the ledger executes it. */
export function executableBlock(
  { block, id }: SignedBlock,
  batches: readonly SignedBatch[],
  ordering: Uint8Array,
): ExecutableBlock {
  const voters = new Set(block.qc.signatures.map(({ author }) => author));
  for (const { author } of block.tc?.timeouts ?? []) voters.add(author);
  return {
    epoch: block.epoch,
    round: block.round,
    height: block.height,
    blockId: id,
    timestampMs: block.timestampMs,
    proposer: block.proposer,
    voters: [...voters].toSorted(compareText),
    signsOfLife: block.signsOfLife,
    transactions: orderedTransactions(block.height, batches),
    ordering,
  };
}
