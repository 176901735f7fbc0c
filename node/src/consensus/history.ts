import { assert, defined } from "../kernel/assert.ts";
import type { EpochProof, ResultCertificate } from "../kernel/certificates.ts";
import type { Digest, Epoch, Height, PublicKey } from "../kernel/scalars.ts";
import type { ValidatorSet } from "../kernel/validator-set.ts";
import { type Beginning, beginAtGenesis } from "./base.ts";
import { extendView, type LanePosition } from "./chain-view.ts";
import { electAfter } from "./leader-election.ts";
import type { SegmentSource } from "./segments.ts";
import {
  type BlockNode,
  type CommittedEntry,
  type ConsensusConfig,
  createEpoch,
  type EpochState,
  epochGenesisId,
} from "./state.ts";
import type {
  ChainRecord,
  CommitProof,
  QuorumCertificate,
  SignedBatch,
  SignedBlock,
  TimeoutCertificate,
} from "./types.ts";

/** What the chain log says, read from its beginning. */
export interface History {
  readonly set: ValidatorSet;
  /** Root, elections and tree of the current epoch; certificates and rounds are not filled in. */
  readonly epoch: EpochState;
  readonly beginning: Beginning;
  /** Every committed block above the beginning. */
  readonly committed: readonly CommittedEntry[];
  /** Batches that no committed block has ordered. */
  readonly open: ReadonlyMap<Digest, SignedBatch>;
  readonly qcs: readonly QuorumCertificate[];
  readonly tcs: readonly TimeoutCertificate[];
  readonly certificates: ReadonlyMap<Height, ResultCertificate>;
  readonly epochProofs: readonly EpochProof[];
}

/** The log of a node in the making: mutable, because a log is long. */
class Replay {
  readonly #config: ConsensusConfig;
  readonly #beginning: Beginning;
  #set: ValidatorSet;
  #epoch: EpochState;
  readonly #committed: CommittedEntry[] = [];
  #blocks = new Map<Digest, SignedBlock>();
  /** Known from the proof of a commit alone: such a block has no record of its own yet. */
  readonly #fromProofs = new Set<Digest>();
  readonly #batches = new Map<Digest, SignedBatch>();
  #qcs: QuorumCertificate[] = [];
  #tcs: TimeoutCertificate[] = [];
  readonly #certificates = new Map<Height, ResultCertificate>();
  readonly #epochProofs: EpochProof[];

  constructor(config: ConsensusConfig, beginning: Beginning) {
    this.#config = config;
    this.#beginning = beginning;
    this.#set = beginning.set;
    this.#epoch = beginning.epoch;
    this.#epochProofs = [...beginning.epochProofs];
  }

  read(record: ChainRecord): void {
    switch (record.kind) {
      case "block":
        this.#blocks.set(record.block.id, record.block);
        this.#fromProofs.delete(record.block.id);
        return;
      case "batch":
        this.#batches.set(record.batch.digest, record.batch);
        return;
      case "qc":
        this.#qcs.push(record.qc);
        return;
      case "tc":
        this.#tcs.push(record.tc);
        return;
      case "committed":
        this.#commit(record.height, record.proof);
        return;
      case "certified":
        this.#certificates.set(record.certificate.result.height, record.certificate);
        return;
      default:
        this.#handOver(record.proof);
    }
  }

  #commit(height: Height, proof: CommitProof): void {
    if (!this.#isPassed(height, proof)) this.#appendTo(committedId(proof), proof);
    if (proof.kind !== "two-chain") return;
    if (!this.#blocks.has(proof.child.id)) this.#fromProofs.add(proof.child.id);
    this.#blocks.set(proof.child.id, proof.child);
    this.#qcs.push(proof.qc);
  }

  /**
   * The log of a node that starts from a snapshot also has what led to it: blocks up to that
   * height, and void ones above the end of an epoch that is over there. A file of the log begins
   * with what was open in the one before, so that some records come twice.
   */
  #isPassed(height: Height, proof: CommitProof): boolean {
    return height <= this.#epoch.root.height || epochOf(proof) < this.#set.epoch;
  }

  #appendTo(target: Digest, proof: CommitProof): void {
    const path: SignedBlock[] = [];
    for (let id = target; id !== this.#epoch.root.id; ) {
      const signed = defined(this.#blocks.get(id), `committed block ${id} in the log`);
      path.push(signed);
      id = signed.block.qc.blockId;
    }
    for (const signed of path.reverse()) {
      this.#append(signed, signed.id === target ? proof : undefined);
    }
  }

  #append(signed: SignedBlock, proof: CommitProof | undefined): void {
    const { block, id } = signed;
    const batches = block.cut.map(({ digest }) => {
      return defined(this.#batches.get(digest), `batch ${digest} of block ${id} in the log`);
    });
    const view = extendView(this.#epoch.root.view, block);
    const { round, height, timestampMs } = block;
    const electorate = { set: this.#set, order: this.#epoch.order };
    this.#epoch = {
      ...this.#epoch,
      root: { id, round, height, timestampMs, receivedAt: 0, view },
      elections: electAfter(electorate, this.#epoch.elections, block),
    };
    this.#committed.push({ signed, batches, proof, lanes: view.lanes });
    const expected = this.#beginning.height + this.#committed.length;
    assert(expected === height, `block ${id} has height ${height}, not ${expected}`);
  }

  /** What the log holds of the old epoch above its end is void. */
  #handOver(proof: EpochProof): void {
    const { result } = proof.certificate;
    if (proof.nextSet.epoch <= this.#set.epoch) return;
    const count = result.height - this.#beginning.height;
    this.#committed.length = count;
    const last = this.#committed.at(-1);
    const attested = { kind: "attested", certificate: proof.certificate } as const;
    if (last !== undefined) {
      this.#committed[count - 1] = { ...last, proof: last.proof ?? attested };
    }
    const { chainId } = this.#config;
    const { height, timestampMs } = result;
    const { lanes: first } = this.#beginning.epoch.root.view;
    const lanes: ReadonlyMap<PublicKey, LanePosition> = last?.lanes ?? first;
    const genesisId = epochGenesisId(chainId, proof.nextSet.epoch, result);
    this.#set = proof.nextSet;
    this.#epoch = createEpoch(
      chainId,
      { set: this.#set, height, timestampMs, lanes, genesisId },
      0,
    );
    this.#epochProofs.push(proof);
    this.#certificates.set(result.height, proof.certificate);
    if (proof.repair !== undefined) {
      for (const height of this.#certificates.keys()) {
        // SPLIT: results of the abandoned epoch above that root are void.
        if (height > result.height) this.#certificates.delete(height);
      }
    }
    this.#blocks = new Map();
    this.#qcs = [];
    this.#tcs = [];
  }

  finish(): History {
    const { root } = this.#epoch;
    const blocks = new Map<Digest, BlockNode>();
    for (const [id, signed] of this.#blocks) {
      if (signed.block.epoch !== this.#set.epoch || signed.block.round <= root.round) continue;
      const stored = !this.#fromProofs.has(id);
      blocks.set(id, { signed, receivedAt: 0, stored, refused: undefined });
    }
    const ordered = root.view.lanes;
    const open = new Map<Digest, SignedBatch>();
    for (const [digest, signed] of this.#batches) {
      const { author, sequence } = signed.batch;
      if (sequence > (ordered.get(author)?.sequence ?? 0)) open.set(digest, signed);
    }
    return {
      beginning: this.#beginning,
      set: this.#set,
      epoch: { ...this.#epoch, blocks },
      committed: this.#committed,
      open,
      qcs: this.#qcs.filter(({ epoch }) => epoch === this.#set.epoch),
      tcs: this.#tcs.filter(({ epoch }) => epoch === this.#set.epoch),
      certificates: this.#certificates,
      epochProofs: this.#epochProofs,
    };
  }
}

function epochOf(proof: CommitProof): Epoch {
  if (proof.kind === "attested") return proof.certificate.result.epoch;
  return proof.kind === "order" ? proof.certificate.epoch : proof.qc.epoch;
}

function committedId(proof: CommitProof): Digest {
  if (proof.kind === "order") return proof.certificate.blockId;
  if (proof.kind === "two-chain") return proof.child.block.qc.blockId;
  return proof.certificate.result.blockId;
}

/**
 * Reads the chain log of a node from its first record, or from where a snapshot begins. The log is
 * the node's own: what is in it was verified before it was written.
 *
 * @throws AssertionError if a committed record rests on a block or batch that the log lacks.
 */
export function readHistory(
  config: ConsensusConfig,
  chain: Iterable<ChainRecord>,
  beginning: Beginning = beginAtGenesis(config),
): History {
  const replay = new Replay(config, beginning);
  for (const record of chain) replay.read(record);
  return replay.finish();
}

/** The whole log as a source of segments, for peers that need what memory no longer holds. */
export function historySource(config: ConsensusConfig, history: History): SegmentSource {
  return {
    committed: history.committed,
    baseHeight: history.beginning.height + 1,
    certificate: (height) => history.certificates.get(height),
    epochProof: (epoch) => history.epochProofs[epoch - config.genesisSet.epoch],
  };
}
