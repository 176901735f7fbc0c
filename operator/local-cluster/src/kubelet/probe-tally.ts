import type { Probe } from "../controllers/api-types.ts";

export type ProbeState = "unknown" | "success" | "failure";

export interface ProbeTimes {
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

/** With the defaults of the API. */
export function probeTimes(probe: Probe): ProbeTimes {
  return {
    initialDelayMs: (probe.initialDelaySeconds ?? 0) * 1000,
    periodMs: (probe.periodSeconds || 10) * 1000,
    timeoutMs: (probe.timeoutSeconds || 1) * 1000,
    successThreshold: probe.successThreshold || 1,
    failureThreshold: probe.failureThreshold || 3,
  };
}

/** Counts results in a row: the state turns only when a threshold is reached. */
export class ProbeTally {
  readonly #times: ProbeTimes;
  #last: boolean | undefined;
  #inARow = 0;
  state: ProbeState = "unknown";

  constructor(times: ProbeTimes) {
    this.#times = times;
  }

  /** True where this result turned the state, or reached the failure threshold once more. */
  record(success: boolean): boolean {
    this.#inARow = this.#last === success ? this.#inARow + 1 : 1;
    this.#last = success;
    const threshold = success ? this.#times.successThreshold : this.#times.failureThreshold;
    if (this.#inARow < threshold) return false;
    const next: ProbeState = success ? "success" : "failure";
    const turned = next !== this.state || (!success && this.#inARow % threshold === 0);
    this.state = next;
    return turned;
  }
}
