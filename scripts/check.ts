// Everything that a program can check without running the product, in the order of cost:
//   npm run check
// A failing step does not hide the later ones.
import { spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("..", import.meta.url));
const env = {
  ...process.env,
  PATH: join(repository, "node_modules/.bin") + delimiter + process.env["PATH"],
};

const colours = process.stdout.isTTY ? "force" : "off";

function run(command: string, args: readonly string[], folder = "."): boolean {
  const cwd = join(repository, folder);
  const { status, error } = spawnSync(command, args, { cwd, env, stdio: "inherit" });
  if (error !== undefined) process.stderr.write(`${command}: ${error.message}\n`);
  return status === 0;
}

interface Cruise {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly error: number;
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string };
    }[];
  };
}

/** dependency-cruiser is silent when it could read nothing, so the modules are counted. */
function cruise(): boolean {
  const folders = ["proto", "node", "operator", "test-e2e", "scripts"];
  const { stdout, stderr } = spawnSync("depcruise", [...folders, "--output-type", "json"], {
    cwd: repository,
    env,
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
  });
  process.stderr.write(stderr);
  const { modules, summary }: Cruise = JSON.parse(stdout);
  for (const { rule, from, to } of summary.violations) {
    process.stderr.write(`${rule.name}: ${from} -> ${to}\n`);
  }
  const own = modules.filter(({ source }) => /^(node|operator)\/.*\.ts$/.test(source)).length;
  process.stdout.write(`${own} modules of our own, ${summary.error} violations\n`);
  return own > 0 && summary.error === 0;
}

const steps: readonly (readonly [string, () => boolean])[] = [
  ["format and lint", () => run("biome", ["ci", "--max-diagnostics=100", `--colors=${colours}`])],
  ["types", () => run("tsc", ["-b", "--pretty", String(process.stdout.isTTY === true)])],
  ["who imports whom", cruise],
  ["nothing unused", () => run("knip", [])],
  ["proto lint", () => run("buf", ["lint"], "proto")],
  ["generated code is current", () => run("node", ["scripts/generate.ts", "--check"])],
  ["tidy", () => run("vitest", ["run", "scripts/tidy.test.ts"])],
];

const failed = steps.filter(([name, step]) => {
  process.stdout.write(`--- ${name}\n`);
  const good = step();
  process.stdout.write(`${good ? "ok" : "FAILED"}: ${name}\n`);
  return !good;
});

process.stdout.write(`${steps.length - failed.length} passed, ${failed.length} failed\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
