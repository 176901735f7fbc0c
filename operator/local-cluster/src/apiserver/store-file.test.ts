import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { type Change, ObjectStore } from "./object-store.ts";
import { StoreFile } from "./store-file.ts";

/** Bytes that the disk still takes; it takes them three at a time, so that writes are partial. */
let room: number;
let truncates: boolean;

vi.mock("node:fs", async (original) => {
  const fs = await original<typeof import("node:fs")>();
  const writeSync = (fd: number, bytes: Buffer, at: number, length: number, position: number) => {
    const taken = Math.min(length, room, 3);
    if (taken === 0) throw new Error("ENOSPC: no space left on device, write");
    room -= taken;
    return fs.writeSync(fd, bytes, at, taken, position);
  };
  const ftruncateSync = (fd: number, size: number) => {
    if (!truncates) throw new Error("EIO: i/o error, ftruncate");
    fs.ftruncateSync(fd, size);
  };
  return { ...fs, writeSync, ftruncateSync };
});

beforeEach(() => {
  room = Number.POSITIVE_INFINITY;
  truncates = true;
});

const objectOf = (name: string) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } });

function startStore() {
  const folder = mkdtempSync(join(tmpdir(), "quorate-store-"));
  const file = new StoreFile(folder);
  const store = new ObjectStore({ journal: file });
  const seen: Change[] = [];
  store.subscribe("configmaps", (change) => seen.push(change));
  const names = (from: ObjectStore) => from.list("configmaps").map(({ metadata }) => metadata.name);
  return { folder, file, store, seen, names };
}

test("a write for which there is no room has not happened: memory, file and watchers agree", () => {
  const { folder, file, store, seen, names } = startStore();
  store.put("configmaps", objectOf("a"));
  const { version } = store;
  for (const bytes of [0, 10]) {
    room = bytes;
    const change = () => store.put("configmaps", objectOf("b"));
    expect(change).toThrow("objects.jsonl could not be written: ENOSPC");
    room = bytes;
    expect(() => store.remove("configmaps", "", "a")).toThrow("ENOSPC");
  }
  expect([store.version, names(store), seen.length]).toEqual([version, ["a"], 1]);
  expect(store.since("configmaps", version)).toEqual([]);
  room = Number.POSITIVE_INFINITY;
  store.put("configmaps", objectOf("c"));
  file.close();
  const again = new StoreFile(folder);
  const read = new ObjectStore({ state: again.state });
  expect(names(read)).toEqual(["a", "c"]);
  expect(read.version).toBe(store.version);
  again.close();
});

test("after half a line that cannot be cut off nothing more is written", () => {
  const { folder, file, store } = startStore();
  store.put("configmaps", objectOf("a"));
  room = 10;
  truncates = false;
  expect(() => store.put("configmaps", objectOf("b"))).toThrow("ENOSPC");
  room = Number.POSITIVE_INFINITY;
  const before = readFileSync(join(folder, "objects.jsonl"));
  expect(() => store.put("configmaps", objectOf("c"))).toThrow("start the local cluster again");
  expect(readFileSync(join(folder, "objects.jsonl"))).toEqual(before);
  file.close();
  const again = new StoreFile(folder);
  expect(again.state.objects).toHaveLength(1);
  again.close();
});

test("where the smaller file finds no room, the old one goes on", () => {
  const { folder, file, store, names } = startStore();
  for (let i = 0; i < 4_000; i++) store.put("configmaps", objectOf("a"));
  room = 200;
  store.put("configmaps", objectOf("a"));
  expect(room).toBe(0);
  room = Number.POSITIVE_INFINITY;
  store.put("configmaps", objectOf("b"));
  file.close();
  const again = new StoreFile(folder);
  expect(names(new ObjectStore({ state: again.state }))).toEqual(["a", "b"]);
  again.close();
});
