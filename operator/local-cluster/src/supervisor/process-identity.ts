import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * What tells a process from a later one that was given the same pid: the boot and its start time
 * within it. Undefined if no process has the pid.
 */
export function processStart(pid: number): string | undefined {
  return process.platform === "linux" ? linuxStart(pid) : portableStart(pid);
}

/** Field 22 of /proc/PID/stat; the name in field 2 may itself hold spaces and parentheses. */
function linuxStart(pid: number): string | undefined {
  const stat = readIfPresent(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const afterName = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (afterName[0] === "Z") return undefined;
  const boot = readIfPresent("/proc/sys/kernel/random/boot_id") ?? "";
  return `${boot.trim()}:${afterName[19] ?? ""}`;
}

function portableStart(pid: number): string | undefined {
  try {
    const started = execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" });
    return started.trim() === "" ? undefined : started.trim();
  } catch {
    // ps ends with status 1 where the pid is free.
    return undefined;
  }
}

function readIfPresent(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // The process is gone, which is an answer and not an error.
    return undefined;
  }
}

/** Signals the process group that `pid` leads; false if it is gone already. */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch (error) {
    if (isNoSuchProcess(error)) return false;
    throw error;
  }
}

function isNoSuchProcess(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ESRCH";
}
