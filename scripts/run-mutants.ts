// npm run mutants (its --help tells the options): breaks one rule at a time.
// A mutant counts as found when a test fails; a source that does not load finds nothing. The tests
// of a file then have to pass without any mutant, which also proves that none of them was left
// behind. With --simulator no test is named: the simulator has to object, in the seed that is known
// to kill; with --seeds, and where that seed does not kill any more, in one of many.
import type { Mutant } from "../node/test/mutants/mutants.ts";
import { simulatorMutants } from "../node/test/mutants/simulator.ts";
import { runCommand, runProgram } from "../test-e2e/command-line/run.ts";
import { Judge } from "./judge.ts";
import { HELP, type MutantOptions, named, parseMutantOptions } from "./mutant-options.ts";
import type { Outcome } from "./mutant-trials.ts";
import { checkMutants, mutants } from "./mutants.ts";
import { runSimulatorMutants } from "./simulator-mutants.ts";

interface Verdict {
  readonly name: string;
  readonly rule: string;
  readonly found: boolean;
  readonly detail: string;
  readonly seconds: number;
}

const atOnce = 2;

function brokenVerdict(outcome: Outcome | undefined): { found: boolean; detail: string } {
  if (outcome === undefined) return { found: false, detail: "crashed or took too long" };
  if (!outcome.loaded) return { found: false, detail: "no test loads the broken source" };
  if (outcome.failed.length > 0) {
    return { found: true, detail: `${outcome.failed.length} failing as expected` };
  }
  if (outcome.passed.length === 0)
    return { found: false, detail: "the broken source does not load, or no test of that name" };
  return { found: false, detail: "SURVIVED: the test passes with the rule broken" };
}

function intactProblem(outcome: Outcome | undefined, testName: string): string | undefined {
  if (outcome === undefined) return "without the mutant: crashed or took too long";
  const named = (list: readonly string[]) => list.some((one) => one.includes(testName));
  if (named(outcome.failed)) return "without the mutant: the test fails as well";
  if (!named(outcome.passed)) return "without the mutant: no test of that name";
  return undefined;
}

/** All mutants of one test file, then the file as it is. */
async function judgeFile(judge: Judge, test: string, list: readonly Mutant[]): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const mutant of list) {
    const start = Date.now();
    const { name, rule, testName } = mutant;
    const outcome = brokenVerdict(await judge.run({ test, testNames: [testName], patch: mutant }));
    verdicts.push({ name, rule, ...outcome, seconds: (Date.now() - start) / 1000 });
  }
  const testNames = [...new Set(list.map(({ testName }) => testName))];
  const intact = await judge.run({ test, testNames });
  return verdicts.map((verdict, index) => {
    const problem = intactProblem(intact, list[index]?.testName ?? "");
    return problem === undefined ? verdict : { ...verdict, found: false, detail: problem };
  });
}

async function judgeAll(list: readonly Mutant[], report: (verdict: Verdict) => void) {
  const verdicts: Verdict[] = [];
  const queue = [...new Set(list.map(({ test }) => test))];
  const worker = async () => {
    const judge = new Judge();
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const ofFile = list.filter((mutant) => mutant.test === file);
      for (const verdict of await judgeFile(judge, file, ofFile)) {
        verdicts.push(verdict);
        report(verdict);
      }
    }
    judge.close();
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, queue.length) }, worker));
  return verdicts;
}

async function run(options: MutantOptions): Promise<number> {
  const { only, json, simulator } = options;
  if (simulator) return (await runSimulatorMutants(options)) ? 0 : 1;
  const list = only === undefined ? mutants : [named(mutants, only)];
  checkMutants(list);
  checkMutants(simulatorMutants);
  const width = Math.max(...list.map((mutant) => mutant.name.length), 0);
  const verdicts = await judgeAll(list, (verdict) => {
    if (json) return;
    const mark = verdict.found ? "ok  " : "FAIL";
    const seconds = `${verdict.seconds.toFixed(1).padStart(5)} s`;
    const line = `${mark} ${verdict.name.padEnd(width)}  ${seconds}  ${verdict.detail}`;
    process.stdout.write(`${line}  [${verdict.rule}]\n`);
  });
  const passed = verdicts.filter((verdict) => verdict.found).length;
  const failed = verdicts.length - passed;
  if (json) process.stdout.write(`${JSON.stringify({ passed, failed, verdicts })}\n`);
  else process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

await runProgram((args) => runCommand({ help: HELP, parse: parseMutantOptions, act: run }, args));
