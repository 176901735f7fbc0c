import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { resourceOf } from "@quorate/runtime/resource-of";
import { afterAll, expect, test } from "vitest";
import { eventually } from "../network/eventually.ts";
import { runQuorate } from "../network/quorate-command.ts";
import { readManifest } from "../set/install.ts";
import { openKube } from "../set/open-kube.ts";

const SAMPLE = fileURLToPath(
  new URL("../../manifests/samples/validatorset-dev.yaml", import.meta.url),
);
const folder = join(mkdtempSync(join(tmpdir(), "quorate-up-")), "cluster");
const kubeconfig = join(folder, "kubeconfig");

const quorate = (...args: string[]) => runQuorate(args, { KUBECONFIG: kubeconfig });

/** Command lines of all processes that name the folder. */
function running(): readonly string[] {
  const { stdout } = spawnSync("ps", ["-eo", "args"], { encoding: "utf8" });
  return stdout.split("\n").filter((line) => line.includes(folder));
}

afterAll(async () => {
  if (existsSync(folder)) await quorate("down", "--folder", folder);
  rmSync(join(folder, ".."), { recursive: true, force: true });
});

test("up, a set, status, why, plan, logs, down: as the README says, and nothing is left", async () => {
  const up = await quorate("up", "--folder", folder);
  expect(up, up.stderr).toMatchObject({ code: 0 });
  expect(up.stdout).toContain(`KUBECONFIG=${kubeconfig}`);
  expect(await quorate("up", "--folder", folder)).toMatchObject({ code: 0 });

  const kube = openKube(kubeconfig);
  for (const object of readManifest(SAMPLE)) await kube.apply(resourceOf(object), object);
  const named = ["dev", "-n", "quorate-dev"] as const;
  await eventually(
    async () => {
      const { stdout } = await quorate("status", ...named);
      return /Ready\s+True/.test(stdout) && stdout.includes("Spare") ? true : undefined;
    },
    { what: "a set that is ready", timeoutMs: 120_000, everyMs: 500 },
  );
  const why = await quorate("why", ...named, "dev-0");
  expect(why, why.stderr).toMatchObject({ code: 0 });
  expect(why.stdout).toContain("dev-0");
  const plan = await quorate("plan", ...named, "--fail", "dev-0");
  expect(plan, plan.stderr).toMatchObject({ code: 0 });
  expect(plan.stdout).toContain("dev-0");
  const both = await quorate("plan", ...named, "--fail", "dev-0", "--fail", "dev-1");
  expect(both.stdout).toMatch(/ChainHalted|CorrelatedFailure|Partitioned/);
  const logs = await quorate("logs", ...named, "dev-0", "--tail", "3");
  expect(logs, logs.stderr).toMatchObject({ code: 0 });
  expect(logs.stdout).toContain("dev-0");

  const unknown = await quorate("why", "nobody", "-n", "quorate-dev");
  expect(unknown.code).not.toBe(0);
  expect(unknown.stderr).toContain("nobody");

  expect(running().length).toBeGreaterThan(0);
  const down = await quorate("down", "--folder", folder);
  expect(down, down.stderr).toMatchObject({ code: 0 });
  expect(running()).toEqual([]);
  const gone = ["down", "--folder", folder, "--delete", "--confirm", basename(folder)];
  expect(await quorate(...gone)).toMatchObject({ code: 0 });
  expect(existsSync(folder)).toBe(false);
});
