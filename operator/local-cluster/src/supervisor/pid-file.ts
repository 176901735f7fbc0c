import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { isRemainderOf, processStart, signalGroup } from "./process-identity.ts";

interface PidEntry {
  readonly name: string;
  readonly pid: number;
  /** Boot and start time: a later process with the same pid is not ours. */
  readonly start: string;
}

/** Which process groups run, on disk, so that a supervisor that was killed leaves no orphans. */
export class PidFile {
  readonly #path: string;
  readonly #entries = new Map<string, PidEntry>();

  constructor(path: string) {
    this.#path = path;
  }

  add(name: string, pid: number): void {
    const start = processStart(pid);
    if (start === undefined) return;
    this.#entries.set(name, { name, pid, start });
    this.#write();
  }

  remove(name: string): void {
    if (this.#entries.delete(name)) this.#write();
  }

  /** Replaced in one rename: a reader never sees half a list. */
  #write(): void {
    const next = `${this.#path}.next`;
    writeFileSync(next, `${JSON.stringify([...this.#entries.values()], undefined, 2)}\n`);
    renameSync(next, this.#path);
  }
}

/**
 * Kills what an earlier supervisor left behind, and nothing else: a pid counts only together with
 * its start time. A group whose leader is gone (the parent-death signal ends the leader alone) is
 * known by its number in the same boot. Returns the names of the killed.
 */
export function sweepLeftovers(path: string): string[] {
  if (!existsSync(path)) return [];
  const entries = readEntries(path).filter(
    ({ pid, start }) => processStart(pid) === start || isRemainderOf(pid, start),
  );
  const killed = entries.filter(({ pid }) => signalGroup(pid, "SIGKILL"));
  return killed.map(({ name }) => name);
}

function readEntries(path: string): PidEntry[] {
  const parsed: unknown = JSON.parse(readFileSync(path, "utf8"));
  return Array.isArray(parsed) ? parsed.filter(isEntry) : [];
}

/** A pid of 1 or less would signal everything that may be signalled. */
function isEntry(value: unknown): value is PidEntry {
  if (typeof value !== "object" || value === null) return false;
  const { name, pid, start } = value as Record<string, unknown>;
  const names = typeof name === "string" && typeof start === "string";
  return names && typeof pid === "number" && Number.isInteger(pid) && pid > 1;
}
