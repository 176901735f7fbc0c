// npm run load: what a fresh network without faults carries. A printed figure, not an assertion.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { printReport, runCommand, runProgram } from "../command-line/run.ts";
import { type LoadFigures, runLoad } from "./load.ts";
import { HELP, type LoadOptions, parseLoadOptions } from "./options.ts";

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

async function act(options: LoadOptions): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "quorate-load-"));
  try {
    const figures = await runLoad(options, folder);
    printReport("load", figures, { json: options.json, text: figuresText });
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await runProgram((args) => runCommand({ help: HELP, parse: parseLoadOptions, act }, args));
