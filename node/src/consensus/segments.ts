import type { EpochProof, ResultCertificate } from "../kernel/certificates.ts";
import type { Height } from "../kernel/scalars.ts";
import type { CommittedEntry } from "./state.ts";
import type { ChainSegment, CommitProof } from "./types.ts";

/** A segment is cut at the first proven block above these. */
const BLOCKS_TARGET = 32;
const BYTES_TARGET = 1_048_576;
const BLOCKS_LIMIT = 250;

export interface SegmentSource {
  /** Heights contiguous, oldest first. */
  readonly committed: readonly CommittedEntry[];
  readonly baseHeight: Height;
  readonly certificate: (height: Height) => ResultCertificate | undefined;
  readonly epochProof: (epoch: number) => EpochProof | undefined;
}

function proofOf(source: SegmentSource, entry: CommittedEntry): CommitProof | undefined {
  if (entry.proof !== undefined) return entry.proof;
  const { height, epoch } = entry.signed.block;
  const certificate = source.certificate(height);
  if (certificate?.result.epoch !== epoch) return undefined;
  return certificate.result.blockId === entry.signed.id
    ? { kind: "attested", certificate }
    : undefined;
}

/**
 * Committed blocks of one epoch from a height on, cut so that one answer stays small, and ending
 * with a block whose commit is proven. Undefined where the source has no such block.
 */
export function segmentFrom(source: SegmentSource, fromHeight: Height): ChainSegment | undefined {
  const first = source.committed[fromHeight - source.baseHeight];
  if (first === undefined) return undefined;
  const { epoch } = first.signed.block;
  let proven: { readonly count: number; readonly proof: CommitProof } | undefined;
  let bytes = 0;
  const start = fromHeight - source.baseHeight;
  for (let count = 1; count <= BLOCKS_LIMIT; count += 1) {
    const entry = source.committed[start + count - 1];
    if (entry === undefined || entry.signed.block.epoch !== epoch) break;
    bytes += entry.batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
    const full = count >= BLOCKS_TARGET || bytes >= BYTES_TARGET;
    if (full && proven !== undefined) break;
    const proof = proofOf(source, entry);
    if (proof !== undefined) proven = { count, proof };
  }
  if (proven === undefined) return undefined;
  const entries = source.committed.slice(start, start + proven.count);
  const last = entries.at(-1)?.signed;
  const epochProof = source.epochProof(epoch);
  const ends = epochProof !== undefined && epochProof.certificate.result.blockId === last?.id;
  return {
    epoch,
    blocks: entries.map(({ signed }) => signed),
    batches: entries.flatMap(({ batches }) => batches),
    proof: proven.proof,
    epochProof: ends ? epochProof : undefined,
  };
}
