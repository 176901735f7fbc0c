import { decodeChainRecord, encodeChainRecord } from "../../consensus/codec.ts";
import type {
  ChainRecord,
  ChainSegment,
  CommitProof,
  SignedBatch,
  SignedBlock,
} from "../../consensus/types.ts";
import { assert, defined } from "../../kernel/assert.ts";
import type { EpochProof, ResultCertificate } from "../../kernel/certificates.ts";
import type { Digest, Epoch, Height } from "../../kernel/scalars.ts";
import type { FileSystem } from "./file-system.ts";
import { openLog, type RecordLog, type RecordPlace } from "./record-log.ts";

/** A segment stays below a message of gRPC. */
const SEGMENT_BYTES_MAX = 8 * 1024 * 1024;
const SEGMENT_BLOCKS_MAX = 64;

/** What is kept in memory of a block on disk. */
interface BlockEntry {
  readonly place: RecordPlace;
  readonly parent: Digest;
  readonly epoch: Epoch;
  readonly height: Height;
  readonly batches: readonly Digest[];
}

export interface StoredBlock {
  readonly height: Height;
  readonly block: SignedBlock;
  readonly batches: readonly SignedBatch[];
  readonly certificate: ResultCertificate | undefined;
}

/** Block that a commit proof commits; for `attested` the certified block itself. */
function committedId(proof: CommitProof): Digest {
  switch (proof.kind) {
    case "order":
      return proof.certificate.blockId;
    case "two-chain":
      return proof.child.block.qc.blockId;
    case "attested":
      return proof.certificate.result.blockId;
    default:
      return proof;
  }
}

/**
 * The chain log with an index by height. Everything that consensus stored is here in order; peers
 * behind and auditors are served from it.
 */
export class ChainStore {
  readonly #fileSystem: FileSystem;
  readonly #log: RecordLog;
  readonly #blocks = new Map<Digest, BlockEntry>();
  readonly #batches = new Map<Digest, RecordPlace>();
  readonly #heights: Digest[] = [];
  readonly #proofs = new Map<Height, RecordPlace>();
  readonly #certificates = new Map<Height, RecordPlace>();
  readonly #epochs = new Map<Epoch, EpochProof>();
  #pending: ChainRecord[] = [];

  private constructor(fileSystem: FileSystem, log: RecordLog) {
    this.#fileSystem = fileSystem;
    this.#log = log;
  }

  /** Throws FatalError LOG_CORRUPT or DISK_FAILED. */
  static async open(options: {
    readonly fileSystem: FileSystem;
    readonly folder: string;
    readonly salt: Uint8Array;
  }): Promise<{ readonly store: ChainStore; readonly records: readonly ChainRecord[] }> {
    const records: ChainRecord[] = [];
    const places: RecordPlace[] = [];
    const log = await openLog({ ...options, name: "chain.log" }, ({ bytes, place }) => {
      records.push(decodeChainRecord(bytes));
      places.push(place);
    });
    const store = new ChainStore(options.fileSystem, log);
    store.#noteAll(records, places);
    return { store, records };
  }

  /** Newest committed height; 0 before the first. */
  get height(): Height {
    return this.#heights.length;
  }

  /** Takes a record for the next `sync`. */
  add(record: ChainRecord): void {
    this.#pending.push(record);
  }

  get hasPending(): boolean {
    return this.#pending.length > 0;
  }

  /**
   * Everything added before is durable when this returns (rule JOURNAL). Without a record of its
   * own it waits too: what a signature rests on may be in a sync that is still in flight. Throws
   * FatalError DISK_FAILED, also where an earlier sync failed.
   */
  async sync(): Promise<void> {
    const records = this.#pending;
    this.#pending = [];
    this.#noteAll(records, await this.#log.append(records.map(encodeChainRecord)));
  }

  async close(): Promise<void> {
    await this.#log.close();
  }

  /** Undefined above the newest committed height. */
  async block(height: Height): Promise<StoredBlock | undefined> {
    const entry = this.#blocks.get(this.#heights[height - 1] ?? "");
    if (entry === undefined) return undefined;
    const place = this.#certificates.get(height);
    const certified = place === undefined ? undefined : await this.#read(place);
    return {
      height,
      ...(await this.#filled(entry)),
      certificate: certified?.kind === "certified" ? certified.certificate : undefined,
    };
  }

  /** Blocks of one epoch from `from` on, up to a height whose commit is proven; undefined: none. */
  async segment(from: Height): Promise<ChainSegment | undefined> {
    const first = this.#blocks.get(this.#heights[from - 1] ?? "");
    if (first === undefined) return undefined;
    const end = this.#segmentEnd(from, first.epoch);
    if (end === undefined) return undefined;
    const blocks: SignedBlock[] = [];
    const batches: SignedBatch[] = [];
    for (let height = from; height <= end.height; height += 1) {
      const id = defined(this.#heights[height - 1], `block at height ${height}`);
      const filled = await this.#filled(defined(this.#blocks.get(id), `block ${id}`));
      blocks.push(filled.block);
      batches.push(...filled.batches);
    }
    const epochProof = this.#epochs.get(first.epoch);
    const endsEpoch = epochProof?.certificate.result.height === end.height;
    return {
      epoch: first.epoch,
      blocks,
      batches,
      proof: await this.#commitProof(end.proof),
      epochProof: endsEpoch ? epochProof : undefined,
    };
  }

  /**
   * The last proven height of the epoch that is not too far away; at least one proof must follow.
   */
  #segmentEnd(
    from: Height,
    epoch: Epoch,
  ): { readonly height: Height; readonly proof: RecordPlace | CommitProof } | undefined {
    let end: { height: Height; proof: RecordPlace | CommitProof } | undefined;
    let bytes = 0;
    for (let height = from; height <= this.#heights.length; height += 1) {
      const entry = this.#blocks.get(this.#heights[height - 1] ?? "");
      if (entry === undefined || entry.epoch !== epoch) break;
      bytes += entry.place.length;
      for (const digest of entry.batches) bytes += this.#batches.get(digest)?.length ?? 0;
      const isLong = bytes > SEGMENT_BYTES_MAX || height - from >= SEGMENT_BLOCKS_MAX;
      if (isLong && end !== undefined) break;
      const proof = this.#proofs.get(height) ?? this.#epochEnd(epoch, height);
      if (proof !== undefined) end = { height, proof };
    }
    return end;
  }

  /** The quorum's word that ended the epoch commits its last block, if nothing else did. */
  #epochEnd(epoch: Epoch, height: Height): CommitProof | undefined {
    const certificate = this.#epochs.get(epoch)?.certificate;
    if (certificate?.result.height !== height) return undefined;
    return { kind: "attested", certificate };
  }

  async #commitProof(proof: RecordPlace | CommitProof): Promise<CommitProof> {
    if ("kind" in proof) return proof;
    const record = await this.#read(proof);
    assert(record.kind === "committed", "the index points at a commit");
    return record.proof;
  }

  async #filled(entry: BlockEntry): Promise<{ block: SignedBlock; batches: SignedBatch[] }> {
    const record = await this.#read(entry.place);
    assert(record.kind === "block", "the index points at a block");
    const batches: SignedBatch[] = [];
    for (const digest of entry.batches) {
      const place = this.#batches.get(digest);
      if (place === undefined) continue;
      const batch = await this.#read(place);
      assert(batch.kind === "batch", "the index points at a batch");
      batches.push(batch.batch);
    }
    return { block: record.block, batches };
  }

  async #read(place: RecordPlace): Promise<ChainRecord> {
    const { offset, length } = place;
    return decodeChainRecord(await this.#fileSystem.readRange(this.#log.path, offset, length));
  }

  #noteAll(records: readonly ChainRecord[], places: readonly RecordPlace[]): void {
    for (const [index, record] of records.entries()) {
      this.#note(record, defined(places[index], `place of record ${index}`));
    }
  }

  #note(record: ChainRecord, place: RecordPlace): void {
    switch (record.kind) {
      case "block": {
        const { block, id } = record.block;
        const batches = block.cut.map(({ digest }) => digest);
        const { epoch, height } = block;
        this.#blocks.set(id, { place, parent: block.qc.blockId, epoch, height, batches });
        return;
      }
      case "batch":
        this.#batches.set(record.batch.digest, place);
        return;
      case "committed":
        this.#noteCommitted(record.height, record.proof, place);
        return;
      case "certified":
        this.#certificates.set(record.certificate.result.height, place);
        return;
      case "epoch":
        this.#noteEpoch(record.proof);
        return;
      case "qc":
      case "tc":
        return;
      default:
        record satisfies never;
    }
  }

  /**
   * Rule EPOCH: what was ordered after the block that ends the epoch is void, its heights are free.
   */
  #noteEpoch(proof: EpochProof): void {
    const { height } = proof.certificate.result;
    this.#epochs.set(proof.nextSet.epoch - 1, proof);
    for (let at = this.#heights.length; at > height; at -= 1) this.#proofs.delete(at);
    this.#heights.splice(height);
  }

  /** A commit proof commits the ancestors too: walks back to the newest committed height. */
  #noteCommitted(height: Height, proof: CommitProof, place: RecordPlace): void {
    const path: Digest[] = [];
    let id = committedId(proof);
    for (let at = height; at > this.#heights.length; at -= 1) {
      const entry = this.#blocks.get(id);
      assert(entry?.height === at, `block ${id} of height ${at} was stored before its commit`);
      path.push(id);
      id = entry.parent;
    }
    this.#heights.push(...path.reverse());
    this.#proofs.set(height, place);
  }
}
