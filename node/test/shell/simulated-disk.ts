import type { AppendFile, FileSystem } from "../../src/shell/disk/file-system.ts";

interface Inode {
  /** What a reader of the running machine sees. */
  cached: Uint8Array;
  /** What is left after a power cut. */
  durable: Uint8Array;
  /** Ranges that a failed fsync dropped: clean in the cache, never written again. */
  readonly lost: { readonly from: number; readonly to: number }[];
  synced: number;
}

/**
 * A disk as the kernel gives it: names and bytes are durable only after their own sync, a failed
 * fsync keeps the bytes readable and loses them for good, and a power cut may keep any prefix of
 * the rest.
 */
export class SimulatedDisk {
  #cachedNames = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #failSyncs = 0;
  /** Every operation in order, for tests of what comes before what. */
  readonly operations: string[] = [];

  readonly fileSystem: FileSystem = {
    read: async (path) => this.#cachedNames.get(path)?.cached.slice(),
    length: async (path) => this.#cachedNames.get(path)?.cached.length,
    readRange: async (path, offset, length) => {
      const inode = this.#cachedNames.get(path);
      if (inode === undefined) throw new Error(`${path}: no such file`);
      return inode.cached.slice(offset, offset + length);
    },
    create: async (path) => {
      const empty = new Uint8Array(0);
      const inode: Inode = { cached: empty, durable: empty, lost: [], synced: 0 };
      this.#cachedNames.set(path, inode);
      return this.#file(path, inode);
    },
    openAppend: async (path, length) => {
      const inode = this.#cachedNames.get(path);
      if (inode === undefined) throw new Error(`${path}: no such file`);
      if (length < inode.cached.length) {
        inode.cached = inode.cached.slice(0, length);
        inode.durable = inode.durable.slice(0, length);
        inode.synced = Math.min(inode.synced, length);
      }
      return this.#file(path, inode);
    },
    rename: async (from, to) => {
      const inode = this.#cachedNames.get(from);
      if (inode === undefined) throw new Error(`${from}: no such file`);
      this.#cachedNames.delete(from);
      this.#cachedNames.set(to, inode);
      this.operations.push(`rename ${to}`);
    },
    list: async (folder) => {
      const prefix = `${folder}/`;
      const paths = [...this.#cachedNames.keys()].filter((path) => path.startsWith(prefix));
      return paths.map((path) => path.slice(prefix.length));
    },
    remove: async (path) => {
      this.#cachedNames.delete(path);
      this.operations.push(`remove ${path}`);
    },
    syncFolder: async () => {
      this.#durableNames = new Map(this.#cachedNames);
      this.operations.push("sync folder");
    },
  };

  /** The next `count` syncs fail. */
  failSyncs(count: number): void {
    this.#failSyncs = count;
  }

  /**
   * Power cut: of what was not synced, `keep` bytes of each file survive, as `tear` leaves them.
   */
  cutPower(keep = 0, tear: (tail: Uint8Array) => Uint8Array = (tail) => tail): void {
    this.#cachedNames = new Map(this.#durableNames);
    for (const inode of this.#cachedNames.values()) {
      const tail = tear(withHoles(inode).slice(inode.synced, inode.synced + keep));
      inode.durable = concat(inode.durable.slice(0, inode.synced), tail);
      inode.cached = inode.durable.slice();
      inode.synced = inode.durable.length;
      inode.lost.length = 0;
    }
  }

  content(path: string): Uint8Array {
    return this.#cachedNames.get(path)?.cached.slice() ?? new Uint8Array(0);
  }

  /** Replaces a file, durably: what a broken disk or a careless hand does. */
  overwrite(path: string, bytes: Uint8Array): void {
    const inode = { cached: bytes, durable: bytes, lost: [], synced: bytes.length };
    this.#cachedNames.set(path, inode);
    this.#durableNames.set(path, inode);
  }

  #file(path: string, inode: Inode): AppendFile {
    return {
      append: async (bytes) => {
        inode.cached = concat(inode.cached, bytes);
        this.operations.push(`append ${path}`);
      },
      sync: async () => {
        // The bytes are on their way while other things happen.
        await new Promise((resolve) => setImmediate(resolve));
        if (this.#failSyncs > 0) {
          this.#failSyncs -= 1;
          inode.lost.push({ from: inode.synced, to: inode.cached.length });
          inode.synced = inode.cached.length;
          throw new Error("EIO: i/o error, fdatasync");
        }
        inode.durable = withHoles(inode);
        inode.synced = inode.cached.length;
        this.operations.push(`sync ${path}`);
      },
      close: async () => undefined,
    };
  }
}

function concat(left: Uint8Array, right: Uint8Array): Uint8Array {
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}

function withHoles({ cached, lost }: Inode): Uint8Array {
  const bytes = cached.slice();
  for (const { from, to } of lost) bytes.fill(0, from, to);
  return bytes;
}
