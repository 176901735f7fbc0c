import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { availableTether, type Tether } from "./launch.ts";
import { sweepLeftovers } from "./pid-file.ts";
import { processStart } from "./process-identity.ts";
import { waitReady } from "./readiness.ts";
import { backOffMs, DEFAULT_RESTART } from "./supervised-process.ts";
import { Supervisor } from "./supervisor.ts";

const restart = { backOffMsMin: 5, backOffMsMax: 40, stableMs: 60_000 };
let folder: string;
let supervisors: Supervisor[];

/** A child that says which process it is and then waits. */
const WAITS = 'console.log("up", process.pid); setInterval(() => {}, 1 << 30);';

function script(source: string): string {
  const file = join(folder, `child-${Math.random().toString(36).slice(2)}.mjs`);
  writeFileSync(file, source);
  return file;
}

function supervisor(tether?: Tether): Supervisor {
  const made = new Supervisor({
    folder: join(folder, "run"),
    restart,
    ...(tether === undefined ? {} : { tether }),
  });
  supervisors.push(made);
  return made;
}

/** Waits for a condition, never for a span; the test's own time limit ends a hopeless wait. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const logOf = (owner: Supervisor, name: string) => readFileSync(owner.logFile(name), "utf8");
const ups = (owner: Supervisor, name: string) => logOf(owner, name).match(/up \d+/g)?.length ?? 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-supervisor-"));
  supervisors = [];
});

afterEach(async () => {
  await Promise.all(supervisors.map((one) => one.stopAll(100)));
  rmSync(folder, { recursive: true, force: true });
});

describe("supervisor", () => {
  test("the back-off doubles up to its cap", () => {
    expect([0, 1, 2, 3, 9].map((n) => backOffMs(restart, n))).toEqual([5, 10, 20, 40, 40]);
    expect(backOffMs(DEFAULT_RESTART, 5_000)).toBe(DEFAULT_RESTART.backOffMsMax);
  });

  test("a program that ends is started again, and its log goes on", async () => {
    const owner = supervisor();
    const child = owner.start({ name: "a", script: script('console.log("up 1")'), args: [] });
    await until(() => child.starts >= 3 && ups(owner, "a") >= 2);
  });

  test("a crash brings a new process, removal none", async () => {
    const owner = supervisor();
    const child = owner.start({ name: "a", script: script(WAITS), args: [] });
    await until(() => ups(owner, "a") === 1);
    const first = child.pid;
    await child.crash();
    await until(() => ups(owner, "a") === 2);
    expect(child.pid).not.toBe(first);
    await child.remove();
    expect(child.running).toBe(false);
    expect(child.starts).toBe(2);
  });

  test("a program that obeys SIGTERM ends by itself, also when it is paused", async () => {
    const owner = supervisor();
    const source = `process.on("SIGTERM", () => { console.log("bye"); process.exit(0); });${WAITS}`;
    const child = owner.start({ name: "a", script: script(source), args: [] });
    await until(() => ups(owner, "a") === 1);
    child.pause();
    await child.stop(5_000);
    expect(logOf(owner, "a")).toContain("bye");
  });

  test("a program that ignores SIGTERM is killed after the grace", async () => {
    const owner = supervisor();
    const source = `process.on("SIGTERM", () => {});${WAITS}`;
    const child = owner.start({ name: "a", script: script(source), args: [] });
    await until(() => ups(owner, "a") === 1);
    await child.stop(20);
    expect(child.running).toBe(false);
  });

  test("the process leads a group of its own", async () => {
    const owner = supervisor();
    const child = owner.start({ name: "a", script: script(WAITS), args: [] });
    await until(() => ups(owner, "a") === 1);
    // Signal 0 to the group -pid is refused with ESRCH unless a group of that number exists.
    expect(process.kill(-Number(child.pid), 0)).toBe(true);
    expect(logOf(owner, "a")).toContain(`up ${child.pid}`);
  });

  test("a leftover of a killed supervisor is swept, a stranger with its pid is not", async () => {
    const file = join(folder, "pids.json");
    const left = spawn(process.execPath, [script(WAITS)], { detached: true, stdio: "ignore" });
    const pid = Number(left.pid);
    const entry = { name: "left", pid, start: "another boot:1" };
    writeFileSync(file, JSON.stringify([entry]));
    expect(sweepLeftovers(file)).toEqual([]);
    writeFileSync(file, JSON.stringify([{ ...entry, start: processStart(pid) }]));
    const gone = exited(left);
    expect(sweepLeftovers(file)).toEqual(["left"]);
    await gone;
  });

  test.runIf(process.platform === "linux")(
    "what a leader left of its group is swept, but not in another boot",
    async () => {
      const file = join(folder, "pids.json");
      const source = `import { spawn } from "node:child_process";
        const child = spawn(process.execPath, [process.argv[2]], { stdio: "ignore" });
        console.log(child.pid);
        setInterval(() => {}, 1 << 30);`;
      const argv = [script(source), script(WAITS)];
      const leader = spawn(process.execPath, argv, { detached: true, stdio: ["ignore", "pipe"] });
      const grandchild = await new Promise<number>((resolve) => {
        leader.stdout?.once("data", (chunk) => resolve(Number(chunk)));
      });
      const pid = Number(leader.pid);
      const start = String(processStart(pid));
      const gone = exited(leader);
      leader.kill("SIGKILL");
      await gone;
      writeFileSync(file, JSON.stringify([{ name: "left", pid, start: "another boot:1" }]));
      expect(sweepLeftovers(file)).toEqual([]);
      expect(processStart(grandchild)).toBeDefined();
      writeFileSync(file, JSON.stringify([{ name: "left", pid, start }]));
      expect(sweepLeftovers(file)).toEqual(["left"]);
      await until(() => processStart(grandchild) === undefined);
    },
  );

  const tethers: Tether[] =
    availableTether() === "lifeline" ? ["lifeline"] : ["lifeline", "parent-death-signal"];
  test.each(tethers)("%s: a killed supervisor takes its processes along", async (tether) => {
    const program = new URL("supervisor.ts", import.meta.url).href;
    const options = { folder: join(folder, "dying"), tether };
    const runner = script(`
      const { Supervisor } = await import(${JSON.stringify(program)});
      const owner = new Supervisor(${JSON.stringify(options)});
      owner.start({ name: "a", script: ${JSON.stringify(script(WAITS))}, args: [] });
    `);
    const parent = spawn(process.execPath, [runner], { stdio: "inherit" });
    const log = join(folder, "dying", "a.log");
    const upLine = () => {
      try {
        return /up (\d+)/.exec(readFileSync(log, "utf8"))?.[1];
      } catch {
        return undefined;
      }
    };
    await until(() => upLine() !== undefined);
    const pid = Number(upLine());
    expect(processStart(pid)).toBeDefined();
    parent.kill("SIGKILL");
    await until(() => processStart(pid) === undefined);
  });

  test("a running name is not started twice", () => {
    const owner = supervisor();
    owner.start({ name: "a", script: script(WAITS), args: [] });
    expect(() => owner.start({ name: "a", script: script(WAITS), args: [] })).toThrow(
      "a process named a runs already",
    );
  });
});

describe("readiness", () => {
  test("waits for 200, and says the last answer when the time is up", async () => {
    let answers = 0;
    const server = createServer((_, response) => {
      answers += 1;
      response.writeHead(answers < 3 ? 503 : 200).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    await waitReady({ address, timeoutMs: 10_000 });
    expect(answers).toBe(3);
    answers = -1_000;
    await expect(waitReady({ address, timeoutMs: 60 })).rejects.toThrow("503");
    await expect(
      waitReady({ address, timeoutMs: 60_000, aborted: () => "it ended" }),
    ).rejects.toThrow("it ended");
    server.close();
  });
});

function exited(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.on("exit", () => resolve()));
}
