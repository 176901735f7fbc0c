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
import type { Height } from "../../kernel/scalars.ts";
import { chainBases, chainFileName } from "./chain-files.ts";
import { type BlockEntry, ChainIndex } from "./chain-index.ts";
import { EpochLog } from "./epoch-log.ts";
import type { FileSystem } from "./file-system.ts";
import {
  decodeRecord,
  openLog,
  type RecordLog,
  type RecordPlace,
  readLog,
  writeNewLog,
} from "./record-log.ts";

/** A segment of history for a peer stays below a message of gRPC. */
const SEGMENT_BYTES_MAX = 8 * 1024 * 1024;
const SEGMENT_BLOCKS_MAX = 64;
/** A new file takes over what is open; while the chain is being executed anew that is too much. */
const CARRY_HEIGHTS_MAX = 1_024;
/** Records that the background reading of old files takes at once. */
const RECORDS_AT_ONCE = 16;

export interface StoredBlock {
  readonly height: Height;
  readonly block: SignedBlock;
  readonly batches: readonly SignedBatch[];
  readonly certificate: ResultCertificate | undefined;
}

/** One file of the chain log: heights above its base, up to the base of the next one. */
interface LogFile {
  readonly path: string;
  readonly base: Height;
  /** Undefined while it is not read yet: nothing of it is served. */
  index: ChainIndex | undefined;
}

export interface ChainStoreOptions {
  readonly fileSystem: FileSystem;
  readonly folder: string;
  /** 16 random bytes for each new file. */
  readonly salt: () => Uint8Array;
}

export interface OpenedChain {
  readonly store: ChainStore;
  /** In their order, duplicates included, of all files from the one that the base needs. */
  readonly records: readonly ChainRecord[];
  /** Files between the base and the newest one are gone: the records lead nowhere. */
  readonly hasGap: boolean;
}

/**
 * The chain log in files, one for each snapshot, with an index by height. Everything that consensus
 * stored above a file's base is in that file or in later ones; peers behind and auditors are served
 * from it, as far back as files are kept. Ends of epochs are kept for ever, in a file of their own.
 */
export class ChainStore {
  readonly #options: ChainStoreOptions;
  readonly #epochs: EpochLog;
  /** Ascending; the last one is appended to. */
  #files: LogFile[];
  #log: RecordLog;
  #pending: ChainRecord[] = [];
  #last: Promise<unknown> = Promise.resolve();

  private constructor(
    options: ChainStoreOptions,
    parts: { readonly files: LogFile[]; readonly log: RecordLog; readonly epochs: EpochLog },
  ) {
    this.#options = options;
    this.#files = parts.files;
    this.#log = parts.log;
    this.#epochs = parts.epochs;
  }

  /**
   * Opens the log of a node that starts above `base`: files before the one that holds the next
   * height are left for `indexOlder`. Throws FatalError LOG_CORRUPT or DISK_FAILED.
   */
  static async open(
    options: ChainStoreOptions,
    { base, epochs: opened }: { readonly base: Height; readonly epochs?: EpochLog } = { base: 0 },
  ): Promise<OpenedChain> {
    const { fileSystem, folder } = options;
    const bases = await chainBases(options);
    const all = bases.length === 0 ? [base] : bases;
    const first = Math.max(
      all.findLastIndex((each) => each <= base),
      0,
    );
    const files = all.map((each): LogFile => {
      return { path: `${folder}/${chainFileName(each)}`, base: each, index: undefined };
    });
    const records: ChainRecord[] = [];
    let hasGap = defined(files[first], "the first file").base > base;
    for (const [at, file] of files.slice(first, -1).entries()) {
      const index = new ChainIndex(file.base);
      await readLog(fileSystem, file.path, (found) => {
        const record = decodeRecord(file.path, found, decodeChainRecord);
        records.push(record);
        index.note(record, found.place);
      });
      file.index = index;
      const next = defined(files[first + at + 1], "the next file");
      if (index.height < next.base) hasGap = true;
    }
    const current = defined(files.at(-1), "the newest file");
    const index = new ChainIndex(current.base);
    const location = {
      fileSystem,
      folder,
      name: chainFileName(current.base),
      salt: options.salt(),
    };
    const log = await openLog(location, (found) => {
      const record = decodeRecord(current.path, found, decodeChainRecord);
      records.push(record);
      index.note(record, found.place);
    });
    current.index = index;
    const stored = records.flatMap((record) => (record.kind === "epoch" ? [record.proof] : []));
    const epochs = opened ?? (await EpochLog.open({ fileSystem, folder, salt: options.salt() }));
    for (const proof of stored) {
      // Where the log of the ends was lost, peers have those that come before this one.
      if (proof.nextSet.epoch === epochs.newest + 1) await epochs.append(proof);
    }
    const store = new ChainStore(options, { files, log, epochs });
    // A snapshot from elsewhere, above all that this log knows.
    if (base > store.height) await store.#startFile(base, []);
    return { store, records, hasGap };
  }

  /** Newest committed height; 0 before the first. */
  get height(): Height {
    return this.#current().height;
  }

  /** The lowest height that is served from here. */
  get lowest(): Height {
    return (this.#files.find(({ index }) => index !== undefined)?.base ?? this.height) + 1;
  }

  /** Ends of epochs from genesis on, without a gap. */
  get epochProofs(): readonly EpochProof[] {
    return this.#epochs.proofs;
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
  sync(): Promise<void> {
    const records = this.#pending;
    this.#pending = [];
    return this.#inTurn(() => this.#append(records));
  }

  /**
   * Goes on in a new file for the heights above `base`, which is certified: what is open there is
   * taken over, and what comes is written to the new one. False where too much is open.
   */
  rotate(base: Height): Promise<boolean> {
    const records = this.#pending;
    this.#pending = [];
    return this.#inTurn(async () => {
      await this.#append(records);
      const index = this.#current();
      if (base <= index.base || base > index.height) return false;
      if (index.height - base > CARRY_HEIGHTS_MAX) return false;
      await this.#startFile(base, index.above(base));
      return true;
    });
  }

  /** Removes the files that hold nothing above the height: a snapshot stands for them. */
  prune(height: Height): Promise<number> {
    return this.#inTurn(async () => {
      const { fileSystem, folder } = this.#options;
      const isOld = (at: number): boolean => {
        const next = this.#files[at + 1];
        return next !== undefined && next.base <= height;
      };
      const old = this.#files.filter((_, at) => isOld(at));
      this.#files = this.#files.filter((_, at) => !isOld(at));
      for (const { path } of old) await fileSystem.remove(path);
      if (old.length > 0) await fileSystem.syncFolder(folder);
      return old.length;
    });
  }

  /**
   * Reads the files that the start did not need, newest first, so that peers get their history;
   * `pause` is waited for after every few records.
   */
  async indexOlder(pause: () => Promise<void>): Promise<void> {
    const { fileSystem } = this.#options;
    for (const file of this.#files.filter((each) => each.index === undefined).toReversed()) {
      const index = new ChainIndex(file.base);
      let count = 0;
      await readLog(fileSystem, file.path, ({ bytes, place }) => {
        index.note(decodeChainRecord(bytes), place);
        count += 1;
        return count % RECORDS_AT_ONCE === 0 ? pause() : undefined;
      });
      file.index = index;
    }
  }

  /** Of the chain alone: the ends of epochs go on. */
  async closeFile(): Promise<void> {
    await this.#log.close();
  }

  async close(): Promise<void> {
    await this.closeFile();
    await this.#epochs.close();
  }

  /** Undefined above the newest committed height, and where the file is pruned or not read yet. */
  async block(height: Height): Promise<StoredBlock | undefined> {
    const file = this.#fileOf(height);
    const entry = file?.index?.blockAt(height);
    if (file === undefined || entry === undefined) return undefined;
    const place = file.index?.certificateAt(height);
    const certified = place === undefined ? undefined : await this.#read(file, place);
    return {
      height,
      ...(await this.#filled(file, entry)),
      certificate: certified?.kind === "certified" ? certified.certificate : undefined,
    };
  }

  /** Blocks of one epoch from `from` on, up to a height whose commit is proven; undefined: none. */
  async segment(from: Height): Promise<ChainSegment | undefined> {
    const file = this.#fileOf(from);
    const first = file?.index?.blockAt(from);
    if (file?.index === undefined || first === undefined) return undefined;
    const end = this.#segmentEnd(file, from);
    if (end === undefined) return undefined;
    const blocks: SignedBlock[] = [];
    const batches: SignedBatch[] = [];
    for (let height = from; height <= end.height; height += 1) {
      const entry = defined(file.index.blockAt(height), `block at height ${height}`);
      const filled = await this.#filled(file, entry);
      blocks.push(filled.block);
      batches.push(...filled.batches);
    }
    const epochProof = this.#epochs.of(first.epoch);
    const endsEpoch = epochProof?.certificate.result.height === end.height;
    return {
      epoch: first.epoch,
      blocks,
      batches,
      proof: await this.#commitProof(file, end.proof),
      epochProof: endsEpoch ? epochProof : undefined,
    };
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#last.then(action);
    // Whoever asked hears of a failure; the next one fails by itself (RecordLog).
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #append(records: readonly ChainRecord[]): Promise<void> {
    for (const record of records) {
      if (record.kind === "epoch") await this.#epochs.append(record.proof);
    }
    const index = this.#current();
    const places = await this.#log.append(records.map(encodeChainRecord));
    for (const [at, record] of records.entries()) {
      index.note(record, defined(places[at], `place of record ${at}`));
    }
  }

  async #startFile(base: Height, kept: readonly RecordPlace[]): Promise<void> {
    const { fileSystem, folder } = this.#options;
    const { path } = this.#log;
    const carried: Uint8Array[] = [];
    for (const { offset, length } of kept) {
      carried.push(await fileSystem.readRange(path, offset, length));
    }
    const location = { fileSystem, folder, name: chainFileName(base), salt: this.#options.salt() };
    const { log, places } = await writeNewLog(location, carried);
    const index = new ChainIndex(base);
    for (const [at, bytes] of carried.entries()) {
      index.note(decodeChainRecord(bytes), defined(places[at], `place of record ${at}`));
    }
    const before = this.#log;
    this.#log = log;
    this.#files = [...this.#files, { path: log.path, base, index }];
    await before.close();
  }

  #current(): ChainIndex {
    return defined(this.#files.at(-1)?.index, "index of the newest file");
  }

  /** The file whose heights these are; in its end it also holds a few of the next one's. */
  #fileOf(height: Height): LogFile | undefined {
    return this.#files.findLast(({ base }) => base < height);
  }

  /**
   * The last proven height of the epoch that is not too far away; at least one proof must follow.
   */
  #segmentEnd(
    file: LogFile,
    from: Height,
  ): { readonly height: Height; readonly proof: RecordPlace | CommitProof } | undefined {
    const { index } = file;
    const epoch = index?.blockAt(from)?.epoch;
    if (index === undefined || epoch === undefined) return undefined;
    const last = this.#files.find(({ base }) => base > file.base)?.base ?? index.height;
    let end: { height: Height; proof: RecordPlace | CommitProof } | undefined;
    let bytes = 0;
    for (let height = from; height <= last; height += 1) {
      const entry = index.blockAt(height);
      if (entry === undefined || entry.epoch !== epoch) break;
      bytes += entry.place.length;
      for (const digest of entry.batches) bytes += index.batchAt(digest)?.length ?? 0;
      const isLong = bytes > SEGMENT_BYTES_MAX || height - from >= SEGMENT_BLOCKS_MAX;
      if (isLong && end !== undefined) break;
      const proof = index.proofAt(height) ?? this.#epochEnd(entry) ?? index.certificateAt(height);
      if (proof !== undefined) end = { height, proof };
    }
    return end;
  }

  /** The quorum's word that ended the epoch commits its last block, if nothing else did. */
  #epochEnd({ epoch, height }: BlockEntry): CommitProof | undefined {
    const certificate = this.#epochs.of(epoch)?.certificate;
    if (certificate?.result.height !== height) return undefined;
    return { kind: "attested", certificate };
  }

  async #commitProof(file: LogFile, proof: RecordPlace | CommitProof): Promise<CommitProof> {
    if ("kind" in proof) return proof;
    const record = await this.#read(file, proof);
    if (record.kind === "certified") return { kind: "attested", certificate: record.certificate };
    assert(record.kind === "committed", "the index points at a commit");
    return record.proof;
  }

  async #filled(
    file: LogFile,
    entry: BlockEntry,
  ): Promise<{ block: SignedBlock; batches: SignedBatch[] }> {
    const record = await this.#read(file, entry.place);
    assert(record.kind === "block", "the index points at a block");
    const batches: SignedBatch[] = [];
    for (const digest of entry.batches) {
      const place = file.index?.batchAt(digest);
      if (place === undefined) continue;
      const batch = await this.#read(file, place);
      assert(batch.kind === "batch", "the index points at a batch");
      batches.push(batch.batch);
    }
    return { block: record.block, batches };
  }

  async #read(file: LogFile, { offset, length }: RecordPlace): Promise<ChainRecord> {
    return decodeChainRecord(await this.#options.fileSystem.readRange(file.path, offset, length));
  }
}
