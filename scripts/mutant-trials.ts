// A child of run-mutants.ts: one vitest that stays, so that a trial costs a test and no start.
// Answers each `Trial` that its parent sends with an `Outcome`, in order.
import { resolve } from "node:path";
import { createVitest } from "vitest/node";
import { type Breakage, mutantPlugin } from "./mutant-plugin.ts";
import { type Patch, repository } from "./mutants.ts";

export interface Trial {
  /** Test file, from the root of the repository. */
  readonly test: string;
  /** Tests whose full name contains one of these are run. */
  readonly testNames: readonly string[];
  /** What to break for them; absent: the sources as they are. */
  readonly patch?: Patch;
}

export interface Outcome {
  /** Full names. */
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  /** False if no test loaded the source that the mutant breaks. */
  readonly loaded: boolean;
}

const breakage: Breakage = { patch: undefined, loaded: false };
const vitest = await createVitest(
  "test",
  // A thread dies with this process, also one that a mutant sent round in circles.
  { root: repository, watch: false, reporters: [{}], pool: "threads", testTimeout: 300_000 },
  { plugins: [mutantPlugin(breakage)] },
);
await vitest.standalone();

async function runTrial({ test, testNames, patch }: Trial): Promise<Outcome> {
  breakage.patch = patch;
  breakage.loaded = false;
  const changed = patch && resolve(repository, patch.file);
  if (changed !== undefined) vitest.invalidateFile(changed);
  try {
    const names = testNames.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    vitest.setGlobalTestNamePattern(new RegExp(names.join("|")));
    const moduleId = resolve(repository, test);
    const { testModules } = await vitest.runTestSpecifications([
      vitest.getRootProject().createSpecification(moduleId),
    ]);
    const tests = testModules
      .filter((module) => module.moduleId === moduleId)
      .flatMap((module) => [...module.children.allTests()]);
    const inState = (state: string) =>
      tests.filter((one) => one.result().state === state).map((one) => one.fullName);
    return { passed: inState("passed"), failed: inState("failed"), loaded: breakage.loaded };
  } finally {
    if (changed !== undefined) vitest.invalidateFile(changed);
  }
}

let last = Promise.resolve();
process.on("message", (trial: Trial) => {
  last = last.then(async () => {
    const outcome = await runTrial(trial);
    process.send?.(outcome);
  });
});
process.on("disconnect", () => process.exit(0));
