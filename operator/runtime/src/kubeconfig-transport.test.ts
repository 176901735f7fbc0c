import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { openKubeconfig } from "./kubeconfig-transport.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-kubeconfig-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function kubeconfig(name: string, namespace?: string): string {
  const file = join(folder, name);
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server: `https://${name}.example:6443` } }],
    users: [{ name, user: { token: "t" } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
    "current-context": name,
  };
  writeFileSync(file, stringify(config));
  return file;
}

test("the first file's context counts, with its namespace", () => {
  const opened = openKubeconfig([kubeconfig("one", "prod"), kubeconfig("two", "dev")]);
  expect(opened).toMatchObject({ namespace: "prod", server: "https://one.example:6443" });
  expect(opened.transport.host).toBe("one.example:6443");
});

test("a context without a namespace is in default", () => {
  expect(openKubeconfig([kubeconfig("one")]).namespace).toBe("default");
});

test("a file that is none is refused by name", () => {
  expect(() => openKubeconfig([join(folder, "absent")])).toThrow("absent");
});
