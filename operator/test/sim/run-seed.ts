import { drawPlan, type Plan } from "./plan.ts";
import { Violation } from "./violation.ts";
import { World } from "./world.ts";

export interface SeedRun {
  readonly seed: number;
  readonly nodes: number;
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
  /** Of the whole trace: the same seed has the same. */
  readonly digest: number;
}

/** Runs one seed to its end or to its first violation. */
export function runSeed(
  { seed, nodes }: SeedRun,
  print?: (line: string) => void,
): Promise<SeedOutcome> {
  return runPlan(drawPlan(seed, nodes), print);
}

export async function runPlan(plan: Plan, print?: (line: string) => void): Promise<SeedOutcome> {
  const { seed } = plan;
  const world = new World(plan, print);
  const outcome = (failure: SeedFailure | undefined): SeedOutcome => {
    return { seed, failure, counts: [...world.counts.values], digest: world.trace.digest };
  };
  try {
    await world.run();
    return outcome(undefined);
  } catch (error) {
    await world.end();
    const isRule = error instanceof Violation;
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return outcome({
      checker: isRule ? error.checker : "exception",
      problem: isRule ? error.message : stack,
      atMs: world.clock.monotonic(),
      trace: world.trace.lines(),
    });
  }
}
