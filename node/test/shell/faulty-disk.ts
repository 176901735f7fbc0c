import type { AppendFile, FileSystem } from "../../src/shell/disk/file-system.ts";

/**
 * What goes wrong from one effect on: the process ends there; one effect fails; or there is no
 * space any more, until some is freed.
 */
export type Fault = "end" | "EIO" | "ENOSPC";

/** A disk on which one effect, by its number, goes wrong. Reading is no effect. */
export class FaultyDisk {
  readonly fileSystem: FileSystem;
  readonly #at: number;
  readonly #fault: Fault;
  #effects = 0;

  /** The first effect is number 1; with 0 nothing ever goes wrong. */
  constructor(inner: FileSystem, at = 0, fault: Fault = "EIO") {
    this.#at = at;
    this.#fault = fault;
    this.fileSystem = {
      ...inner,
      create: (path) => this.#do("create", async () => this.#file(await inner.create(path))),
      openAppend: (path, length) =>
        this.#do("cut", async () => this.#file(await inner.openAppend(path, length))),
      rename: (from, to) => this.#do("rename", () => inner.rename(from, to)),
      syncFolder: (path) => this.#do("sync", () => inner.syncFolder(path)),
    };
  }

  /** Effects asked for so far. */
  get effects(): number {
    return this.#effects;
  }

  #file(file: AppendFile): AppendFile {
    return {
      append: (bytes) =>
        this.#do(
          "append",
          () => file.append(bytes),
          () => file.append(bytes.subarray(0, 9)),
        ),
      sync: () => this.#do("sync", () => file.sync()),
      close: () => file.close(),
    };
  }

  /** `torn` is what a full disk still does of an effect. */
  async #do<T>(kind: string, effect: () => Promise<T>, torn?: () => Promise<unknown>): Promise<T> {
    this.#effects += 1;
    if (this.#at === 0 || this.#effects < this.#at) return effect();
    if (this.#fault === "end") return new Promise(() => undefined);
    if (this.#fault === "EIO" && this.#effects > this.#at) return effect();
    if (this.#fault === "ENOSPC") {
      // What is written can be synced, and names can change, without space.
      if (kind !== "append" && kind !== "create") return effect();
      await torn?.();
    }
    throw Object.assign(new Error(`${this.#fault}: ${kind}`), { code: this.#fault });
  }
}
