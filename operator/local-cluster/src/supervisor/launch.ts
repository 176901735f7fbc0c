import { type ChildProcess, type StdioOptions, spawn, spawnSync } from "node:child_process";
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

/** Any program; its output goes where `output` says. */
export interface Command {
  readonly argv: readonly string[];
  readonly cwd?: string;
  /** The whole environment; our own where absent. */
  readonly env?: NodeJS.ProcessEnv;
  /** A file descriptor for both streams, or pipes that the caller reads. */
  readonly output: number | "pipe";
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

/** Starts the program with the Node that runs us. */
export function launch(program: Program, tether: Tether = availableTether()): ChildProcess {
  const log = openSync(program.logFile, "a", 0o600);
  const argv = [process.execPath, program.script, ...program.args];
  const env = program.env === undefined ? {} : { env: program.env };
  try {
    return launchCommand({ argv, output: log, ...env }, tether);
  } finally {
    closeSync(log);
  }
}

/**
 * Starts the command in a process group of its own. The pid is the program's own: setpriv replaces
 * itself by it. The lifeline can be given to programs of Node only; others have no tether then.
 */
export function launchCommand(command: Command, tether: Tether = availableTether()): ChildProcess {
  const [program = "", ...rest] = command.argv;
  const isNode = program === process.execPath;
  const lifeline = tether === "lifeline" && isNode;
  const own = lifeline ? ["--import", new URL("lifeline.ts", import.meta.url).href] : [];
  const setpriv = tether === "lifeline" ? [] : ["setpriv", "--pdeathsig", "KILL", "--"];
  const [first = program, ...args] = [...setpriv, program, ...own, ...rest];
  const { output } = command;
  const stdio: StdioOptions = [lifeline ? "pipe" : "ignore", output, output];
  return spawn(first, args, {
    detached: true,
    stdio,
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    ...(command.env === undefined ? {} : { env: command.env }),
  });
}
