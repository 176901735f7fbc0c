import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Outcome, Trial } from "./mutant-trials.ts";

const PROGRAM = fileURLToPath(new URL("./mutant-trials.ts", import.meta.url));
const LIMIT_MS = 600_000;

/** Runs trials one after the other in a child process, which is replaced if one breaks it. */
export class Judge {
  #child: ChildProcess | undefined;

  /** `undefined` if the child crashed or took more than ten minutes. */
  async run(trial: Trial): Promise<Outcome | undefined> {
    this.#child ??= fork(PROGRAM, { stdio: "ignore" });
    const child = this.#child;
    const enough = new AbortController();
    const limit = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
    child.send(trial);
    const answered = once(child, "message", { signal: enough.signal });
    const ended = once(child, "exit", { signal: enough.signal }).then(() => undefined);
    try {
      const answer = await Promise.race([answered, ended]);
      if (answer === undefined) this.#child = undefined;
      return answer?.[0];
    } finally {
      clearTimeout(limit);
      enough.abort();
      await Promise.allSettled([answered, ended]);
    }
  }

  close(): void {
    this.#child?.disconnect();
    this.#child = undefined;
  }
}
