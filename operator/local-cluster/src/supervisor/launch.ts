import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";

/** A program of Node as the supervisor runs it. */
export interface Program {
  /** The TypeScript or JavaScript file. */
  readonly script: string;
  readonly args: readonly string[];
  /** The whole environment; our own where absent. */
  readonly env?: NodeJS.ProcessEnv;
  /** Standard output and error are appended here, over all restarts. */
  readonly logFile: string;
}

/** How a child's life hangs on ours when we are killed without a chance to stop it. */
export type Tether = "parent-death-signal" | "lifeline";

let detected: Tether | undefined;

/** setpriv(1) sets the parent-death signal, which also ends a child that is stopped by SIGSTOP. */
export function availableTether(): Tether {
  if (detected === undefined) {
    const probe = spawnSync("setpriv", ["--pdeathsig", "KILL", "--", "true"], { stdio: "ignore" });
    detected = probe.status === 0 ? "parent-death-signal" : "lifeline";
  }
  return detected;
}

/**
 * Starts the program in a process group of its own, with the Node that runs us. The pid is the
 * program's own: setpriv replaces itself by it.
 */
export function launch(program: Program, tether: Tether = availableTether()): ChildProcess {
  const log = openSync(program.logFile, "a", 0o600);
  const node = [process.execPath];
  if (tether === "lifeline") node.push("--import", new URL("lifeline.ts", import.meta.url).href);
  node.push(program.script, ...program.args);
  const setpriv = tether === "lifeline" ? [] : ["setpriv", "--pdeathsig", "KILL", "--"];
  const [command = process.execPath, ...args] = [...setpriv, ...node];
  try {
    return spawn(command, args, {
      detached: true,
      stdio: [tether === "lifeline" ? "pipe" : "ignore", log, log],
      ...(program.env === undefined ? {} : { env: program.env }),
    });
  } finally {
    closeSync(log);
  }
}
