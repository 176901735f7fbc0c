import type { RunFigures } from "./consensus-bench.ts";

export function runText(run: RunFigures): string {
  const { pace, latencyMs, baseline, nodes, client } = run;
  const load = pace.kind === "open" ? `${pace.rate} tx/s offered` : `${pace.inFlight} in flight`;
  const failed = Object.entries(run.failures).map(([code, count]) => `${count} x ${code}`);
  const killed = run.killed === undefined ? "" : `, ${run.killed} killed after a third`;
  return [
    `${run.bytes} B, ${load}, ${run.seconds} s${killed}`,
    `  committed   ${run.committedPerSecond} tx/s of ${run.offered} offered; ` +
      `${run.certificates} certificates`,
    `  latency     p50 ${latencyMs.p50} ms, p90 ${latencyMs.p90} ms, p99 ${latencyMs.p99} ms, ` +
      `max ${latencyMs.max} ms, to a verified certificate`,
    `  longest gap ${run.longestGapMs} ms between two certificates`,
    `  failed      ${failed.length === 0 ? "nothing" : failed.join(", ")}`,
    `  cost        ${run.nodesCpuUsPerTransaction} us of processor for a transaction on all ` +
      `validators (${run.nodesVerificationsPerTransaction} Ed25519 verifications), ` +
      `${run.clientCpuUsPerTransaction} us on the client`,
    ...[...nodes, client].map(processText),
    `  machine     others took ${run.othersCpuPercent} % of a processor; just before: ` +
      `Ed25519 verify ${baseline.verifyUs} us, SHA-256 of 256 B ${baseline.sha256Us} us, ` +
      `fsync p50 ${baseline.fsyncMs.p50} ms, p99 ${baseline.fsyncMs.p99} ms`,
    "",
  ].join("\n");
}

function processText(usage: RunFigures["client"]): string {
  const { first, last, most } = usage.residentMiB;
  const growth =
    usage.growthMiBPerMinute === 0 ? "" : `, ${usage.growthMiBPerMinute} MiB a minute at the end`;
  return (
    `  ${usage.name.padEnd(11)} ${usage.cpuPercent} % of a processor, ` +
    `${first} to ${last} MiB, at most ${most}${growth}`
  );
}
