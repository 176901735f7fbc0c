import { basename } from "node:path";
import type { AppendFile, FileSystem } from "./file-system.ts";

/** The same file system, telling how long each sync of a file took, in seconds. */
export function timedFileSystem(
  inner: FileSystem,
  synced: (name: string, seconds: number) => void,
): FileSystem {
  const timed = (path: string, file: AppendFile): AppendFile => ({
    append: (bytes) => file.append(bytes),
    close: () => file.close(),
    sync: async () => {
      const before = performance.now();
      await file.sync();
      synced(basename(path), (performance.now() - before) / 1_000);
    },
  });
  return {
    ...inner,
    create: async (path) => timed(path, await inner.create(path)),
    openAppend: async (path, length) => timed(path, await inner.openAppend(path, length)),
  };
}
