import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { PodVolumes } from "./pod-volumes.ts";
import { MountError, type VolumeInput } from "./volume-source.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-volumes-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const volumes = [{ name: "v", configMap: { name: "c" } }];
const input = {
  store: { get: () => ({ metadata: { name: "c" }, data: { key: "value" } }) },
  pod: { metadata: { name: "p", namespace: "default" } },
  place: { podIp: "", hostIp: "", nodeName: "" },
} as unknown as VolumeInput;

test("an error of the file system is a failed mount, which passes once its cause is gone", () => {
  const blocked = join(folder, "volumes");
  writeFileSync(blocked, "in the way");
  const pod = new PodVolumes(folder, volumes);
  expect(() => pod.setUp(input)).toThrow(MountError);
  expect(() => pod.setUp(input)).toThrow('MountVolume.SetUp failed for volume "v" : ENOTDIR');
  expect(pod.refresh(input)[0]).toContain('MountVolume.SetUp failed for volume "v" : ENOTDIR');
  rmSync(blocked);
  pod.setUp(input);
  expect(pod.refresh(input)).toEqual([]);
});
