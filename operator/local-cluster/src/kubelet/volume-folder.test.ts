import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type VolumeFile, writeVolume } from "./volume-folder.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-volume-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const files = (of: Record<string, string>, mode = 0o644) =>
  new Map<string, VolumeFile>(
    Object.entries(of).map(([name, text]) => [name, { bytes: Buffer.from(text), mode }]),
  );
const read = (name: string) => readFileSync(join(folder, name), "utf8");

describe("volume folder", () => {
  test("files are seen through ..data, nested ones too", () => {
    writeVolume(folder, files({ "a.json": "1", "deep/b": "2" }));
    expect([read("a.json"), read("deep/b")]).toEqual(["1", "2"]);
    expect(readlinkSync(join(folder, "a.json"))).toBe("..data/a.json");
  });

  test("a change swaps ..data in one rename and leaves no old folder", () => {
    writeVolume(folder, files({ a: "1", gone: "x" }));
    const before = readlinkSync(join(folder, "..data"));
    expect(writeVolume(folder, files({ a: "2", fresh: "y" }))).toBe(true);
    expect(readlinkSync(join(folder, "..data"))).not.toBe(before);
    expect([read("a"), read("fresh")]).toEqual(["2", "y"]);
    const shown = readdirSync(folder).filter((name) => !name.startsWith(".."));
    expect(shown.sort()).toEqual(["a", "fresh"]);
    expect(readdirSync(folder)).not.toContain(before);
  });

  test("the same content is not written again", () => {
    writeVolume(folder, files({ a: "1" }));
    const before = readlinkSync(join(folder, "..data"));
    expect(writeVolume(folder, files({ a: "1" }))).toBe(false);
    expect(readlinkSync(join(folder, "..data"))).toBe(before);
  });

  test("an empty volume is filled when its object comes (optional)", () => {
    writeVolume(folder, files({}));
    expect(writeVolume(folder, files({ "genesis.json": "{}" }))).toBe(true);
    expect(read("genesis.json")).toBe("{}");
  });

  test("modes are as given", () => {
    writeVolume(folder, files({ key: "s" }, 0o600));
    expect(statSync(join(folder, "key")).mode & 0o777).toBe(0o600);
  });
});
