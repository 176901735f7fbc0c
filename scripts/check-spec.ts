// Checks the Quint models of node/spec/quint, and that the committed traces are what they give:
//   npm run spec                    types, invariants on random runs, reachability, traces
//   npm run spec -- --samples N     so many random runs for the invariants (default 300)
//   npm run spec -- --write         writes the traces anew
// The simulator of Quint that runs on Node needs neither Java nor a download.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const repository = fileURLToPath(new URL("..", import.meta.url));
const traces = join(repository, "node/spec/quint/traces");
const env = {
  ...process.env,
  PATH: join(repository, "node_modules/.bin") + delimiter + process.env["PATH"],
};

interface Model {
  readonly file: string;
  readonly main: string;
  readonly steps: number;
  /** Of the committed traces; the seed makes them the same every time. */
  readonly traces: number;
  readonly seed: string;
  /** Said never to happen, and found to happen: the model gets that far. */
  readonly reachable: readonly string[];
}

const MODELS: readonly Model[] = [
  {
    file: "node/spec/quint/hand-over.qnt",
    main: "handOver",
    steps: 60,
    traces: 5,
    seed: "0x7",
    reachable: ["neverThirdEpoch", "neverFourthEpoch"],
  },
];

function quint(args: readonly string[]): { readonly ok: boolean; readonly said: string } {
  const { status, stdout, stderr, error } = spawnSync("quint", args, {
    cwd: repository,
    env,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) throw error;
  return { ok: status === 0, said: `${stdout}${stderr}` };
}

function run(model: Model, steps: number, ...args: readonly string[]) {
  const common = ["run", "--backend=typescript", `--main=${model.main}`, `--max-steps=${steps}`];
  return quint([...common, ...args, model.file]);
}

/** What differs from run to run is left out. */
function stable(text: string): string {
  const { "#meta": _, vars, states } = JSON.parse(text);
  return `${JSON.stringify({ vars, states })}\n`;
}

function makeTraces(model: Model): ReadonlyMap<string, string> {
  const folder = mkdtempSync(join(tmpdir(), "quorate-spec-"));
  try {
    const name = model.file.replace(/^.*\/|\.qnt$/g, "");
    const many = [`--max-samples=${model.traces}`, `--n-traces=${model.traces}`];
    const out = [`--out-itf=${join(folder, `${name}-{seq}.itf.json`)}`, "--verbosity=0", "--mbt"];
    const { ok, said } = run(model, model.steps, ...many, ...out, `--seed=${model.seed}`);
    if (!ok) throw new Error(`${model.file}: no traces: ${said}`);
    const files = readdirSync(folder).toSorted();
    return new Map(files.map((file) => [file, stable(readFileSync(join(folder, file), "utf8"))]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function report(isGood: boolean, what: string): boolean {
  process.stdout.write(`${isGood ? "ok  " : "FAIL"} ${what}\n`);
  return isGood;
}

function checkModel(model: Model, samples: number): boolean {
  const typed = quint(["typecheck", model.file]);
  if (!report(typed.ok, `${model.file}: types`)) {
    process.stdout.write(typed.said);
    return false;
  }
  const checked = run(model, model.steps, "--invariant=safety", `--max-samples=${samples}`);
  const isSafe = report(checked.ok, `${model.file}: safety on ${samples} random runs`);
  if (!isSafe) process.stdout.write(checked.said);
  const reached = model.reachable.map((name) => {
    const found = run(model, 2 * model.steps, `--invariant=${name}`, "--max-samples=200");
    const isFound = !found.ok && found.said.includes("violation");
    return report(isFound, `${model.file}: ${name} is broken by some run`);
  });
  return isSafe && reached.every(Boolean);
}

function checkTraces(made: ReadonlyMap<string, string>): boolean {
  const kept = readdirSync(traces).toSorted();
  const isSame =
    kept.join() === [...made.keys()].toSorted().join() &&
    kept.every((file) => readFileSync(join(traces, file), "utf8") === made.get(file));
  return report(isSame, "node/spec/quint/traces are what the models give (else: --write)");
}

const { values } = parseArgs({
  options: { samples: { type: "string", default: "300" }, write: { type: "boolean" } },
});
const samples = Number(values.samples);
if (!Number.isInteger(samples) || samples < 1) {
  process.stderr.write(`--samples ${values.samples}: write a whole number from 1\n`);
  process.exitCode = 2;
} else {
  const made = new Map(MODELS.flatMap((model) => [...makeTraces(model)]));
  if (values.write === true) {
    rmSync(traces, { recursive: true, force: true });
    mkdirSync(traces, { recursive: true });
    for (const [file, text] of made) writeFileSync(join(traces, file), text);
    process.stdout.write(`${made.size} traces written\n`);
  } else {
    const models = MODELS.map((model) => checkModel(model, samples));
    const isGood = checkTraces(made) && models.every(Boolean);
    process.exitCode = isGood ? 0 : 1;
  }
}
