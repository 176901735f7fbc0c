import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { diskFileSystem } from "../../src/shell/disk/file-system.ts";
import { openLog, readLog } from "../../src/shell/disk/record-log.ts";
import { createRandom } from "../sim/random.ts";
import { DroppingDisk } from "./dropping-disk.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "quorate-dropping-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** The folder as a power cut leaves it now, while the process that writes goes on. */
function afterCut(folder: string, name: string): string {
  const copy = join(root, name);
  mkdirSync(copy);
  for (const file of readdirSync(folder)) copyFileSync(join(folder, file), join(copy, file));
  DroppingDisk.powerOn(copy);
  return copy;
}

async function written(seed: number): Promise<{ disk: DroppingDisk; folder: string }> {
  const folder = join(root, `data-${seed}`);
  mkdirSync(folder);
  return { disk: new DroppingDisk(createRandom(seed)), folder };
}

/** What is left of 4 KiB of ones, written and not synced, over many seeds. */
async function remains(seed: number): Promise<string> {
  const { disk, folder } = await written(seed);
  const path = `${folder}/file`;
  const file = await disk.create(path);
  await disk.syncFolder(folder);
  const bytes = new Uint8Array(4_096).fill(1);
  await file.append(bytes);
  expect(await disk.read(path)).toEqual(bytes);
  const left = await diskFileSystem.read(join(afterCut(folder, `cut-${seed}`), "file"));
  await file.close();
  if (left === undefined || left.length === 0) return "nothing";
  if (left.length === 4_096 && left.every((byte) => byte === 1)) return "everything";
  return left.every((byte) => byte === 1) ? "prefix" : "hole";
}

describe("a disk that drops what was not synced", () => {
  test("of an unsynced write it keeps nothing, a prefix, later sectors without earlier ones, or all", async () => {
    const kinds = new Set<string>();
    for (let seed = 1; seed <= 40; seed += 1) kinds.add(await remains(seed));
    expect([...kinds].toSorted()).toEqual(["everything", "hole", "nothing", "prefix"]);
  });

  test("a file that was closed is read again, and takes nothing more through the old handle", async () => {
    const { disk, folder } = await written(1);
    const path = `${folder}/file`;
    const file = await disk.create(path);
    await file.append(Uint8Array.of(1, 2, 3));
    await file.close();
    expect(await disk.read(path)).toEqual(Uint8Array.of(1, 2, 3));
    await expect(file.append(Uint8Array.of(4))).rejects.toThrow("was closed");
    const again = await disk.openAppend(path, 3);
    await again.append(Uint8Array.of(4));
    expect(await disk.read(path)).toEqual(Uint8Array.of(1, 2, 3, 4));
  });

  test("synced bytes under a synced name stay", async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const { disk, folder } = await written(seed);
      const file = await disk.create(`${folder}/file`);
      await file.append(Uint8Array.of(1, 2, 3));
      await file.sync();
      await disk.syncFolder(folder);
      await file.append(Uint8Array.of(4));
      const left = await diskFileSystem.read(join(afterCut(folder, `cut-${seed}`), "file"));
      expect(left?.subarray(0, 3)).toEqual(Uint8Array.of(1, 2, 3));
    }
  });

  test("a rename without a sync of the folder may be lost, or come before the bytes", async () => {
    const found = new Set<string>();
    for (let seed = 1; seed <= 60; seed += 1) {
      const { disk, folder } = await written(seed);
      const old = await disk.create(`${folder}/log`);
      await old.append(Uint8Array.of(7));
      await old.sync();
      await disk.syncFolder(folder);
      const next = await disk.create(`${folder}/log.new`);
      await next.append(Uint8Array.of(8));
      await disk.rename(`${folder}/log.new`, `${folder}/log`);
      expect(await disk.read(`${folder}/log`)).toEqual(Uint8Array.of(8));
      const cut = afterCut(folder, `cut-${seed}`);
      found.add(String(await diskFileSystem.read(join(cut, "log"))));
    }
    expect([...found].toSorted()).toEqual(["", "7", "8"]);
  });

  test("rule JOURNAL: a log on it opens after a cut at any moment with all that was appended", async () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const { disk, folder } = await written(seed);
      const salt = new Uint8Array(16).fill(seed);
      const location = { fileSystem: disk, folder, name: "log", salt };
      const log = await openLog(location, () => undefined);
      for (let record = 1; record <= 3; record += 1) {
        await log.append([new Uint8Array(700).fill(record)]);
        const next = log.append([new Uint8Array(900).fill(99)]);
        const cut = afterCut(folder, `cut-${seed}-${record}`);
        const found: (number | undefined)[] = [];
        await readLog(diskFileSystem, join(cut, "log"), ({ bytes }) => found.push(bytes[0]));
        expect(found.filter((first) => first !== 99)).toHaveLength(record);
        await next;
      }
    }
  });
});
