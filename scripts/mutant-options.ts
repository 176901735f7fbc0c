import { InputProblem } from "../test-e2e/command-line/input-problem.ts";
import { readOptions } from "../test-e2e/command-line/options.ts";

export const HELP = `Usage: npm run mutants -- [options]

Takes one safety rule out of the source at a time, and expects its named test to fail. A mutant
counts as found when that test fails; a source that does not load finds nothing.

  --only NAME       this mutant alone
  --simulator       the simulator's mutants: no test is named, it runs seeds until a checker objects
  --seeds A..B      with --simulator: search these seeds, not the one that is known to kill
  --quick           with --simulator: only those that die within a few seeds
  --json            nothing but the verdicts, as JSON
  --help            this text

Exit status: 0 if every mutant was found, 1 if one survives, 2 if the input is wrong.
`;

export interface SimulatorMutantOptions {
  readonly only?: string | undefined;
  /** Seeds to search; by default the one that is known to kill, and all of them if it does not. */
  readonly seeds?: string | undefined;
  /** Only those that die within a few seeds. */
  readonly quick: boolean;
  readonly json: boolean;
}

export interface MutantOptions extends SimulatorMutantOptions {
  readonly simulator: boolean;
}

/** Undefined where help was asked for. */
export function parseMutantOptions(args: readonly string[]): MutantOptions | undefined {
  const values = readOptions("npm run mutants --", args, {
    only: { type: "string" },
    json: { type: "boolean", default: false },
    simulator: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    seeds: { type: "string" },
    help: { type: "boolean", default: false },
  });
  if (values.help) return undefined;
  const { seeds, simulator, quick } = values;
  if (!simulator && (quick || seeds !== undefined)) {
    const field = quick ? "--quick" : "--seeds";
    const fix = "add --simulator";
    throw new InputProblem({ field, problem: "only the simulator's mutants know it", fix });
  }
  if (seeds !== undefined && !/^\d{1,9}\.\.\d{1,9}$/.test(seeds)) {
    const fix = "give A..B, such as 0..99";
    throw new InputProblem({ field: "--seeds", problem: `"${seeds}" is no range`, fix });
  }
  return values;
}

/** The mutant of this name; throws InputProblem where there is none. */
export function named<T extends { readonly name: string }>(list: readonly T[], name: string): T {
  const mutant = list.find((each) => each.name === name);
  if (mutant !== undefined) return mutant;
  const fix = "give a name of node/test/mutants or operator/test/mutants";
  throw new InputProblem({ field: "--only", problem: `no mutant is called "${name}"`, fix });
}
