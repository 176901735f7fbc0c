import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createConnection } from "node:net";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { connect } from "@quorate/client/client";
import { afterEach, expect, test } from "vitest";
import { eventually } from "../network/eventually.ts";

const PROGRAM = fileURLToPath(new URL("../main-job/main.ts", import.meta.url));
const MAIN_JOB_MS = 240_000;

let running: ChildProcess | undefined;

afterEach(() => {
  running?.kill("SIGKILL");
});

interface Output {
  text: string;
  errors: string;
  /** Exit code, once it has ended. */
  code?: number;
}

/** Node itself, never npm: a signal to npm does not reach the program. */
function start(...args: string[]): Output {
  const output: Output = { text: "", errors: "" };
  running = spawn(process.execPath, [PROGRAM, ...args]);
  running.stdout?.on("data", (chunk: Buffer) => {
    output.text += chunk.toString();
  });
  running.stderr?.on("data", (chunk: Buffer) => {
    output.errors += chunk.toString();
  });
  running.on("exit", (code) => {
    output.code = code ?? -1;
  });
  return output;
}

function until<T>(look: () => T | undefined, what: string, timeoutMs: number): Promise<T> {
  return eventually(look, { what, timeoutMs });
}

function isListening(endpoint: string): Promise<boolean> {
  const [host = "", port = "0"] = endpoint.split(":");
  return new Promise((resolve) => {
    const socket = createConnection({ host, port: Number(port) });
    socket.on("connect", () => resolve(true));
    socket.on("error", () => resolve(false));
    socket.on("close", () => socket.destroy());
  });
}

test("the main job keeps its promises, prints the chain's heights and leaves nothing", {
  timeout: MAIN_JOB_MS + 60_000,
}, async () => {
  // Of the operator's three kinds of signals the gate's `npm start` has all, this one has two.
  const output = start("--keep", "--seed", "7", "--signals", "chain-and-peers");
  const kept = await until(
    () => {
      if (output.code !== undefined) throw new Error(`it ended:\n${output.text}${output.errors}`);
      const genesis = /QUORATE_GENESIS=(\S+)/.exec(output.text)?.[1];
      const endpoints = /QUORATE_ENDPOINTS=(\S+)/.exec(output.text)?.[1]?.split(",");
      return genesis && endpoints ? { genesis, endpoints } : undefined;
    },
    "the main job's end",
    MAIN_JOB_MS,
  );
  const client = await connect({ genesis: { file: kept.genesis }, endpoints: kept.endpoints });
  // Without a fit spare a seat is muted before it is swapped: that has no newcomer.
  const swaps = (await client.swaps())
    .flatMap(({ value }) => (value ? [value] : []))
    .filter(({ newcomer }) => newcomer !== undefined);
  const registered = new Map<string, number>();
  const { result } = await client.head();
  for (let height = 1; height <= result.height && registered.size < 2; height += 1) {
    const { events } = await client.receipts(height);
    for (const event of events) {
      if (event.kind === "spare-registered") registered.set(event.key, height);
    }
  }
  client.close();
  running?.kill("SIGINT");
  const broken = output.text.split("\n").filter((line) => line.includes("BROKEN"));
  const told = `${broken.join("\n")}\n${output.text}`;
  expect(await until(() => output.code, "its exit", 60_000), told).toBe(0);

  expect(swaps.map(({ cause }) => cause).toSorted()).toEqual(["misconduct", "silence"]);
  for (const swap of swaps) {
    const height = registered.get(swap.newcomer ?? "");
    expect(height).toBeGreaterThan(0);
    expect(swap.newcomerRegisteredAt).toBe(height);
    expect(output.text).toContain(`registered at ${height}, cause at `);
  }
  expect(output.text).toContain("value         conserved");
  expect(output.text).not.toContain("BROKEN");
  expect(existsSync(dirname(kept.genesis))).toBe(false);
  const listening = await Promise.all(kept.endpoints.map(isListening));
  expect(listening).toEqual(kept.endpoints.map(() => false));
});

test("wrong input is named with its fix, and nothing is started or left", async () => {
  for (const [args, field] of [
    [["--seed", "minus one"], "--seed"],
    [["--prices", "/nowhere.csv"], "--prices"],
    [["--prices", PROGRAM], `${PROGRAM}:1`],
  ] as const) {
    const output = start(...args);
    expect(await until(() => output.code, "its exit", 20_000)).toBe(2);
    expect(output.errors).toContain(field);
    expect(output.text).toBe("");
    expect(output.errors).not.toContain("logs, keys and chain");
  }
});
