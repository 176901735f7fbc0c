// npm run fuzz: broken messages, calls and connections against real processes.
import { printReport, runCommand, runProgram, say } from "../command-line/run.ts";
import { type FuzzReport, fuzz } from "./fuzz.ts";
import { type FuzzOptions, HELP, parseFuzzOptions } from "./options.ts";

function reportText({ seconds, seed, sent, corpus, nodes, violations }: FuzzReport): string {
  return [
    `sent     ${sent.messages} messages, ${sent.calls} calls, ${sent.sockets} connections ` +
      `in ${seconds} s (seed ${seed})`,
    `corpus   ${corpus.messages} messages of bodies ${corpus.kinds.join(", ")}`,
    ...nodes.map(
      (node) =>
        `${node.name}  ${node.residentMiB.warm} to ${node.residentMiB.end} MiB ` +
        `(${node.growthMiBPerMinute} MiB a minute), answers within ${node.slowestAnswerMs} ms, ` +
        `loop lag ${node.loopLagMs} ms, ${node.malformed} malformed, ${node.refused} refused, ` +
        `${node.heights} blocks`,
    ),
    ...violations.map((violation) => `VIOLATION  ${violation}`),
    violations.length === 0 ? "nothing was violated" : `${violations.length} violations`,
    "",
  ].join("\n");
}

async function act(options: FuzzOptions): Promise<number> {
  const report = await fuzz(options, say);
  printReport("fuzz", report, { json: options.json, text: reportText });
  return report.violations.length === 0 ? 0 : 1;
}

await runProgram((args) => runCommand({ help: HELP, parse: parseFuzzOptions, act }, args));
