import { readFileSync } from "node:fs";

export interface Usage {
  /** Processor time since the process began, ms. */
  readonly cpuMs: number;
  readonly residentMiB: number;
}

/** Clock ticks of /proc a second: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Undefined where there is no /proc. */
export function processUsage(pid: number): Usage | undefined {
  if (process.platform !== "linux") return undefined;
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const resident = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
  return {
    cpuMs: (ticks * 1_000) / TICKS_PER_SECOND,
    residentMiB: Math.round(resident / 1_024),
  };
}
