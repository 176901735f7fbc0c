// npm run crash: kill -9 and power cuts on real processes, and what must hold in spite of them.
import { InputProblem } from "../main-job/input-problem.ts";
import { checkPublished } from "../network/published-schema.ts";
import { type CrashReport, crash } from "./crash.ts";
import { HELP, parseCrashOptions } from "./options.ts";

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

try {
  const options = parseCrashOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(HELP);
  else {
    const report = await crash(options, (line) => process.stderr.write(`${line}\n`));
    checkPublished("crash", report);
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
