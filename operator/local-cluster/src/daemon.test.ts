import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runningDaemon } from "./daemon-folder.ts";

/** Three starts of a whole program each, on a machine that may be busy. */
const TIME_LIMIT_MS = 90_000;
const MAIN = new URL("main.ts", import.meta.url).pathname;
let folder: string;
let started: ChildProcess[];

interface Ended {
  readonly code: number | null;
  readonly out: string;
}

function main(...args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [MAIN, "--folder", folder, "--nodes", "1", ...args]);
  started.push(child);
  let out = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    out += chunk;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code) => resolve({ code, out }));
  });
  return { child, ended };
}

/** The daemon's file has been removed, which is its last act. */
function stopped(): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(folder, () => {
      if (existsSync(join(folder, "daemon.json"))) return;
      watcher.close();
      resolve();
    });
  });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-daemon-"));
  started = [];
});
afterEach(() => {
  for (const child of started) child.kill("SIGKILL");
  const daemon = runningDaemon(folder);
  if (daemon !== undefined) process.kill(daemon.pid, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

test(
  "detached it outlives its starter, refuses a second one by name, and stops by SIGTERM",
  async () => {
    const first = await main("--detach").ended;
    expect(first).toEqual({ code: 0, out: `${join(folder, "kubeconfig")}\n` });
    const daemon = runningDaemon(folder);
    expect(daemon).toBeDefined();
    const second = await main().ended;
    expect(second.code).toBe(1);
    expect(second.out).toContain(`runs in ${folder} already (process ${daemon?.pid})`);
    const end = stopped();
    process.kill(daemon?.pid ?? 0, "SIGTERM");
    await end;
    expect(readFileSync(join(folder, "daemon.log"), "utf8")).toContain("stopped");
  },
  TIME_LIMIT_MS,
);

test(
  "one that was killed stands in nobody's way",
  async () => {
    await main("--detach").ended;
    const daemon = runningDaemon(folder);
    process.kill(daemon?.pid ?? 0, "SIGKILL");
    const next = await main("--detach").ended;
    expect(next.code).toBe(0);
    expect(runningDaemon(folder)?.pid).not.toBe(daemon?.pid);
  },
  TIME_LIMIT_MS,
);
