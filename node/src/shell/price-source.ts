import { sha256 } from "../crypto/sha256.ts";
import { ok, type Refusal, type Result, refuse } from "../kernel/result.ts";
import type { Millis } from "../kernel/scalars.ts";
import type { Ticks } from "../margin/types.ts";
import type { PriceConfig } from "./config.ts";

const PRICE_COLUMNS = ["Open", "High", "Low", "Close"] as const;
const ROWS_MAX = 1_000_000;

/**
 * USD with any number of decimals to ticks of one cent, rounded half up; undefined for anything
 * that is not a positive decimal. Text, not floats: 0.285 x 100 is 28.499999999999996.
 */
export function parseTicks(text: string): Ticks | undefined {
  const match = /^(\d{1,15})(?:\.(\d{1,15}))?$/.exec(text.trim());
  if (match === null) return undefined;
  const [, whole = "0", fraction = ""] = match;
  const digits = fraction.padEnd(3, "0");
  const ticks = BigInt(whole) * 100n + BigInt(digits.slice(0, 2));
  const rounded = digits.charCodeAt(2) >= 0x35 ? ticks + 1n : ticks;
  return rounded > 0n ? rounded : undefined;
}

/** Ticks of a CSV: open, high, low and close of each row in turn. Refusals name row and column. */
export function parsePriceSeries(text: string): Result<readonly Ticks[], Refusal> {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  while (lines.at(-1)?.trim() === "") lines.pop();
  const names = (lines[0] ?? "").split(",").map((name) => name.trim());
  const columns = PRICE_COLUMNS.map((name) => names.indexOf(name));
  const missing = columns.indexOf(-1);
  if (!names.includes("Date") || missing !== -1) {
    const name = PRICE_COLUMNS[missing] ?? "Date";
    return refuse("PRICE_FILE_HEADER", name, "begin with the line Date,Open,High,Low,Close");
  }
  if (lines.length < 2) return refuse("PRICE_FILE_EMPTY", "rows", "add at least one row of prices");
  if (lines.length > ROWS_MAX)
    return refuse("PRICE_FILE_LONG", "rows", "keep below 1,000,000 rows");
  const ticks: Ticks[] = [];
  for (const [index, line] of lines.slice(1).entries()) {
    const cells = line.split(",");
    for (const [position, column] of columns.entries()) {
      const price = parseTicks(cells[column] ?? "");
      if (price === undefined) {
        const field = `row ${index + 2}, ${PRICE_COLUMNS[position]}`;
        const fix = "write a positive decimal number in USD, at least one cent";
        return refuse("PRICE_FILE_VALUE", field, fix);
      }
      ticks.push(price);
    }
  }
  return ok(ticks);
}

/** Deterministic from the seed: the same tick has the same noise whenever it is asked for. */
function noise(config: PriceConfig, tick: number): bigint {
  const digest = sha256(Buffer.from(`${config.seed}/${config.market}/${tick}`, "ascii"));
  const draw = BigInt(new DataView(digest.buffer).getUint32(0));
  const span = 2n * BigInt(config.noisePpm) + 1n;
  return (draw * span) / 0x1_0000_0000n - BigInt(config.noisePpm);
}

/**
 * Index price that this validator's source shows at `now`, in ticks; undefined before the start, in
 * an outage, and after the end of the series.
 */
export function replayedPrice(
  config: PriceConfig,
  series: readonly Ticks[],
  now: Millis,
): Ticks | undefined {
  const tick = Math.floor((now - config.delayMs - config.startMs) / config.tickMs);
  if (tick < 0) return undefined;
  if (config.outages.some(({ fromTick, toTick }) => fromTick <= tick && tick <= toTick)) {
    return undefined;
  }
  const price = series[tick];
  if (price === undefined) return undefined;
  const noisy = price + (price * noise(config, tick)) / 1_000_000n;
  return noisy > 0n ? noisy : 1n;
}
