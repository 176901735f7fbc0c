// npm run fuzz: broken messages, calls and connections against real processes.
import { InputProblem } from "../main-job/input-problem.ts";
import { checkPublished } from "../network/published-schema.ts";
import { type FuzzReport, fuzz } from "./fuzz.ts";
import { HELP, parseFuzzOptions } from "./options.ts";

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

try {
  const options = parseFuzzOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(HELP);
  else {
    const report = await fuzz(options, (line) => process.stderr.write(`${line}\n`));
    checkPublished("fuzz", report);
    process.stdout.write(
      options.json ? `${JSON.stringify(report, undefined, 2)}\n` : reportText(report),
    );
    if (report.violations.length > 0) process.exitCode = 1;
  }
} catch (error) {
  const isInput = error instanceof InputProblem;
  const text = error instanceof Error ? (isInput ? error.message : error.stack) : String(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = isInput ? 2 : 1;
}
