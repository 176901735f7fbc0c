import { readSignedBlock, writeSignedBlock } from "../../consensus/codec.ts";
import type { SignedBlock } from "../../consensus/types.ts";
import { assert } from "../../kernel/assert.ts";
import { equalBytes } from "../../kernel/bytes.ts";
import {
  type ResultCertificate,
  readResultCertificate,
  writeResultCertificate,
} from "../../kernel/certificates.ts";
import { DecodeError, Reader, Writer } from "../../kernel/codec.ts";
import type { Height } from "../../kernel/scalars.ts";
import {
  encodeManifest,
  readManifest,
  type SnapshotManifest,
} from "../../ledger/snapshot-manifest.ts";
import type { FileSystem } from "./file-system.ts";
import { openLog, type RecordLog, type RecordPlace, readLog, startNewLog } from "./record-log.ts";

/** Snapshots that are kept: the newest ones. */
export const SNAPSHOT_RING = 3;
/** Written and synced at once: small, because the journal shares the disk and the event loop. */
const GROUP_BYTES = 1024 * 1024;

/** What a snapshot is of; its bytes are what peers are sent before the chunks. */
export interface SnapshotHead {
  readonly certificate: ResultCertificate;
  readonly block: SignedBlock;
  readonly manifest: SnapshotManifest;
}

export function encodeSnapshotHead({ certificate, block, manifest }: SnapshotHead): Uint8Array {
  const writer = new Writer();
  writeResultCertificate(writer, certificate);
  writeSignedBlock(writer, block);
  return writer.bytes(encodeManifest(manifest)).finish();
}

/** @throws DecodeError on bytes that no encoder writes. */
export function decodeSnapshotHead(bytes: Uint8Array): SnapshotHead {
  const reader = new Reader(bytes);
  const certificate = readResultCertificate(reader, "certificate");
  const block = readSignedBlock(reader, "block");
  const inner = new Reader(reader.bytes("manifest", HEAD_BYTES_MAX));
  const manifest = readManifest(inner);
  inner.end();
  reader.end();
  return { certificate, block, manifest };
}

export const HEAD_BYTES_MAX = 4 * 1024 * 1024;

function nameOf(height: Height, suffix: "snap" | "part" | "bad"): string {
  return `snapshot-${height}.${suffix}`;
}

/** u32 index, u32 length. */
const CHUNK_RECORD_HEADER_BYTES = 8;

/** In one piece of memory: there are thousands of them, of a hundred kilobytes and more. */
function encodeChunkRecord(index: number, chunk: Uint8Array): Uint8Array {
  const record = new Uint8Array(CHUNK_RECORD_HEADER_BYTES + chunk.length);
  record.set(new Writer().u32(index).u32(chunk.length).finish());
  record.set(chunk, CHUNK_RECORD_HEADER_BYTES);
  return record;
}

/** The chunk is a view of the record, which nobody else holds. */
function decodeChunkRecord(bytes: Uint8Array): {
  readonly index: number;
  readonly chunk: Uint8Array;
} {
  const reader = new Reader(bytes.subarray(0, CHUNK_RECORD_HEADER_BYTES));
  const index = reader.u32("index");
  const length = reader.u32("chunk");
  reader.end();
  const chunk = bytes.subarray(CHUNK_RECORD_HEADER_BYTES);
  if (chunk.length === length) return { index, chunk };
  throw new DecodeError("chunk", `${chunk.length} bytes, and the record says ${length}`);
}

interface Stored {
  readonly head: SnapshotHead;
  readonly places: ReadonlyMap<number, RecordPlace>;
}

export interface SnapshotStoreOptions {
  readonly fileSystem: FileSystem;
  readonly folder: string;
  /** 16 random bytes for each new file. */
  readonly salt: () => Uint8Array;
}

/** Takes the chunks of one snapshot in any order and writes them in groups. */
export class SnapshotWriter {
  readonly #log: RecordLog;
  readonly #places = new Map<number, RecordPlace>();
  readonly #publish: (places: ReadonlyMap<number, RecordPlace>) => Promise<void>;
  readonly #closed: () => void;
  #waiting: { readonly index: number; readonly record: Uint8Array }[] = [];
  #bytes = 0;

  constructor(
    log: RecordLog,
    publish: (places: ReadonlyMap<number, RecordPlace>) => Promise<void>,
    closed: () => void = () => undefined,
  ) {
    this.#log = log;
    this.#publish = publish;
    this.#closed = closed;
  }

  /** Durable when enough of them have come, at the latest with `finish`. */
  async add(index: number, chunk: Uint8Array): Promise<void> {
    const record = encodeChunkRecord(index, chunk);
    this.#waiting.push({ index, record });
    this.#bytes += record.length;
    if (this.#bytes >= GROUP_BYTES) await this.#flush();
  }

  /** The snapshot has its name, durably, when this returns. */
  async finish(): Promise<void> {
    await this.#flush();
    await this.#log.close();
    await this.#publish(this.#places);
    this.#closed();
  }

  /** What has come is durable, for `resume`. */
  async suspend(): Promise<void> {
    await this.#flush();
    await this.close();
  }

  /** What has come since the last group is given up. */
  async close(): Promise<void> {
    await this.#log.close();
    this.#closed();
  }

  async #flush(): Promise<void> {
    const group = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    if (group.length === 0) return;
    const places = await this.#log.append(group.map(({ record }) => record));
    for (const [at, { index }] of group.entries()) {
      const place = places[at];
      if (place !== undefined) this.#places.set(index, place);
    }
  }

  /** A chunk that was written in a former life. */
  note(index: number, place: RecordPlace): void {
    this.#places.set(index, place);
  }
}

/**
 * The snapshots of this node: files `snapshot-<height>.snap` in the form of the logs, each a head
 * and then the chunks. What is not whole has another name. The newest ones are kept.
 */
export class SnapshotStore {
  readonly #options: SnapshotStoreOptions;
  readonly #stored = new Map<Height, Stored | undefined>();
  /** Fetched just now: not to be pruned under the hands of who writes it. */
  #fetching: Height | undefined;

  private constructor(options: SnapshotStoreOptions, heights: readonly Height[]) {
    this.#options = options;
    for (const height of heights) this.#stored.set(height, undefined);
  }

  /** Removes what a crash left of own ones; nothing is read yet. */
  static async open(options: SnapshotStoreOptions): Promise<SnapshotStore> {
    const { fileSystem, folder } = options;
    const heights: Height[] = [];
    for (const name of await fileSystem.list(folder)) {
      const found = /^snapshot-([1-9][0-9]{0,15})\.(snap|snap\.new|part\.new|bad)$/.exec(name);
      if (found === null) continue;
      if (found[2] === "snap") heights.push(Number(found[1]));
      else await fileSystem.remove(`${folder}/${name}`);
    }
    return new SnapshotStore(options, heights);
  }

  /** Newest first. */
  get heights(): readonly Height[] {
    return [...this.#stored.keys()].toSorted((left, right) => right - left);
  }

  /** Those that can be served: read, or written, in this life of the process. */
  get served(): readonly Height[] {
    return this.heights.filter((height) => this.#stored.get(height) !== undefined);
  }

  head(height: Height): SnapshotHead | undefined {
    return this.#stored.get(height)?.head;
  }

  async chunk(height: Height, index: number): Promise<Uint8Array | undefined> {
    const place = this.#stored.get(height)?.places.get(index);
    if (place === undefined) return undefined;
    const { fileSystem } = this.#options;
    const path = this.#path(height);
    const record = await fileSystem.readRange(path, place.offset, place.length);
    return decodeChunkRecord(record).chunk;
  }

  /**
   * Reads the file front to back: `open` is called with the head and gives what takes each chunk.
   * From then on it can be served. Throws where the file is torn, corrupt or not whole.
   */
  async read(
    height: Height,
    open: (head: SnapshotHead) => (index: number, chunk: Uint8Array) => Promise<void>,
  ): Promise<void> {
    const path = this.#path(height);
    const found = await this.#scan(path, open);
    if (found === undefined) throw new Error(`${path} is empty`);
    const missing = missingChunks(found);
    if (missing.length > 0) throw new Error(`${path} lacks ${missing.length} chunks`);
    this.#stored.set(height, found);
  }

  /** Reads the other files so that they can be served too; `pause` is waited for at every chunk. */
  async readOthers(
    pause: () => Promise<void>,
    refused: (height: Height, reason: string) => void,
  ): Promise<void> {
    for (const height of this.heights) {
      if (this.#stored.get(height) !== undefined) continue;
      try {
        await this.read(height, () => pause);
      } catch (error) {
        refused(height, error instanceof Error ? error.message : String(error));
      }
    }
  }

  /**
   * One that does not verify is none of the ring, and takes no place of one that does; its bytes
   * stay for people until the next start.
   */
  async setAside(height: Height): Promise<void> {
    const { fileSystem, folder } = this.#options;
    this.#stored.delete(height);
    await fileSystem.rename(this.#path(height), `${folder}/${nameOf(height, "bad")}`);
    await fileSystem.syncFolder(folder);
  }

  /** Frees what a snapshot that could not be written has taken. */
  async discard(height: Height): Promise<void> {
    await this.#options.fileSystem.remove(`${this.#path(height)}.new`);
  }

  async #scan(
    path: string,
    open: (head: SnapshotHead) => (index: number, chunk: Uint8Array) => Promise<void>,
  ): Promise<Stored | undefined> {
    let head: SnapshotHead | undefined;
    let take: ((index: number, chunk: Uint8Array) => Promise<void>) | undefined;
    const places = new Map<number, RecordPlace>();
    await readLog(this.#options.fileSystem, path, ({ bytes, place }) => {
      if (take === undefined) {
        head = decodeSnapshotHead(bytes);
        take = open(head);
        return undefined;
      }
      const { index, chunk } = decodeChunkRecord(bytes);
      places.set(index, place);
      return take(index, chunk);
    });
    return head && { head, places };
  }

  /** Begins a snapshot of this node's own state. */
  async create(head: SnapshotHead): Promise<SnapshotWriter> {
    const { fileSystem, folder, salt } = this.#options;
    const { height } = head.manifest;
    const location = { fileSystem, folder, name: nameOf(height, "snap"), salt: salt() };
    const { log, publish } = await startNewLog(location);
    try {
      await log.append([encodeSnapshotHead(head)]);
    } catch (cause) {
      await log.close();
      throw cause;
    }
    return new SnapshotWriter(log, async (places) => {
      await publish();
      this.#stored.set(height, { head, places });
    });
  }

  /**
   * Goes on with a snapshot that is fetched from peers, or begins it: chunks that a former life
   * verified and wrote are given to `take` first.
   */
  async resume(
    head: SnapshotHead,
    take: (index: number, chunk: Uint8Array) => Promise<void>,
  ): Promise<SnapshotWriter> {
    const { fileSystem, folder, salt } = this.#options;
    const { height } = head.manifest;
    const manifest = encodeManifest(head.manifest);
    const name = nameOf(height, "part");
    const path = `${folder}/${name}`;
    const before = await this.#scan(path, (found) => {
      // What only a manifest declares may be a lie of who sent it, and would stay in the file.
      const isSame = equalBytes(encodeManifest(found.manifest), manifest);
      assert(isSame, `${path} has another manifest`);
      return take;
    }).catch(() => undefined);
    if (before === undefined) await fileSystem.remove(path);
    const log = await openLog({ fileSystem, folder, name, salt: salt() }, () => undefined);
    if (before === undefined) await log.append([encodeSnapshotHead(head)]);
    this.#fetching = height;
    const publish = async (places: ReadonlyMap<number, RecordPlace>): Promise<void> => {
      await fileSystem.rename(path, this.#path(height));
      await fileSystem.syncFolder(folder);
      this.#stored.set(height, { head, places });
    };
    const writer = new SnapshotWriter(log, publish, () => {
      this.#fetching = undefined;
    });
    for (const [index, place] of before?.places ?? []) writer.note(index, place);
    return writer;
  }

  /** The height of a fetch that a former life began, if any. */
  async partial(): Promise<readonly Height[]> {
    const { fileSystem, folder } = this.#options;
    const names = await fileSystem.list(folder);
    return names.flatMap((name) => {
      const found = /^snapshot-([1-9][0-9]{0,15})\.part$/.exec(name);
      return found === null ? [] : [Number(found[1])];
    });
  }

  /** Removes all but the newest, and what was fetched and came to nothing. */
  async prune(keep = SNAPSHOT_RING): Promise<void> {
    const { fileSystem, folder } = this.#options;
    const old = this.heights.slice(keep);
    for (const height of old) {
      this.#stored.delete(height);
      await fileSystem.remove(this.#path(height));
    }
    for (const height of await this.partial()) {
      if (height === this.#fetching) continue;
      await fileSystem.remove(`${folder}/${nameOf(height, "part")}`);
    }
    await fileSystem.syncFolder(folder);
  }

  #path(height: Height): string {
    return `${this.#options.folder}/${nameOf(height, "snap")}`;
  }
}

/** Empty chunks need not be there. */
export function missingChunks({ head, places }: Stored): readonly number[] {
  return head.manifest.chunks.flatMap(({ kind }, index) => {
    return kind === "empty" || places.has(index) ? [] : [index];
  });
}
