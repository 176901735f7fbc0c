import { drawPlan } from "./draw-plan.ts";
import { runPlan } from "./scenario.ts";
import type { CryptoName } from "./schemes.ts";
import { Violation } from "./violation.ts";
import { World } from "./world.ts";

export interface SeedRun {
  readonly seed: number;
  readonly nodes: number;
  readonly crypto: CryptoName;
}

export interface SeedFailure {
  readonly checker: string;
  readonly problem: string;
  readonly atMs: number;
  readonly trace: readonly string[];
}

export interface SeedOutcome {
  readonly seed: number;
  readonly failure: SeedFailure | undefined;
  readonly counts: readonly (readonly [string, number])[];
}

/** Runs one seed to its end or to its first violation. */
export function runSeed(run: SeedRun, print?: (line: string) => void): SeedOutcome {
  const plan = drawPlan(run.seed, run.nodes);
  const world = new World(plan, { crypto: run.crypto, ...(print && { print }) });
  try {
    runPlan(world);
    return { seed: run.seed, failure: undefined, counts: [...world.counts.values] };
  } catch (error) {
    const checker = error instanceof Violation ? error.checker : "exception";
    const detail = error instanceof Violation ? error.message : String(error);
    const stack = error instanceof Violation ? stackOf(error.cause) : stackOf(error);
    const problem = stack === "" ? detail : `${detail}\n${stack}`;
    const failure = { checker, problem, atMs: world.now, trace: world.trace.lines() };
    return { seed: run.seed, failure, counts: [...world.counts.values] };
  }
}

function stackOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? "") : "";
}
