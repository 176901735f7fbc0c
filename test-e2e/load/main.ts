// npm run load: what a fresh network without faults carries. A printed figure, not an assertion.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InputProblem } from "../main-job/input-problem.ts";
import { checkPublished } from "../network/published-schema.ts";
import { type LoadFigures, runLoad } from "./load.ts";
import { HELP, parseLoadOptions } from "./options.ts";

function figuresText(figures: LoadFigures): string {
  const { latencyMs, nodes } = figures;
  const failed = Object.entries(figures.failures).map(([code, count]) => `${count} x ${code}`);
  return [
    `wanted       ${figures.wantedOrdersPerSecond} orders/s for ${figures.seconds} s, ` +
      `${figures.bundles} bundles`,
    `committed    ${figures.committedOrders} orders, ` +
      `${figures.committedOrdersPerSecond} orders/s, ` +
      `${figures.filledLots} lots filled`,
    `certificate  verified after p50 ${latencyMs.p50} ms, p90 ${latencyMs.p90} ms, ` +
      `p99 ${latencyMs.p99} ms`,
    `failed       ${failed.length === 0 ? "nothing" : failed.join(", ")}`,
    ...nodes.map(
      ({ name, cpuPercent, residentMiB }) =>
        `${name.padEnd(12)} ${cpuPercent} % of a processor, ${residentMiB} MiB`,
    ),
    "",
  ].join("\n");
}

try {
  const options = parseLoadOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(HELP);
  else {
    const folder = mkdtempSync(join(tmpdir(), "quorate-load-"));
    try {
      const figures = await runLoad(options, folder);
      checkPublished("load", figures);
      process.stdout.write(
        options.json ? `${JSON.stringify(figures, undefined, 2)}\n` : figuresText(figures),
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
} catch (error) {
  const isInput = error instanceof InputProblem;
  const text = error instanceof Error ? (isInput ? error.message : error.stack) : String(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = isInput ? 2 : 1;
}
