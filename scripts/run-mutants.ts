// Breaks one rule at a time and expects the named test to notice:
//   npm run mutants [-- --only NAME] [--json]
//   npm run mutants -- --simulator [--quick] [--only NAME] [--seeds A..B] [--json]
// A mutant counts as found when a test fails; a source that does not load finds nothing. With
// --simulator no test is named: the simulator runs seed after seed until it objects.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Mutant } from "../node/test/mutants/mutants.ts";
import { simulatorMutants } from "../node/test/mutants/simulator.ts";
import { checkMutants, findMutant, mutants, repository } from "./mutants.ts";
import { runSimulatorMutants } from "./simulator-mutants.ts";

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
}

interface Verdict {
  readonly name: string;
  readonly rule: string;
  readonly found: boolean;
  readonly detail: string;
  readonly seconds: number;
}

const atOnce = 2;
const limitMillis = 300_000;
const outFolder = mkdtempSync(join(tmpdir(), "quorate-mutants-"));
let runs = 0;

/** One vitest run of the mutant's test; `undefined` if it wrote no report or took too long. */
async function runTest(mutant: Mutant, broken: boolean): Promise<Report | undefined> {
  runs += 1;
  const outputFile = join(outFolder, `${runs}.json`);
  const pattern = mutant.testName.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const vitest = join(repository, "node_modules/vitest/vitest.mjs");
  const args = ["run", mutant.test, "-t", pattern, "--reporter=json", `--outputFile=${outputFile}`];
  const child = spawn(process.execPath, [vitest, ...args], {
    cwd: repository,
    env: { ...process.env, QUORATE_MUTANT: broken ? mutant.name : "" },
    stdio: "ignore",
    timeout: limitMillis,
    killSignal: "SIGKILL",
  });
  await new Promise<void>((done, fail) => {
    child.on("error", fail);
    child.on("close", () => done());
  });
  try {
    return JSON.parse(readFileSync(outputFile, "utf8"));
  } catch {
    return undefined;
  }
}

function intactProblem(report: Report | undefined): string | undefined {
  if (report === undefined) return "without the mutant: no report from vitest";
  if (report.numFailedTests > 0) return "without the mutant: the test fails as well";
  if (report.numPassedTests === 0) return "without the mutant: no test of that name";
  return undefined;
}

function brokenVerdict(report: Report | undefined): { found: boolean; detail: string } {
  if (report === undefined) return { found: false, detail: "no report: crashed or took too long" };
  if (report.numFailedTests > 0) {
    return { found: true, detail: `${report.numFailedTests} failing as expected` };
  }
  if (report.numPassedTests === 0)
    return { found: false, detail: "the broken source does not load" };
  return { found: false, detail: "SURVIVED: the test passes with the rule broken" };
}

/** Several mutants often share a test: it has to pass once without any of them. */
const intact = new Map<string, Promise<string | undefined>>();

async function judge(mutant: Mutant): Promise<Verdict> {
  const start = Date.now();
  const key = JSON.stringify([mutant.test, mutant.testName]);
  const running = intact.get(key) ?? runTest(mutant, false).then(intactProblem);
  intact.set(key, running);
  const problem = await running;
  const outcome =
    problem === undefined
      ? brokenVerdict(await runTest(mutant, true))
      : { found: false, detail: problem };
  const seconds = (Date.now() - start) / 1000;
  return { name: mutant.name, rule: mutant.rule, ...outcome, seconds };
}

async function judgeAll(list: readonly Mutant[], report: (verdict: Verdict) => void) {
  const verdicts: Verdict[] = [];
  const queue = [...list];
  const worker = async () => {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const verdict = await judge(mutant);
      verdicts.push(verdict);
      report(verdict);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return verdicts;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      json: { type: "boolean", default: false },
      simulator: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      seeds: { type: "string", default: "0..1999" },
    },
  });
  if (values.simulator) {
    process.exitCode = (await runSimulatorMutants(values)) ? 0 : 1;
    return;
  }
  const list = values.only === undefined ? mutants : [findMutant(values.only)];
  checkMutants(list);
  checkMutants(simulatorMutants);
  const width = Math.max(...list.map((mutant) => mutant.name.length), 0);
  const verdicts = await judgeAll(list, (verdict) => {
    if (values.json) return;
    const mark = verdict.found ? "ok  " : "FAIL";
    const seconds = `${verdict.seconds.toFixed(1).padStart(5)} s`;
    const line = `${mark} ${verdict.name.padEnd(width)}  ${seconds}  ${verdict.detail}`;
    process.stdout.write(`${line}  [${verdict.rule}]\n`);
  });
  const passed = verdicts.filter((verdict) => verdict.found).length;
  const failed = verdicts.length - passed;
  if (values.json) process.stdout.write(`${JSON.stringify({ passed, failed, verdicts })}\n`);
  else process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exitCode = failed === 0 ? 0 : 1;
}

try {
  await main();
} finally {
  rmSync(outFolder, { recursive: true, force: true });
}
