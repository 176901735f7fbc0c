// npm run bench -- consensus: what the chain carries on this machine. Printed figures, no
// assertion.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InputProblem } from "../main-job/input-problem.ts";
import { checkPublished } from "../network/published-schema.ts";
import { runConsensusBench } from "./consensus-bench.ts";
import { HELP, parseConsensusOptions } from "./options.ts";
import { runText } from "./report-text.ts";

const USAGE = `Usage: npm run bench -- COMMAND [options]

  consensus   four validators and an outside client on a key-value ledger

npm run bench -- COMMAND --help tells the options of each.
`;

async function consensus(args: readonly string[]): Promise<void> {
  const options = parseConsensusOptions(args);
  if (options === undefined) {
    process.stdout.write(HELP);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "quorate-bench-"));
  try {
    const figures = await runConsensusBench(options, folder, (run) => {
      if (!options.json) process.stdout.write(runText(run));
    });
    checkPublished("bench-consensus", figures);
    if (options.json) process.stdout.write(`${JSON.stringify(figures, undefined, 2)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main([command, ...args]: readonly string[]): Promise<void> {
  if (command === "consensus") {
    await consensus(args);
    return;
  }
  if (command === undefined || command === "--help" || command === "-h") {
    process.stdout.write(USAGE);
    if (command === undefined) process.exitCode = 2;
    return;
  }
  const fix = "see npm run bench -- --help";
  throw new InputProblem({ field: "command", problem: `there is no bench ${command}`, fix });
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const isInput = error instanceof InputProblem;
  const text = error instanceof Error ? (isInput ? error.message : error.stack) : String(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = isInput ? 2 : 1;
}
