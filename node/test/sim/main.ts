// The deterministic simulator: whole networks on a virtual clock, one for each seed.
//   npm run sim -- --seeds 1..1000 --nodes 4..10 [--crypto stub|ed25519] [--json] [--trace]
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { type ArmReport, reportArms } from "./arms.ts";
import { Counts } from "./counts.ts";
import { type Options, readOptions, replayCommand, runsOf, USAGE, UsageError } from "./options.ts";
import { runSeed, type SeedOutcome, type SeedRun } from "./run-seed.ts";
import { slowMemberWorld, watchSilence } from "./slow-member.ts";

const THREADS = 2;
const THREADS_FROM_SEEDS = 20;
/** Failures beyond these are counted, not printed. */
const PRINTED_FAILURES_MAX = 5;

/** True: no further seed is started. */
type Report = (outcome: SeedOutcome) => boolean;

async function runThreaded(runs: Generator<SeedRun>, report: Report): Promise<void> {
  let isOver = false;
  const one = async () => {
    const worker = new Worker(new URL("./seed-worker.ts", import.meta.url));
    try {
      for (let run = runs.next(); !run.done && !isOver; run = runs.next()) {
        worker.postMessage(run.value);
        const [outcome] = await once(worker, "message");
        if (report(outcome)) isOver = true;
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: THREADS }, one));
}

function printFailure(options: Options, { seed, failure }: SeedOutcome): void {
  if (failure === undefined) return;
  const lines = [
    "",
    `seed ${seed} failed at ${(failure.atMs / 1_000).toFixed(3)} s: ${failure.problem}`,
    ...failure.trace.map((line) => `  ${line}`),
    `replay: ${replayCommand(options, seed)}`,
    "",
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

function printSummary(counts: Counts, arms: ArmReport, seconds: number): void {
  const names = [...counts.values.keys()].toSorted();
  const width = Math.max(...names.map((name) => name.length), 0);
  for (const name of names) {
    const amount = Math.round(counts.get(name)).toLocaleString("en-US");
    process.stdout.write(`  ${name.padEnd(width)}  ${amount.padStart(12)}\n`);
  }
  process.stdout.write(`  ${"wall seconds".padEnd(width)}  ${seconds.toFixed(1).padStart(12)}\n`);
  process.stdout.write(`rule arms exercised: ${arms.hit} of ${arms.all}; never:\n`);
  for (const name of arms.never) process.stdout.write(`  ${name}\n`);
}

function printOutcome(
  options: Options,
  outcomes: { readonly failed: readonly SeedOutcome[]; readonly finished: number },
  { counts, seconds }: { readonly counts: Counts; readonly seconds: number },
): void {
  const failures = outcomes.failed
    .toSorted((left, right) => left.seed - right.seed)
    .map(({ seed, failure }) => ({ seed, ...failure, replay: replayCommand(options, seed) }));
  const failed = failures.length;
  const passed = outcomes.finished - failed;
  const arms = reportArms(counts.values);
  if (options.json) {
    const document = { passed, failed, seconds, failures, arms };
    const json = { ...document, counts: Object.fromEntries(counts.values) };
    process.stdout.write(`${JSON.stringify(json)}\n`);
    return;
  }
  if (process.stdout.isTTY) process.stdout.write("\n");
  printSummary(counts, arms, seconds);
  if (failed > 0) {
    process.stdout.write(`failed seeds: ${failures.map(({ seed }) => seed).join(" ")}\n`);
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
}

async function runAll(options: Options): Promise<number> {
  const started = performance.now();
  const { first, last } = options.seeds;
  const total = last - first + 1;
  const counts = new Counts();
  const failed: SeedOutcome[] = [];
  let finished = 0;
  const report: Report = (outcome) => {
    finished += 1;
    counts.addAll(outcome.counts);
    if (outcome.failure !== undefined) {
      failed.push(outcome);
      if (!options.json && failed.length <= PRINTED_FAILURES_MAX) printFailure(options, outcome);
    }
    if (!options.json && process.stdout.isTTY) {
      process.stdout.write(`\r${finished}/${total} seeds, ${failed.length} failed `);
    } else if (!options.json && finished % 100 === 0) {
      process.stdout.write(`${finished}/${total} seeds, ${failed.length} failed\n`);
    }
    return options.isFirst && failed.length > 0;
  };
  if (total > THREADS_FROM_SEEDS) await runThreaded(runsOf(options), report);
  else {
    const print = options.trace
      ? (line: string) => void process.stdout.write(`${line}\n`)
      : undefined;
    for (const run of runsOf(options)) if (report(runSeed(run, print))) break;
  }
  const seconds = (performance.now() - started) / 1_000;
  printOutcome(options, { failed, finished }, { counts, seconds });
  return failed.length === 0 ? 0 : 1;
}

/** Rule SILENCE over an hour of virtual time. */
function runHour({ json }: Options): number {
  const started = performance.now();
  const world = slowMemberWorld();
  const silent = watchSilence(world);
  for (let minute = 1; minute <= 60; minute += 1) {
    world.runUntil(minute * 60_000);
    if (!json && process.stdout.isTTY) process.stdout.write(`\r${minute}/60 minutes `);
  }
  const blocks = world.checker.height;
  const names = [...silent];
  const isGood = names.length === 0 && blocks > 3_600;
  const counted = { passed: isGood ? 1 : 0, failed: isGood ? 0 : 1 };
  if (json) {
    const seconds = (performance.now() - started) / 1_000;
    const counts = { blocks, "members called silent": names.length };
    const arms = { hit: 0, all: 0, never: [] };
    const document = { ...counted, seconds, failures: [], arms, counts };
    process.stdout.write(`${JSON.stringify(document)}\n`);
  } else {
    process.stdout.write(`${blocks} blocks in one hour, silent: ${names.join(", ") || "nobody"}\n`);
    process.stdout.write(`${counted.passed} passed, ${counted.failed} failed\n`);
  }
  return isGood ? 0 : 1;
}

function isArgumentError(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return code.startsWith("ERR_PARSE_ARGS");
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(USAGE);
  else process.exitCode = options.hour ? runHour(options) : await runAll(options);
} catch (error) {
  if (!isArgumentError(error)) throw error;
  process.stderr.write(`${error.message}\nnpm run sim -- --help lists the options\n`);
  process.exitCode = 2;
}
