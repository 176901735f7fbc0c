// The deterministic simulator: whole networks on a virtual clock, one for each seed.
//   npm run sim -- --seeds 1..1000 [--nodes 4] [--crypto stub|ed25519] [--json] [--trace]
import { once } from "node:events";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { Counts } from "./counts.ts";
import { runSeed, type SeedOutcome, type SeedRun } from "./run-seed.ts";
import type { CryptoName } from "./schemes.ts";
import { slowMemberWorld, watchSilence } from "./slow-member.ts";

const USAGE = `npm run sim -- --seeds A..B [options]

Runs one network for each seed on a virtual clock: delays, losses, partitions, crashes of one and
of all nodes between any two effects, one equivocator. Every rule is checked at every effect.

  --seeds A..B   seeds to run, both included (default 1..100); a single number runs one
  --nodes N      members of the set, 4 to 7 (default 4); 1 or 2 spares come on top
  --crypto NAME  stub (keyed hash, default), or ed25519: real signatures and real wire bytes
  --hour         instead of seeds: one hour with a member 150 ms slower, which is never silent
  --trace        print every input and effect; for a single seed
  --json         print one JSON document and nothing else
  --help         this text

Exit code: 0 all passed, 1 a seed failed, 2 wrong arguments.
`;

const THREADS = 2;
const THREADS_FROM_SEEDS = 20;
/** Failures beyond these are counted, not printed. */
const PRINTED_FAILURES_MAX = 5;

interface Options {
  readonly first: number;
  readonly last: number;
  readonly nodes: number;
  readonly crypto: CryptoName;
  readonly trace: boolean;
  readonly json: boolean;
  readonly hour: boolean;
}

class UsageError extends Error {}

function readSeeds(text: string): { readonly first: number; readonly last: number } {
  const match = /^(\d{1,9})(?:\.\.(\d{1,9}))?$/.exec(text);
  if (match === null) throw new UsageError(`--seeds ${text}: write A..B, for example 1..1000`);
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (last < first) throw new UsageError(`--seeds ${text}: ${last} is below ${first}`);
  return { first, last };
}

function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: "string", default: "1..100" },
      nodes: { type: "string", default: "4" },
      crypto: { type: "string", default: "stub" },
      trace: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      hour: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const nodes = Number(values.nodes);
  if (!Number.isInteger(nodes) || nodes < 4 || nodes > 7) {
    throw new UsageError(`--nodes ${values.nodes}: write a number from 4 to 7`);
  }
  const { crypto, trace, json, hour } = values;
  if (crypto !== "stub" && crypto !== "ed25519") {
    throw new UsageError(`--crypto ${crypto}: write stub or ed25519`);
  }
  const seeds = readSeeds(values.seeds);
  if (trace && seeds.first !== seeds.last) {
    throw new UsageError("--trace: give a single seed, for example --seeds 7..7");
  }
  return { ...seeds, nodes, crypto, trace, json, hour };
}

function* runsOf({ first, last, nodes, crypto }: Options): Generator<SeedRun> {
  for (let seed = first; seed <= last; seed += 1) yield { seed, nodes, crypto };
}

async function runThreaded(
  runs: Generator<SeedRun>,
  report: (outcome: SeedOutcome) => void,
): Promise<void> {
  const one = async () => {
    const worker = new Worker(new URL("./seed-worker.ts", import.meta.url));
    try {
      for (let run = runs.next(); !run.done; run = runs.next()) {
        worker.postMessage(run.value);
        const [outcome] = await once(worker, "message");
        report(outcome);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: THREADS }, one));
}

function replayCommand({ nodes, crypto }: Options, seed: number): string {
  const extra = crypto === "stub" ? "" : ` --crypto ${crypto}`;
  return `npm run sim -- --seeds ${seed}..${seed} --nodes ${nodes}${extra} --trace`;
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

function printSummary(counts: Counts, seconds: number): void {
  const names = [...counts.values.keys()].toSorted();
  const width = Math.max(...names.map((name) => name.length), 0);
  for (const name of names) {
    const amount = Math.round(counts.get(name)).toLocaleString("en-US");
    process.stdout.write(`  ${name.padEnd(width)}  ${amount.padStart(12)}\n`);
  }
  process.stdout.write(`  ${"wall seconds".padEnd(width)}  ${seconds.toFixed(1).padStart(12)}\n`);
}

async function runAll(options: Options): Promise<number> {
  const started = performance.now();
  const total = options.last - options.first + 1;
  const counts = new Counts();
  const failed: SeedOutcome[] = [];
  let finished = 0;
  const report = (outcome: SeedOutcome) => {
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
  };
  if (total > THREADS_FROM_SEEDS) await runThreaded(runsOf(options), report);
  else {
    const print = options.trace
      ? (line: string) => void process.stdout.write(`${line}\n`)
      : undefined;
    for (const run of runsOf(options)) report(runSeed(run, print));
  }
  const seconds = (performance.now() - started) / 1_000;
  const passed = total - failed.length;
  const failures = failed
    .toSorted((left, right) => left.seed - right.seed)
    .map(({ seed, failure }) => ({ seed, ...failure, replay: replayCommand(options, seed) }));
  if (options.json) {
    const document = { passed, failed: failed.length, seconds, failures };
    const json = { ...document, counts: Object.fromEntries(counts.values) };
    process.stdout.write(`${JSON.stringify(json)}\n`);
  } else {
    if (process.stdout.isTTY) process.stdout.write("\n");
    printSummary(counts, seconds);
    const seeds = failures.map(({ seed }) => seed);
    if (seeds.length > 0) process.stdout.write(`failed seeds: ${seeds.join(" ")}\n`);
    process.stdout.write(`${passed} passed, ${failed.length} failed\n`);
  }
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
    process.stdout.write(`${JSON.stringify({ ...counted, seconds, failures: [], counts })}\n`);
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
