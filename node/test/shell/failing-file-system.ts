import type { AppendFile, FileSystem } from "../../src/shell/disk/file-system.ts";

/** The power went: nothing that is asked for later happens. */
export class PowerFailure extends Error {
  override readonly name = "PowerFailure";
}

/**
 * A file system whose machine loses power at the given operation that changes something: that one
 * and all later ones fail, or when it is killed. `operations` counts them.
 */
export function failingFileSystem(
  inner: FileSystem,
  failsAt: number,
): FileSystem & { readonly operations: () => number; readonly kill: () => void } {
  let count = 0;
  let dead = false;
  const act = async <T>(action: () => Promise<T>): Promise<T> => {
    count += 1;
    if (dead || count > failsAt) throw new PowerFailure(`operation ${count}`);
    return action();
  };
  const file = (opened: AppendFile): AppendFile => ({
    append: (bytes) => act(() => opened.append(bytes)),
    sync: () => act(() => opened.sync()),
    close: () => opened.close(),
  });
  return {
    ...inner,
    operations: () => count,
    kill: () => {
      dead = true;
    },
    create: (path) => act(async () => file(await inner.create(path))),
    openAppend: (path, length) => act(async () => file(await inner.openAppend(path, length))),
    rename: (from, to) => act(() => inner.rename(from, to)),
    remove: (path) => act(() => inner.remove(path)),
    syncFolder: (path) => act(() => inner.syncFolder(path)),
  };
}
