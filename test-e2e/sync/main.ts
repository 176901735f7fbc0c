// npm run sync: a newcomer of a large state, from its process start to its first attestation.
import { printReport, runCommand, runProgram, say } from "../command-line/run.ts";
import { HELP, parseSyncOptions, type SyncOptions } from "./options.ts";
import type { SyncReport } from "./report.ts";
import { sync } from "./sync.ts";

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

function reportText(report: SyncReport): string {
  const { state, snapshot, newcomer, validators, violations, machine } = report;
  const { stagesMs } = newcomer;
  const stages = Object.entries(stagesMs).map(([name, ms]) => `${name} ${seconds(ms)}`);
  return [
    `state       ${state.bytes} bytes, ${state.accounts} accounts, ${state.leaves} leaves`,
    `snapshot    height ${snapshot.height}, ${snapshot.chunks} chunks, ${snapshot.bytes} bytes`,
    `newcomer    from its process start: ${stages.join(", ")}`,
    `            ${seconds(newcomer.cpuMs)} of a processor, ${newcomer.residentMiB} MiB resident ` +
      `(at most ${newcomer.residentMiBMax})`,
    ...validators.map(
      ({ name, residentMiB, residentMiBMax, loadSeconds, snapshotSeconds, slowestSliceMs }) =>
        `${name} ${residentMiB} MiB resident (at most ${residentMiBMax}), ` +
        `loaded in ${loadSeconds.toFixed(1)} s, snapshot in ${snapshotSeconds.toFixed(1)} s, ` +
        `longest slice ${slowestSliceMs.toFixed(0)} ms`,
    ),
    `chain       ${report.blocks} blocks, longest gap ${seconds(report.gapMs)}, ` +
      `${report.acknowledged} transactions acknowledged meanwhile`,
    `named       ${report.named.join(", ") || "nobody"}`,
    `machine     load ${machine.load.toFixed(1)} on ${machine.processors} processors, ` +
      `the others had ${machine.othersPercent} % of one`,
    ...violations.map((violation) => `VIOLATION   ${violation}`),
    violations.length === 0 ? "all holds" : `${violations.length} violations`,
    "",
  ].join("\n");
}

async function act(options: SyncOptions): Promise<number> {
  const report = await sync(options, say);
  printReport("sync", report, { json: options.json, text: reportText });
  return report.violations.length === 0 ? 0 : 1;
}

await runProgram((args) => runCommand({ help: HELP, parse: parseSyncOptions, act }, args));
