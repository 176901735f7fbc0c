import type { ChildProcess } from "node:child_process";
import { launch, type Program, type Tether } from "./launch.ts";
import type { PidFile } from "./pid-file.ts";
import { signalGroup } from "./process-identity.ts";

export interface RestartPolicy {
  /** Wait before the first restart; doubled with each one that follows soon after. */
  readonly backOffMsMin: number;
  readonly backOffMsMax: number;
  /** A process that lived this long is sound again: the next back-off starts anew. */
  readonly stableMs: number;
}

export const DEFAULT_RESTART: RestartPolicy = {
  backOffMsMin: 100,
  backOffMsMax: 10_000,
  stableMs: 10_000,
};

export interface ProcessOptions {
  readonly name: string;
  readonly program: Program;
  readonly restart: RestartPolicy;
  readonly pidFile: PidFile;
  readonly tether?: Tether | undefined;
  /** Told of every exit, wanted or not. */
  readonly onExit?: ((exit: Exit) => void) | undefined;
}

export interface Exit {
  readonly name: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Undefined where it is not started again. */
  readonly restartInMs: number | undefined;
}

/** Wait before the n-th restart in a row (0 is the first), with the doubling capped. */
export function backOffMs(policy: RestartPolicy, restarts: number): number {
  return Math.min(policy.backOffMsMax, policy.backOffMsMin * 2 ** Math.min(restarts, 30));
}

/** One program that is kept running until it is stopped. */
export class SupervisedProcess {
  readonly name: string;
  readonly #options: ProcessOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #wanted = true;
  #restartsInARow = 0;
  #starts = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ProcessOptions) {
    this.name = options.name;
    this.#options = options;
    this.#start();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** How often it was started, the first time included. */
  get starts(): number {
    return this.#starts;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  #start(): void {
    const { name, program, tether, pidFile, restart } = this.#options;
    const child = launch(program, tether);
    const startedAt = performance.now();
    this.#child = child;
    this.#starts += 1;
    if (child.pid !== undefined) pidFile.add(name, child.pid);
    this.#exited = new Promise((resolve) => {
      let ended = false;
      const end = (code: number | null, signal: NodeJS.Signals | null) => {
        if (ended) return;
        ended = true;
        if (performance.now() - startedAt >= restart.stableMs) this.#restartsInARow = 0;
        this.#onExit(code, signal);
        resolve();
      };
      child.on("exit", end);
      // A program that cannot even be spawned counts as one that ended at once.
      child.on("error", () => end(null, null));
    });
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    const { name, pidFile, restart, onExit } = this.#options;
    this.#child = undefined;
    pidFile.remove(name);
    const restartInMs = this.#wanted ? backOffMs(restart, this.#restartsInARow) : undefined;
    if (restartInMs !== undefined) {
      this.#restartsInARow += 1;
      this.#timer = setTimeout(() => this.#start(), restartInMs);
    }
    onExit?.({ name, code, signal, restartInMs });
  }

  /** Kills the process as a crash would: it is started again. */
  async crash(): Promise<void> {
    const exited = this.#exited;
    this.#signal("SIGKILL");
    await exited;
  }

  /** Kills the process for good, without warning: its machine is gone. */
  async remove(): Promise<void> {
    this.#unwant();
    await this.crash();
  }

  /** SIGCONT for a paused one, SIGTERM, and after the grace SIGKILL. */
  async stop(graceMs: number): Promise<void> {
    this.#unwant();
    const exited = this.#exited;
    this.#signal("SIGCONT");
    this.#signal("SIGTERM");
    const killer = setTimeout(() => this.#signal("SIGKILL"), graceMs);
    await exited;
    clearTimeout(killer);
  }

  /** Stops the process in its tracks (SIGSTOP) until `resume`. */
  pause(): void {
    this.#signal("SIGSTOP");
  }

  resume(): void {
    this.#signal("SIGCONT");
  }

  #unwant(): void {
    this.#wanted = false;
    clearTimeout(this.#timer);
  }

  #signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid !== undefined) signalGroup(pid, signal);
  }
}
