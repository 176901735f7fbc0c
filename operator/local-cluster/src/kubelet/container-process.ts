import type { ChildProcess } from "node:child_process";
import { launchCommand } from "../supervisor/launch.ts";
import { signalGroup } from "../supervisor/process-identity.ts";
import { ContainerLog } from "./container-log.ts";
import type { Machine } from "./machine.ts";
import { readThrottled } from "./throttle.ts";

export interface ProcessPlan {
  /** Unique on the machine: names the process in the pid file. */
  readonly name: string;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly logFolder: string;
  /** Number of the container's life, from 0. */
  readonly life: number;
}

export interface ProcessEnd {
  /** As a shell counts: 128 and the signal's number. */
  readonly exitCode: number;
  readonly signal?: NodeJS.Signals;
  /** Where it could not be started at all. */
  readonly error?: string;
}

/** A process group that outlives its leader keeps the pipes open: it is not waited for longer. */
const DRAIN_MS = 500;

/** One life of a container: a process group whose output goes to the container's log. */
export class ContainerProcess {
  readonly startedAt = Date.now();
  readonly #child: ChildProcess;
  readonly #log: ContainerLog;
  readonly #cleanUp: () => void;
  #ended = false;

  constructor(machine: Machine, plan: ProcessPlan, onEnd: (end: ProcessEnd) => void) {
    this.#log = new ContainerLog(plan.logFolder, plan.life);
    const { argv, cwd, env } = plan;
    this.#child = launchCommand({ argv, cwd, env: { ...env }, output: "pipe" });
    const { pid } = this.#child;
    if (pid !== undefined) machine.pidFile.add(plan.name, pid);
    this.#cleanUp = () => {
      machine.pidFile.remove(plan.name);
      this.#log.close();
    };
    this.#copyOutput();
    this.#watch(onEnd);
  }

  get pid(): number | undefined {
    return this.#ended ? undefined : this.#child.pid;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.pid !== undefined) signalGroup(this.pid, signal);
  }

  #copyOutput(): void {
    const out = this.#log.stream("stdout");
    const error = this.#log.stream("stderr");
    const { stdout, stderr } = this.#child;
    const ends = [
      stdout === null ? undefined : readThrottled(stdout.on("close", out.end), out.write),
      stderr === null ? undefined : readThrottled(stderr.on("close", error.end), error.write),
    ];
    // What a dead process left in its pipes is little, and its end waits for it.
    this.#child.once("exit", () => {
      for (const end of ends) end?.();
    });
  }

  #watch(onEnd: (end: ProcessEnd) => void): void {
    let told = false;
    const tell = (end: ProcessEnd) => {
      if (told) return;
      told = true;
      this.#ended = true;
      this.#cleanUp();
      onEnd(end);
    };
    this.#child.once("error", (error) => tell({ exitCode: 128, error: error.message }));
    this.#child.once("exit", (code, signal) => {
      const end = endOf(code, signal);
      // A container ends with its first process, and takes all others along.
      if (this.#child.pid !== undefined) signalGroup(this.#child.pid, "SIGKILL");
      const drain = setTimeout(() => this.#closePipes(), DRAIN_MS);
      this.#child.once("close", () => {
        clearTimeout(drain);
        tell(end);
      });
    });
  }

  #closePipes(): void {
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }
}

const SIGNAL_NUMBERS: Readonly<Partial<Record<NodeJS.Signals, number>>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGTERM: 15,
};

function endOf(code: number | null, signal: NodeJS.Signals | null): ProcessEnd {
  if (signal === null) return { exitCode: code ?? 0 };
  return { exitCode: 128 + (SIGNAL_NUMBERS[signal] ?? 0), signal };
}
