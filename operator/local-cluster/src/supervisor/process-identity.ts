import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/**
 * What tells a process from a later one that was given the same pid: the boot and its start time
 * within it. Undefined if no process has the pid.
 */
export function processStart(pid: number): string | undefined {
  return process.platform === "linux" ? linuxStart(pid) : portableStart(pid);
}

/** Field 22 of /proc/PID/stat; the name in field 2 may itself hold spaces and parentheses. */
function linuxStart(pid: number): string | undefined {
  const afterName = statFields(pid);
  if (afterName === undefined || afterName[0] === "Z") return undefined;
  return `${bootId()}:${afterName[19] ?? ""}`;
}

/** Fields of /proc/PID/stat from the third on. */
function statFields(pid: number | string): readonly string[] | undefined {
  const stat = readIfPresent(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function bootId(): string {
  return (readIfPresent("/proc/sys/kernel/random/boot_id") ?? "").trim();
}

/**
 * True where the group of a process that is gone still has members, each younger than it was. A pid
 * is not given out while a group has its number, so such a group is the one that it led. Only
 * Linux can tell; elsewhere nothing is called a remainder.
 */
export function isRemainderOf(pid: number, start: string): boolean {
  if (process.platform !== "linux") return false;
  const [boot, born] = start.split(":");
  const leader = statFields(pid);
  const gone = leader === undefined || (leader[0] === "Z" && leader[19] === born);
  if (boot !== bootId() || !gone) return false;
  const members = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => statFields(name))
    .filter((fields) => fields?.[2] === String(pid) && fields[0] !== "Z");
  return members.length > 0 && members.every((fields) => Number(fields?.[19]) >= Number(born));
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
