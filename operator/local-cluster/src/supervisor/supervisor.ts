import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Program, Tether } from "./launch.ts";
import { PidFile, sweepLeftovers } from "./pid-file.ts";
import {
  DEFAULT_RESTART,
  type Exit,
  type RestartPolicy,
  SupervisedProcess,
} from "./supervised-process.ts";

export interface SupervisorOptions {
  /** Holds the pid file and one log file per process; made if it is missing. */
  readonly folder: string;
  readonly restart?: RestartPolicy;
  /** For tests; the best that the system has by default. */
  readonly tether?: Tether;
  readonly onExit?: (exit: Exit) => void;
}

export interface StartOptions {
  readonly name: string;
  readonly script: string;
  readonly args: readonly string[];
  /** The whole environment; our own where absent. */
  readonly env?: NodeJS.ProcessEnv;
}

const STOP_GRACE_MS = 5_000;

/** Runs programs of Node on this machine and leaves none behind, whatever ends the supervisor. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #pidFile: PidFile;
  readonly #processes = new Map<string, SupervisedProcess>();
  /** Names of the processes that a killed predecessor had left running in the same folder. */
  readonly swept: readonly string[];

  constructor(options: SupervisorOptions) {
    this.#options = options;
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    const path = join(options.folder, "pids.json");
    this.swept = sweepLeftovers(path);
    this.#pidFile = new PidFile(path);
  }

  /** Starts a program and keeps it running; a name is free again once its process was removed. */
  start({ name, script, args, env }: StartOptions): SupervisedProcess {
    if (this.#processes.get(name)?.running === true) {
      throw new Error(`a process named ${name} runs already: stop it first`);
    }
    const program: Program = {
      script,
      args,
      logFile: this.logFile(name),
      ...(env === undefined ? {} : { env }),
    };
    const supervised = new SupervisedProcess({
      name,
      program,
      restart: this.#options.restart ?? DEFAULT_RESTART,
      pidFile: this.#pidFile,
      tether: this.#options.tether,
      onExit: this.#options.onExit,
    });
    this.#processes.set(name, supervised);
    return supervised;
  }

  logFile(name: string): string {
    return join(this.#options.folder, `${name}.log`);
  }

  /** Stops all at once; after it nothing that was started here runs. */
  async stopAll(graceMs: number = STOP_GRACE_MS): Promise<void> {
    await Promise.all([...this.#processes.values()].map((one) => one.stop(graceMs)));
    this.#processes.clear();
  }
}
