import { existsSync, ftruncate, openSync, read, readdirSync, rmSync, write } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import type { AppendFile, FileSystem } from "../../src/shell/disk/file-system.ts";
import type { Random } from "../sim/random.ts";

/** Disks write whole sectors: what survives of a torn write is a set of them. */
const SECTOR_BYTES = 512;
/** A sync takes this long at most, so that a kill often meets one on its way. */
const SYNC_MS_MAX = 4;
const UNNAMED = ".unnamed-";

interface Chunk {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** One file's content, whatever its name is at the moment. */
interface Inode {
  /** Where its real bytes are: under the durable name, or under one that no start looks for. */
  place: string;
  /** A bare descriptor, open as long as the process: a file without a name is worth no warning. */
  readonly descriptor: number;
  /** Length as the running machine sees it. */
  length: number;
  /** Written, not synced: only some sectors of it have reached the real file. */
  pending: readonly Chunk[];
}

/** How much of a write reaches the disk before its sync, by chance. */
type EarlyWrite = "nothing" | "prefix" | "some-sectors" | "everything";
const EARLY_WRITES: readonly EarlyWrite[] = ["nothing", "prefix", "some-sectors", "everything"];

/**
 * A disk for a real process that is killed as if the power went. The real folder holds at each
 * moment what a power cut would leave: synced bytes and synced names, and of the rest a subset that
 * the seed chooses (nothing, a torn prefix, later sectors without earlier ones; a rename before the
 * bytes of its file). What the process reads is what it wrote, as through a kernel's cache.
 */
export class DroppingDisk implements FileSystem {
  readonly #random: Random;
  /** Names as the running machine sees them; undefined: removed. Others are as on the real disk. */
  readonly #names = new Map<string, Inode | undefined>();
  #unnamed = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The power is back: files that never got a durable name are gone. */
  static powerOn(folder: string): void {
    if (!existsSync(folder)) return;
    for (const name of readdirSync(folder)) {
      if (name.startsWith(UNNAMED)) rmSync(join(folder, name));
    }
  }

  readonly read = async (path: string): Promise<Uint8Array | undefined> => {
    const inode = await this.#find(path);
    return inode === undefined ? undefined : cached(inode, 0, inode.length);
  };

  readonly length = async (path: string): Promise<number | undefined> => {
    return (await this.#find(path))?.length;
  };

  readonly readRange = async (path: string, offset: number, length: number) => {
    const inode = await this.#existing(path);
    if (offset + length > inode.length) throw new Error(`${path} ends before ${offset + length}`);
    return cached(inode, offset, length);
  };

  readonly create = async (path: string): Promise<AppendFile> => {
    this.#unnamed += 1;
    const place = join(dirname(path), `${UNNAMED}${this.#unnamed}`);
    const descriptor = openSync(place, "w+", 0o600);
    const inode: Inode = { place, descriptor, length: 0, pending: [] };
    this.#names.set(path, inode);
    if (this.#random.chance(0.25)) await moveTo(inode, path);
    return this.#file(inode);
  };

  readonly openAppend = async (path: string, length: number): Promise<AppendFile> => {
    const inode = await this.#existing(path);
    if (length !== inode.length) {
      await promisify(ftruncate)(inode.descriptor, length);
      inode.length = length;
      inode.pending = [];
    }
    return this.#file(inode);
  };

  readonly rename = async (from: string, to: string): Promise<void> => {
    const inode = await this.#existing(from);
    this.#names.set(from, undefined);
    this.#names.set(to, inode);
    // Nothing says that a rename waits for the bytes of its file, nor for the folder's sync.
    if (this.#random.chance(0.25)) await moveTo(inode, to);
  };

  readonly list = async (folder: string): Promise<readonly string[]> => {
    const names = new Set(readdirSync(folder).filter((name) => !name.startsWith(UNNAMED)));
    for (const [path, inode] of this.#names) {
      if (dirname(path) !== folder) continue;
      if (inode === undefined) names.delete(basename(path));
      else names.add(basename(path));
    }
    return [...names];
  };

  readonly remove = async (path: string): Promise<void> => {
    const inode = await this.#find(path);
    this.#names.set(path, undefined);
    if (inode?.place === path && this.#random.chance(0.25)) await rm(path, { force: true });
  };

  readonly syncFolder = async (path: string): Promise<void> => {
    await this.#delay();
    const here = [...this.#names].filter(([name]) => dirname(name) === path);
    for (const [name, inode] of here) if (inode !== undefined) await moveTo(inode, name);
    for (const [name, inode] of here) if (inode === undefined) await rm(name, { force: true });
  };

  /** One opening of a file: the inode outlives it, and is read again under its name. */
  #file(inode: Inode): AppendFile {
    let isClosed = false;
    const demandOpen = (): void => {
      if (isClosed) throw new Error(`${inode.place}: was closed`);
    };
    return {
      append: async (bytes) => {
        demandOpen();
        const offset = inode.length;
        inode.length += bytes.length;
        inode.pending = [...inode.pending, { offset, bytes }];
        for (const early of this.#early({ offset, bytes })) await writeAt(inode, early);
      },
      sync: async () => {
        demandOpen();
        const { pending } = inode;
        await this.#delay();
        for (const chunk of pending) await writeAt(inode, chunk);
        inode.pending = inode.pending.filter((chunk) => !pending.includes(chunk));
      },
      close: async () => {
        isClosed = true;
      },
    };
  }

  /** The parts of a write that are on the disk at once. */
  #early(chunk: Chunk): Chunk[] {
    switch (this.#random.pick(EARLY_WRITES)) {
      case "nothing":
        return [];
      case "everything":
        return [chunk];
      case "prefix": {
        const length = this.#random.integer(1, chunk.bytes.length);
        return [{ offset: chunk.offset, bytes: chunk.bytes.subarray(0, length) }];
      }
      case "some-sectors":
        return sectors(chunk).filter(() => this.#random.chance(0.5));
    }
  }

  async #delay(): Promise<void> {
    await pause(this.#random.next() * SYNC_MS_MAX);
  }

  async #existing(path: string): Promise<Inode> {
    const inode = await this.#find(path);
    if (inode === undefined) throw new Error(`${path}: no such file`);
    return inode;
  }

  async #find(path: string): Promise<Inode | undefined> {
    if (this.#names.has(path)) return this.#names.get(path);
    if (!existsSync(path) || basename(path).startsWith(UNNAMED)) return undefined;
    const descriptor = openSync(path, "r+");
    const { size } = await stat(path);
    const inode: Inode = { place: path, descriptor, length: size, pending: [] };
    this.#names.set(path, inode);
    return inode;
  }
}

async function moveTo(inode: Inode, name: string): Promise<void> {
  if (inode.place === name) return;
  await rename(inode.place, name);
  inode.place = name;
}

async function writeAt({ descriptor }: Inode, { offset, bytes }: Chunk): Promise<void> {
  await promisify(write)(descriptor, bytes, 0, bytes.length, offset);
}

/** Real bytes, zeros where none have arrived, and over them what is pending. */
async function cached(inode: Inode, from: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await promisify(read)(inode.descriptor, bytes, 0, length, from);
  for (const { offset, bytes: written } of inode.pending) {
    const start = Math.max(from, offset);
    const end = Math.min(from + length, offset + written.length);
    if (start < end) bytes.set(written.subarray(start - offset, end - offset), start - from);
  }
  return bytes;
}

/** The write cut at the sectors of the file. */
function sectors({ offset, bytes }: Chunk): Chunk[] {
  const parts: Chunk[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = SECTOR_BYTES - ((offset + at) % SECTOR_BYTES);
    parts.push({ offset: offset + at, bytes: bytes.subarray(at, at + length) });
    at += length;
  }
  return parts;
}
