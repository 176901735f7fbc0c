import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { FatalError } from "../fatal-error.ts";

const NAME = "node.lock";
/** SQLITE_BUSY: another connection holds the lock. */
const BUSY = 5;

export interface FolderLock {
  readonly release: () => void;
}

/**
 * Takes the data folder for this process alone: two with one key would both sign, each by its own
 * journal index (rule JOURNAL). The lock is the kernel's, on the file `node.lock`, so that it ends
 * with its process however that ends, and nobody has to judge by a process id whether it is stale.
 * Node offers such locks through SQLite only; the file stays empty. Throws FatalError
 * FOLDER_LOCKED.
 */
export function lockFolder(folder: string): FolderLock {
  const path = join(folder, NAME);
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    const isBusy = cause instanceof Error && "errcode" in cause && cause.errcode === BUSY;
    if (!isBusy) throw cause;
    throw folderLocked(path, cause);
  }
  return { release: () => database.close() };
}

function folderLocked(path: string, cause: unknown): FatalError {
  return new FatalError(
    "FOLDER_LOCKED",
    `${path} is held by another process that runs on this data folder`,
    "stop that process, or give this node a data folder of its own",
    { cause },
  );
}
