import { existsSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { layOutRoot } from "./root-folder.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "quorate-root-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const volumes = new Map([["data", "/volumes/data"]]);
const mounted = (mountPath: string, workingDir: string) =>
  layOutRoot(
    root,
    { name: "c", volumeMounts: [{ name: "data", mountPath }] },
    { workingDir, volumes },
  );

test("a mount below the working directory is a symlink there, also after a restart", () => {
  const first = mounted("/quorate/data", "/quorate");
  expect(first.cwd).toBe(join(root, "quorate"));
  mounted("/quorate/data/", "/quorate");
  expect(readlinkSync(join(first.cwd, "data"))).toBe("/volumes/data");
});

test("a mount elsewhere is refused with the way out", () => {
  expect(() => mounted("/etc/config", "/quorate")).toThrow(
    "volumeMount data at /etc/config lies outside workingDir /quorate",
  );
  expect(() => mounted("/quorate", "/quorate")).toThrow("name it by a relative path");
});

test("a subPath is made where it is missing and never leaves the volume", () => {
  const volume = join(root, "volume");
  mkdirSync(volume);
  const at = (subPath: string) =>
    layOutRoot(
      join(root, "container"),
      { name: "c", volumeMounts: [{ name: "data", mountPath: "/app/data", subPath }] },
      { workingDir: "/app", volumes: new Map([["data", volume]]) },
    );
  writeFileSync(join(at("a/b").cwd, "data", "file"), "x");
  expect(existsSync(join(volume, "a", "b", "file"))).toBe(true);
  for (const subPath of ["../../..", "a/../../b", "/etc"]) {
    expect(() => at(subPath)).toThrow(`subPath ${subPath} must be relative and without ".."`);
  }
  expect(() => at("a/b/file/c")).toThrow("failed to create subPath directory");
});

test("/tmp is found through TMPDIR, the service account through KUBECONFIG", () => {
  expect(mounted("/tmp", "/quorate").env).toEqual({ TMPDIR: "/volumes/data" });
  expect(mounted("/var/run/secrets/kubernetes.io/serviceaccount", "/quorate").env).toEqual({});
});
