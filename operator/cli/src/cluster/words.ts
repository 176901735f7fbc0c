import { usd } from "../quantities.ts";

/** First 8 characters of a key. */
export const short = (key: string): string => key.slice(0, 8);

/** Milliseconds as a person reads them: "850 ms", "12 s", "3 min", "2 h", "5 d". */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}

/** How long ago an RFC 3339 time was; "?" where there is none. */
export function ago(time: string | undefined, nowMs: number): string {
  const ms = Date.parse(time ?? "");
  return Number.isNaN(ms) ? "?" : `${duration(nowMs - ms)} ago`;
}

/** Power as the chain has it, micro-USD. */
export const power = (text: string): string => usd(BigInt(text));
