import type {
  ChainRecord,
  ChainSegment,
  CommitProof,
  SignedBatch,
  SignedBlock,
} from "../../src/consensus/types.ts";
import type { EpochProof } from "../../src/kernel/certificates.ts";
import type { Digest, Epoch, Height } from "../../src/kernel/scalars.ts";

interface Log {
  readonly blocks: Map<Digest, SignedBlock>;
  readonly batches: Map<Digest, SignedBatch>;
  readonly commits: { readonly height: Height; readonly proof: CommitProof }[];
  readonly proofs: Map<Epoch, EpochProof>;
}

function indexLog(records: readonly ChainRecord[]): Log {
  const log: Log = { blocks: new Map(), batches: new Map(), commits: [], proofs: new Map() };
  for (const record of records) {
    if (record.kind === "block") log.blocks.set(record.block.id, record.block);
    else if (record.kind === "batch") log.batches.set(record.batch.digest, record.batch);
    else if (record.kind === "committed") log.commits.push(record);
    else if (record.kind === "epoch") log.proofs.set(record.proof.nextSet.epoch - 1, record.proof);
  }
  return log;
}

/** The block that a proof of a commit commits. */
function committedId(proof: CommitProof): Digest {
  if (proof.kind === "order") return proof.certificate.blockId;
  if (proof.kind === "two-chain") return proof.child.block.qc.blockId;
  return proof.certificate.result.blockId;
}

/** Committed blocks from a height on, up to the next proof, read from a node's chain log. */
export function loadHistory(
  records: readonly ChainRecord[],
  fromHeight: Height,
): ChainSegment | undefined {
  const log = indexLog(records);
  const commit = log.commits.find(({ height }) => height >= fromHeight);
  if (commit === undefined) return undefined;
  const blocks: SignedBlock[] = [];
  let block = log.blocks.get(committedId(commit.proof));
  while (block !== undefined && block.block.height >= fromHeight) {
    blocks.unshift(block);
    block = log.blocks.get(block.block.qc.blockId);
  }
  const first = blocks[0]?.block;
  if (first === undefined || first.height !== fromHeight) return undefined;
  const references = blocks.flatMap((each) => each.block.cut);
  const batches = references.flatMap(({ digest }) => log.batches.get(digest) ?? []);
  if (batches.length !== references.length) return undefined;
  const proof = log.proofs.get(first.epoch);
  const endsEpoch = proof?.certificate.result.height === commit.height;
  const { epoch } = first;
  return { epoch, blocks, batches, proof: commit.proof, epochProof: endsEpoch ? proof : undefined };
}
