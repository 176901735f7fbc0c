// Writes proto/gen from the .proto files: npm run gen.
// With --check it writes nothing and fails when proto/gen is not what the .proto files say.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const repository = fileURLToPath(new URL("..", import.meta.url));
const proto = join(repository, "proto");

function generateInto(folder: string): void {
  const path = join(repository, "node_modules/.bin") + delimiter + process.env["PATH"];
  execFileSync("buf", ["generate", "--output", folder], {
    cwd: proto,
    env: { ...process.env, PATH: path },
    stdio: "inherit",
  });
}

function filesIn(folder: string): Map<string, string> {
  if (!existsSync(folder)) return new Map();
  const entries = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = entries.filter((entry) => entry.endsWith(".ts")).sort();
  return new Map(files.map((file) => [file, readFileSync(join(folder, file), "utf8")]));
}

function driftedFiles(): string[] {
  const fresh = mkdtempSync(join(tmpdir(), "quorate-gen-"));
  try {
    generateInto(fresh);
    const wanted = filesIn(join(fresh, "gen"));
    const committed = filesIn(join(proto, "gen"));
    const all = new Set([...wanted.keys(), ...committed.keys()]);
    return [...all].filter((file) => wanted.get(file) !== committed.get(file));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
if (values.check) {
  const drifted = driftedFiles();
  for (const file of drifted) process.stderr.write(`proto/gen/${file}: run 'npm run gen'\n`);
  process.exitCode = drifted.length === 0 ? 0 : 1;
} else {
  generateInto(proto);
}
