// Checks the Quint models of node/spec/quint, and that the committed traces are what they give:
//   npm run spec                    types, invariants on random runs, reachability, mutants, traces
//   npm run spec -- --samples N     so many random runs for the invariants (default 300)
//   npm run spec -- --write         writes the traces anew
// The simulator of Quint that runs on Node needs neither Java nor a download.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { MODELS, type Model, type ModelMutant } from "./spec-models.ts";

const repository = fileURLToPath(new URL("..", import.meta.url));
const traces = join(repository, "node/spec/quint/traces");
const env = {
  ...process.env,
  PATH: join(repository, "node_modules/.bin") + delimiter + process.env["PATH"],
};
/** Runs until a mutant must have broken its invariant. */
const MUTANT_SAMPLES = 300;

interface Said {
  readonly ok: boolean;
  readonly said: string;
}

/** Processes side by side: each has one busy thread. */
let free = Math.max(2, availableParallelism());
const waiting: (() => void)[] = [];

async function quint(args: readonly string[]): Promise<Said> {
  if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
  else free -= 1;
  const options = { cwd: repository, env, maxBuffer: 64 * 1024 * 1024 };
  const said = await new Promise<Said>((resolve, reject) => {
    execFile("quint", args, options, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== "number") reject(error);
      else resolve({ ok: error === null, said: `${stdout}${stderr}` });
    });
  });
  const next = waiting.shift();
  if (next === undefined) free += 1;
  else next();
  return said;
}

function run(model: Model, file: string, ...args: readonly string[]): Promise<Said> {
  const common = ["run", "--backend=typescript", `--main=${model.main}`, "--verbosity=1"];
  return quint([...common, ...args, file]);
}

async function inFolder<T>(act: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "quorate-spec-"));
  try {
    return await act(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What differs from run to run is left out, and what no test compares. */
function stable(text: string, ghosts: readonly string[]): string {
  const { "#meta": _, vars, states } = JSON.parse(text);
  const isKept = (name: string) => !ghosts.includes(name);
  const kept = states.map((state: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(state).filter(([name]) => isKept(name))),
  );
  return `${JSON.stringify({ vars: vars.filter(isKept), states: kept })}\n`;
}

function makeTraces(model: Model): Promise<ReadonlyMap<string, string>> {
  return inFolder(async (folder) => {
    const name = model.file.replace(/^.*\/|\.qnt$/g, "");
    const runs = [`--max-steps=${model.traceSteps}`, `--max-samples=${model.traces}`];
    const many = [...runs, `--n-traces=${model.traces}`];
    const out = [`--out-itf=${join(folder, `${name}-{seq}.itf.json`)}`, "--mbt"];
    const { ok, said } = await run(model, model.file, ...many, ...out, `--seed=${model.seed}`);
    if (!ok) throw new Error(`${model.file}: no traces: ${said}`);
    const files = readdirSync(folder).toSorted();
    return new Map(
      files.map((file) => [file, stable(readFileSync(join(folder, file), "utf8"), model.ghosts)]),
    );
  });
}

function report(isGood: boolean, what: string): boolean {
  process.stdout.write(`${isGood ? "ok  " : "FAIL"} ${what}\n`);
  return isGood;
}

/** Types are checked before the first run. */
async function checkInvariants(model: Model, samples: number): Promise<boolean> {
  const runs = [`--max-steps=${model.steps}`, `--max-samples=${samples}`];
  const asked = ["--invariant=safety", ...runs, "--witnesses"];
  // The list of witnesses ends with the next option.
  const { ok, said } = await run(model, model.file, ...asked, ...model.reachable, "--n-traces=1");
  const isSafe = report(ok, `${model.file}: safety on ${samples} random runs`);
  if (!isSafe) process.stdout.write(said);
  const reached = model.reachable.map((name) => {
    const seen = new RegExp(`^${name} was witnessed in (\\d+) trace`, "m").exec(said);
    return report(Number(seen?.[1]) > 0, `${model.file}: ${name} is seen in ${seen?.[1]} runs`);
  });
  return isSafe && reached.every(Boolean);
}

/** Without its rule the model must fail: an invariant that nothing breaks says nothing. */
function checkMutant(model: Model, mutant: ModelMutant): Promise<boolean> {
  const { name, find, replace, breaks } = mutant;
  const what = `${model.file}: mutant "${name}" breaks ${breaks}`;
  const parts = readFileSync(join(repository, model.file), "utf8").split(find);
  if (parts.length !== 2) {
    return Promise.resolve(report(false, `${what}: its text occurs ${parts.length - 1} times`));
  }
  return inFolder(async (folder) => {
    const file = join(folder, "mutant.qnt");
    writeFileSync(file, parts.join(replace));
    const runs = [`--max-steps=${model.steps}`, `--max-samples=${MUTANT_SAMPLES}`];
    const asked = [`--invariant=${breaks}`, ...runs];
    const { ok, said } = await run(model, file, ...asked, `--seed=${model.seed}`);
    const isKilled = report(!ok && said.includes("[violation]"), what);
    if (!isKilled) process.stdout.write(said);
    return isKilled;
  });
}

function checkTraces(made: ReadonlyMap<string, string>): boolean {
  const kept = readdirSync(traces).toSorted();
  const isSame =
    kept.join() === [...made.keys()].toSorted().join() &&
    kept.every((file) => readFileSync(join(traces, file), "utf8") === made.get(file));
  return report(isSame, "node/spec/quint/traces are what the models give (else: --write)");
}

function writeTraces(made: ReadonlyMap<string, string>): void {
  rmSync(traces, { recursive: true, force: true });
  mkdirSync(traces, { recursive: true });
  for (const [file, text] of made) writeFileSync(join(traces, file), text);
  process.stdout.write(`${made.size} traces written\n`);
}

const { values } = parseArgs({
  options: { samples: { type: "string", default: "300" }, write: { type: "boolean" } },
});
const samples = Number(values.samples);
if (!Number.isInteger(samples) || samples < 1) {
  process.stderr.write(`--samples ${values.samples}: write a whole number from 1\n`);
  process.exitCode = 2;
} else {
  const make = async () => {
    const made = await Promise.all(MODELS.map(makeTraces));
    return new Map(made.flatMap((each) => [...each]));
  };
  if (values.write === true) {
    writeTraces(await make());
  } else {
    // The longest first.
    const checks = [
      ...MODELS.map((model) => checkInvariants(model, samples)),
      make().then(checkTraces),
      ...MODELS.flatMap((model) => model.mutants.map((mutant) => checkMutant(model, mutant))),
    ];
    const results = await Promise.all(checks);
    process.exitCode = results.every(Boolean) ? 0 : 1;
  }
}
