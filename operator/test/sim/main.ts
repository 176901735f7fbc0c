// The operator's deterministic simulator: the real operator on a virtual clock, one world a seed.
//   npm run sim:operator -- --seeds 1..2000 [--nodes 4] [--json] [--trace]
import { once } from "node:events";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { Counts } from "./counts.ts";
import { runSeed, type SeedOutcome, type SeedRun } from "./run-seed.ts";

const USAGE = `npm run sim:operator -- --seeds A..B [options]

Runs the real operator (leader election, informers, queue, reconciler) against an API server, a
cluster, a chain and metrics in memory, with seeded faults of all of them. Rules are checked at
every step; after the last fault the set has to become whole and quiet.

  --seeds A..B   seeds to run, both included (default 1..100); a single number runs one
  --nodes N      members of the set, 4 to 7 (default 4)
  --trace        print everything that happens; for a single seed
  --json         print one JSON document and nothing else
  --help         this text

Exit code: 0 all passed, 1 a seed failed, 2 wrong arguments.
`;

const THREADS = 2;
const THREADS_FROM_SEEDS = 8;
/** Failures beyond these are counted, not printed. */
const PRINTED_FAILURES_MAX = 5;

interface Options {
  readonly first: number;
  readonly last: number;
  readonly nodes: number;
  readonly trace: boolean;
  readonly json: boolean;
}

class UsageError extends Error {}

function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: "string", default: "1..100" },
      nodes: { type: "string", default: "4" },
      trace: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const nodes = Number(values.nodes);
  if (!Number.isInteger(nodes) || nodes < 4 || nodes > 7) {
    throw new UsageError(`--nodes ${values.nodes}: write a number from 4 to 7`);
  }
  const match = /^(\d{1,9})(?:\.\.(\d{1,9}))?$/.exec(values.seeds);
  if (match === null) throw new UsageError(`--seeds ${values.seeds}: write A..B, as in 1..1000`);
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (last < first) throw new UsageError(`--seeds ${values.seeds}: ${last} is below ${first}`);
  if (values.trace && first !== last) {
    throw new UsageError("--trace: give a single seed, for example --seeds 7");
  }
  return { first, last, nodes, trace: values.trace, json: values.json };
}

function* runsOf({ first, last, nodes }: Options): Generator<SeedRun> {
  for (let seed = first; seed <= last; seed += 1) yield { seed, nodes };
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

function replayCommand({ nodes }: Options, seed: number): string {
  return `npm run sim:operator -- --seeds ${seed} --nodes ${nodes} --trace`;
}

function printFailure(options: Options, { seed, failure }: SeedOutcome): void {
  if (failure === undefined) return;
  const lines = [
    "",
    ...failure.trace.map((line) => `  ${line}`),
    `seed ${seed} failed at ${(failure.atMs / 1_000).toFixed(3)} s: ${failure.problem}`,
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
    if (!options.json && finished % 100 === 0) {
      process.stdout.write(`${finished}/${total} seeds, ${failed.length} failed\n`);
    }
  };
  if (total >= THREADS_FROM_SEEDS) await runThreaded(runsOf(options), report);
  else {
    const print = options.trace
      ? (line: string) => void process.stdout.write(`${line}\n`)
      : undefined;
    for (const run of runsOf(options)) report(await runSeed(run, print));
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
    printSummary(counts, seconds);
    for (const { seed, problem = "" } of failures) {
      process.stdout.write(`seed ${seed}: ${problem.split("\n")[0]}\n`);
    }
    process.stdout.write(`${passed} passed, ${failed.length} failed\n`);
  }
  return failed.length === 0 ? 0 : 1;
}

function isArgumentError(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return code.startsWith("ERR_PARSE_ARGS");
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(USAGE);
  else process.exitCode = await runAll(options);
} catch (error) {
  if (!isArgumentError(error)) throw error;
  process.stderr.write(`${error.message}\nnpm run sim:operator -- --help lists the options\n`);
  process.exitCode = 2;
}
