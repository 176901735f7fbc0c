import { existsSync, readFileSync } from "node:fs";

/** One line of a node's log as a program reads it. */
export interface LogLine {
  /** Unix ms. */
  readonly time: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

function logLine(value: unknown): LogLine | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (!("time" in value && "msg" in value)) return undefined;
  return { ...value, time: Date.parse(String(value.time)), msg: String(value.msg) };
}

/** All whole lines so far; what a process printed besides its log is passed over. */
export function readLog(path: string): readonly LogLine[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return lines.flatMap((line) => {
    if (!line.startsWith("{")) return [];
    return logLine(JSON.parse(line)) ?? [];
  });
}

export function numberOf(line: LogLine, field: string): number {
  const value = line[field];
  if (typeof value === "number") return value;
  throw new Error(`the log line "${line.msg}" has no number ${field}`);
}
