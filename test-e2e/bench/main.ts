// npm run bench -- consensus | margin: what the chain, or the margin engine alone, carries on this
// machine. Printed figures, no assertion.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InputProblem } from "../command-line/input-problem.ts";
import { INPUT_WRONG, printReport, runCommand, runProgram } from "../command-line/run.ts";
import { runConsensusBench } from "./consensus-bench.ts";
import { marginText, runMarginBench } from "./margin-bench.ts";
import { MARGIN_HELP, type MarginOptions, parseMarginOptions } from "./margin-options.ts";
import { type ConsensusOptions, HELP, parseConsensusOptions } from "./options.ts";
import { runText } from "./report-text.ts";

const USAGE = `Usage: npm run bench -- COMMAND [options]

  consensus   four validators and an outside client on a key-value ledger
  margin      perpetual orders through the margin engine alone

npm run bench -- COMMAND --help tells the options of each.
`;

async function consensus(options: ConsensusOptions): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "quorate-bench-"));
  try {
    const figures = await runConsensusBench(options, folder, (run) => {
      if (!options.json) process.stdout.write(runText(run));
    });
    // In text each run is printed as it ends.
    printReport("bench-consensus", figures, { json: options.json, text: () => "" });
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function margin(options: MarginOptions): Promise<number> {
  const figures = runMarginBench(options);
  printReport("bench-margin", figures, { json: options.json, text: marginText });
  return 0;
}

await runProgram(async ([command, ...args]) => {
  if (command === "consensus") {
    return await runCommand({ help: HELP, parse: parseConsensusOptions, act: consensus }, args);
  }
  if (command === "margin") {
    return await runCommand({ help: MARGIN_HELP, parse: parseMarginOptions, act: margin }, args);
  }
  if (command === undefined || command === "--help" || command === "-h") {
    process.stdout.write(USAGE);
    return command === undefined ? INPUT_WRONG : 0;
  }
  const fix = "see npm run bench -- --help";
  throw new InputProblem({ field: "command", problem: `there is no bench ${command}`, fix });
});
