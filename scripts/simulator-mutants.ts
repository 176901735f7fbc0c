// Takes one rule at a time out of a copy of the node's sources and lets the simulator run over
// that copy, seed after seed, until a checker objects. See run-mutants.ts.
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SimulatorMutant, simulatorMutants } from "../node/test/mutants/simulator.ts";
import { named, type SimulatorMutantOptions } from "./mutant-options.ts";
import { checkMutants, mutate, repository } from "./mutants.ts";

interface Verdict {
  readonly name: string;
  readonly rule: string;
  readonly found: boolean;
  /** Seed that killed it. */
  readonly seed?: number;
  readonly detail: string;
  readonly seconds: number;
}

interface SimReport {
  readonly passed: number;
  readonly failures: readonly { readonly seed: number; readonly problem: string }[];
}

const NODES = "4..10";
/** Where a mutant is searched for that its own seed does not kill any more. */
const SEEDS_ALL = "0..1999";
/** Both threads of the simulator work on one mutant: seeds are what is scarce. */
const LIMIT_MS = 4 * 3_600_000;

function copyTree(folder: string): void {
  for (const part of ["node/src", "node/test"]) {
    cpSync(join(repository, part), join(folder, part), { recursive: true });
  }
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
}

async function simulate(folder: string, seeds: string): Promise<string> {
  const main = join(folder, "node/test/sim/main.ts");
  const args = [main, "--seeds", seeds, "--nodes", NODES, "--first", "--json"];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  child.stderr.resume();
  await new Promise<void>((done, fail) => {
    child.on("error", fail);
    child.on("close", () => done());
  });
  return text;
}

function readReport(text: string): SimReport | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function verdictOf(report: SimReport | undefined): Pick<Verdict, "found" | "seed" | "detail"> {
  if (report === undefined)
    return { found: false, detail: "no report: does not load, or too long" };
  const [first] = report.failures;
  if (first === undefined) {
    return { found: false, detail: `SURVIVED ${report.passed} seeds with the rule broken` };
  }
  const [problem = ""] = first.problem.split("\n");
  return { found: true, seed: first.seed, detail: `seed ${first.seed}: ${problem.slice(0, 90)}` };
}

/** The known seed first: it takes seconds where the search takes minutes. */
async function search(
  mutant: SimulatorMutant,
  folder: string,
  seeds: string | undefined,
): Promise<Pick<Verdict, "found" | "seed" | "detail">> {
  if (seeds !== undefined) return verdictOf(readReport(await simulate(folder, seeds)));
  const known = verdictOf(readReport(await simulate(folder, `${mutant.seed}`)));
  if (known.found) return known;
  const other = verdictOf(readReport(await simulate(folder, SEEDS_ALL)));
  return { ...other, detail: `not by its seed ${mutant.seed} any more: ${other.detail}` };
}

async function judge(mutant: SimulatorMutant, seeds: string | undefined): Promise<Verdict> {
  const start = Date.now();
  const folder = mkdtempSync(join(tmpdir(), "quorate-sim-mutant-"));
  try {
    copyTree(folder);
    const file = join(folder, mutant.file);
    writeFileSync(file, mutate(mutant, readFileSync(file, "utf8")));
    const verdict = await search(mutant, folder, seeds);
    const seconds = (Date.now() - start) / 1_000;
    return { name: mutant.name, rule: mutant.rule, ...verdict, seconds };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function chosen({ only, quick }: SimulatorMutantOptions): readonly SimulatorMutant[] {
  const list = only === undefined ? simulatorMutants : [named(simulatorMutants, only)];
  return quick ? list.filter((mutant) => mutant.quick) : list;
}

/** True if the simulator found every one of them. */
export async function runSimulatorMutants(options: SimulatorMutantOptions): Promise<boolean> {
  const list = chosen(options);
  checkMutants(list);
  const width = Math.max(...list.map(({ name }) => name.length), 0);
  const verdicts: Verdict[] = [];
  for (const mutant of list) {
    const verdict = await judge(mutant, options.seeds);
    verdicts.push(verdict);
    if (options.json) continue;
    const mark = verdict.found ? "ok  " : "FAIL";
    const seconds = `${verdict.seconds.toFixed(1).padStart(6)} s`;
    const line = `${mark} ${verdict.name.padEnd(width)}  ${seconds}  ${verdict.detail}`;
    process.stdout.write(`${line}  [${verdict.rule}]\n`);
  }
  const passed = verdicts.filter(({ found }) => found).length;
  const failed = verdicts.length - passed;
  if (options.json) process.stdout.write(`${JSON.stringify({ passed, failed, verdicts })}\n`);
  else process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0;
}
