// npm run test:e2e: chooses the files, runs them with vitest, and counts what was skipped.
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { startVitest } from "vitest/node";
import { InputProblem } from "../command-line/input-problem.ts";
import { runCommand, runProgram } from "../command-line/run.ts";
import { prepareKind } from "../kind/provider.ts";
import { countResults } from "./counts.ts";
import { HELP, isChosen, LOCAL_ONLY, parseSuite, type SuiteOptions } from "./options.ts";

const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));

async function run(options: SuiteOptions): Promise<number> {
  process.env["QUORATE_E2E_PROVIDER"] = options.provider;
  const files = globSync("test-e2e/e2e/**/*.test.ts", { cwd: REPOSITORY })
    .filter((file) => isChosen(file, options))
    .toSorted();
  if (files.length === 0) {
    const problem = `no test matches ${options.filters.join(", ")}`;
    const fix = "give parts of the names of files in test-e2e/e2e";
    throw new InputProblem({ field: "arguments", problem, fix });
  }
  if (options.provider === "kind") await prepare();
  const vitest = await startVitest(
    "test",
    files.map((file) => relative(REPOSITORY, `${REPOSITORY}${file}`)),
    { config: "test-e2e/vitest.config.ts", root: REPOSITORY, watch: false },
  );
  const { passed, skipped, broken } = countResults(
    vitest.state.getTestModules(),
    vitest.state.getUnhandledErrors().length,
  );
  if (options.provider !== "local" && options.depth === "full") {
    process.stdout.write(`on the local cluster only: ${LOCAL_ONLY.join(", ")}\n`);
  }
  const failed = broken + (options.provider === "local" ? 0 : skipped);
  await vitest.close();
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

async function prepare(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "quorate-kind-"));
  try {
    await prepareKind(folder, (line) => process.stdout.write(`${line}\n`));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await runProgram((args) => runCommand({ help: HELP, parse: parseSuite, act: run }, args));
