// npm run crash: kill -9 and power cuts on real processes, and what must hold in spite of them.
import { printReport, runCommand, runProgram, say } from "../command-line/run.ts";
import { type CrashReport, crash } from "./crash.ts";
import { type CrashOptions, HELP, parseCrashOptions } from "./options.ts";

function reportText(report: CrashReport): string {
  const { votesAgainMs, signatures, unanswered, violations } = report;
  const silent = Object.entries(unanswered).map(([code, count]) => `${count} x ${code}`);
  return [
    `blows         ${report.kills} kills, ${report.powerCuts} power cuts of all, ` +
      `${report.seconds} s, ${report.blocks} blocks (seed ${report.seed})`,
    `votes again   p50 ${votesAgainMs.p50} ms, p99 ${votesAgainMs.p99} ms, ` +
      `max ${votesAgainMs.max} ms after the kill`,
    `signatures    ${signatures.wire} on the wire, ${signatures.journals} in journals`,
    `acknowledged  ${report.acknowledged} transactions, all checked; not answered: ` +
      (silent.length === 0 ? "none" : silent.join(", ")),
    ...violations.map((violation) => `VIOLATION     ${violation}`),
    violations.length === 0 ? "nothing was violated" : `${violations.length} violations`,
    "",
  ].join("\n");
}

async function act(options: CrashOptions): Promise<number> {
  const report = await crash(options, say);
  printReport("crash", report, { json: options.json, text: reportText });
  return report.violations.length === 0 ? 0 : 1;
}

await runProgram((args) => runCommand({ help: HELP, parse: parseCrashOptions, act }, args));
