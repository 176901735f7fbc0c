// Writes proto/gen from the .proto files, the chart's CRDs from operator/src/api, and what
// scripts/observability makes of the metrics: npm run gen.
// With --check it writes nothing and fails when one of them is not what its source says.
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { crdFiles } from "../operator/src/api/v1alpha1/crd-files.ts";
import { observabilityFiles } from "./observability/files.ts";

const repository = fileURLToPath(new URL("..", import.meta.url));
const proto = join(repository, "proto");
const crds = join(repository, "charts/quorate/files/crds");

function generateInto(folder: string): void {
  const path = join(repository, "node_modules/.bin") + delimiter + process.env["PATH"];
  execFileSync("buf", ["generate", "--output", folder], {
    cwd: proto,
    env: { ...process.env, PATH: path },
    stdio: "inherit",
  });
}

function filesIn(folder: string, extension: string): Map<string, string> {
  if (!existsSync(folder)) return new Map();
  const entries = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = entries.filter((entry) => entry.endsWith(extension)).sort();
  return new Map(files.map((file) => [file, readFileSync(join(folder, file), "utf8")]));
}

function different(
  wanted: ReadonlyMap<string, string>,
  committed: ReadonlyMap<string, string>,
): readonly string[] {
  const all = new Set([...wanted.keys(), ...committed.keys()]);
  return [...all].filter((file) => wanted.get(file) !== committed.get(file));
}

function writeCrds(): void {
  rmSync(crds, { recursive: true, force: true });
  mkdirSync(crds, { recursive: true });
  for (const [file, text] of crdFiles()) writeFileSync(join(crds, file), text);
}

function writeObservability(): void {
  for (const [file, text] of observabilityFiles()) {
    mkdirSync(dirname(join(repository, file)), { recursive: true });
    writeFileSync(join(repository, file), text);
  }
}

/** Those of `files`, by path in the repository, that do not say so there. */
function unlike(files: ReadonlyMap<string, string>): readonly string[] {
  const text = (file: string) => {
    const path = join(repository, file);
    return existsSync(path) ? readFileSync(path, "utf8") : undefined;
  };
  return [...files].filter(([file, wanted]) => text(file) !== wanted).map(([file]) => file);
}

function driftedFiles(): readonly string[] {
  const fresh = mkdtempSync(join(tmpdir(), "quorate-gen-"));
  try {
    generateInto(fresh);
    const wanted = filesIn(join(fresh, "gen"), ".ts");
    const committed = filesIn(join(proto, "gen"), ".ts");
    return [
      ...different(wanted, committed).map((file) => `proto/gen/${file}`),
      ...different(crdFiles(), filesIn(crds, ".yaml")).map(
        (file) => `charts/quorate/files/crds/${file}`,
      ),
      ...unlike(observabilityFiles()),
    ];
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
if (values.check) {
  const drifted = driftedFiles();
  for (const file of drifted) process.stderr.write(`${file}: run 'npm run gen'\n`);
  process.exitCode = drifted.length === 0 ? 0 : 1;
} else {
  generateInto(proto);
  writeCrds();
  writeObservability();
}
