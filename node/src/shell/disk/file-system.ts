import {
  access,
  chmod,
  constants,
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
} from "node:fs/promises";

import { FatalError } from "../fatal-error.ts";

/** A file that only grows. Nothing is durable before `sync` has returned. */
export interface AppendFile {
  append(bytes: Uint8Array): Promise<void>;
  /** fdatasync. A failure is final: the kernel may have dropped what was written (rule JOURNAL). */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * The few file operations that durability rests on, so that a test can fail, tear and lose each.
 */
export interface FileSystem {
  /** Undefined where there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Bytes in the file, or undefined where there is none. */
  length(path: string): Promise<number | undefined>;
  readRange(path: string, offset: number, length: number): Promise<Uint8Array>;
  /** A new empty file; one of the same name loses its content. */
  create(path: string): Promise<AppendFile>;
  /** Opens an existing file, cut to `length` bytes; the cut is durable when this returns. */
  openAppend(path: string, length: number): Promise<AppendFile>;
  rename(from: string, to: string): Promise<void>;
  /** Names in the folder. */
  list(folder: string): Promise<readonly string[]>;
  /** A file that is not there is no failure. */
  remove(path: string): Promise<void>;
  /** Makes created, renamed and removed names durable. */
  syncFolder(path: string): Promise<void>;
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let offset = 0;
  while (offset < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, offset, bytes.length - offset);
    offset += bytesWritten;
  }
}

function appendFile(handle: FileHandle): AppendFile {
  return {
    append: (bytes) => writeAll(handle, bytes),
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** Undefined where the file that the action needs does not exist. */
async function ifPresent<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The real disk. Files are readable by their owner only. */
export const diskFileSystem: FileSystem = {
  read: (path) => ifPresent(async () => new Uint8Array(await readFile(path))),
  length: (path) => ifPresent(async () => (await stat(path)).size),
  readRange: async (path, offset, length) => {
    const handle = await open(path, "r");
    try {
      const bytes = new Uint8Array(length);
      let read = 0;
      while (read < length) {
        const { bytesRead } = await handle.read(bytes, read, length - read, offset + read);
        if (bytesRead === 0) throw new Error(`${path} ends before byte ${offset + length}`);
        read += bytesRead;
      }
      return bytes;
    } finally {
      await handle.close();
    }
  },
  create: async (path) => appendFile(await open(path, "w", 0o600)),
  openAppend: async (path, length) => {
    const handle = await open(path, constants.O_WRONLY | constants.O_APPEND);
    const { size } = await handle.stat();
    if (size !== length) {
      await handle.truncate(length);
      await handle.sync();
    }
    return appendFile(handle);
  },
  rename,
  list: (folder) => readdir(folder),
  remove: (path) => rm(path, { force: true }),
  syncFolder: async (path) => {
    const handle = await open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

const SET_GROUP_ID = 0o2000;

/**
 * Makes the data folder, readable by its owner only. One that is mounted stays as it is, where
 * another user owns it or the group is inherited (Kubernetes' fsGroup: 2770, owner root): the files
 * in it have modes of their own. Throws FatalError DATA_DIR_DENIED.
 */
export async function makeFolder(path: string, user = process.getuid?.()): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    const { mode, uid } = await stat(path);
    const isMounted = uid !== user || (mode & SET_GROUP_ID) !== 0;
    if (!isMounted && (mode & 0o077) !== 0) await chmod(path, 0o700);
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw cause instanceof Error && "code" in cause ? folderDenied(path, cause) : cause;
  }
}

function folderDenied(path: string, cause: Error): FatalError {
  return new FatalError(
    "DATA_DIR_DENIED",
    `${path}: ${cause.message}`,
    "give this process's user or group (fsGroup) the right to read, write and enter the folder",
    { cause },
  );
}
