import { readFileSync } from "node:fs";
import { InputProblem } from "../command-line/input-problem.ts";

/** One price of the series, with the words to show for it. */
export interface PriceTick {
  readonly index: number;
  readonly date: string;
  readonly moment: "open" | "high" | "low" | "close";
  /** In ticks of US$ 0.01. */
  readonly price: bigint;
}

const HEADER = "Date,Open,High,Low,Close";
const MOMENTS = ["open", "high", "low", "close"] as const;
/** Shorter than this, three faults and their healing do not fit beside the prices. */
const ROWS_MIN = 20;
const ROWS_MAX = 20_000;

/** Reads a price file; every problem names the line and the column, and says what to do. */
export function readPrices(path: string): PriceTick[] {
  return parsePrices(path, readText(path));
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const fix = "name a readable CSV file";
    throw new InputProblem({ field: "--prices", problem: `cannot read ${path}`, fix }, { cause });
  }
}

export function parsePrices(path: string, text: string): PriceTick[] {
  const [header = "", ...rows] = text
    .replace(/^\uFEFF/, "")
    .trimEnd()
    .split(/\r?\n/);
  if (header.trim() !== HEADER) {
    const fix = `begin the file with the line ${HEADER}`;
    throw new InputProblem({
      field: `${path}:1`,
      problem: `the header is "${header.slice(0, 60)}"`,
      fix,
    });
  }
  if (rows.length < ROWS_MIN || rows.length > ROWS_MAX) {
    const fix = `give ${ROWS_MIN} to ${ROWS_MAX} rows of daily prices`;
    throw new InputProblem({
      field: path,
      problem: `it has ${rows.length} rows below the header`,
      fix,
    });
  }
  return rows.flatMap((row, at) => parseRow(`${path}:${at + 2}`, row, at * MOMENTS.length));
}

function parseRow(place: string, row: string, firstIndex: number): PriceTick[] {
  const [date = "", ...prices] = row.split(",").map((cell) => cell.trim());
  if (date === "")
    throw new InputProblem({ field: `${place} Date`, problem: "it is empty", fix: "name the day" });
  if (prices.length !== MOMENTS.length) {
    const fix = `give the five columns ${HEADER}`;
    throw new InputProblem({
      field: place,
      problem: `the row has ${prices.length + 1} columns`,
      fix,
    });
  }
  const ticks = MOMENTS.map((moment, at) => {
    const column = moment[0]?.toUpperCase() + moment.slice(1);
    const price = parseTicks(`${place} ${column}`, prices[at] ?? "");
    return { index: firstIndex + at, date, moment, price };
  });
  const [, high, low] = ticks;
  if (high !== undefined && low !== undefined && high.price < low.price) {
    throw new InputProblem({
      field: `${place} High`,
      problem: "it is below Low",
      fix: "check the order of the columns",
    });
  }
  return ticks;
}

/** US$ x 100, rounded half up, on the digits themselves: a float would round some halves down. */
function parseTicks(field: string, cell: string): bigint {
  const match = /^(\d{1,12})(?:\.(\d+))?$/.exec(cell);
  if (match === null) {
    const fix = "write a positive decimal number such as 1287.83";
    throw new InputProblem({ field, problem: `"${cell.slice(0, 40)}" is not a price`, fix });
  }
  const digits = (match[2] ?? "").padEnd(3, "0");
  const ticks = BigInt(`${match[1]}${digits.slice(0, 2)}`) + (digits.charAt(2) >= "5" ? 1n : 0n);
  if (ticks <= 0n)
    throw new InputProblem({ field, problem: "the price is zero", fix: "give a positive price" });
  return ticks;
}

/**
 * What a false reporter is fed: the same file with every price scaled, and nothing else changed.
 */
export function scaledPriceFile(ticks: readonly PriceTick[], perMille: bigint): string {
  const rows: string[] = [HEADER];
  for (let at = 0; at < ticks.length; at += MOMENTS.length) {
    const cells = ticks
      .slice(at, at + MOMENTS.length)
      .map(({ price }) => usd((price * perMille) / 1_000n));
    rows.push([ticks[at]?.date ?? "", ...cells].join(","));
  }
  return `${rows.join("\n")}\n`;
}

/** A price in US$ with two decimals. */
export function usd(ticks: bigint): string {
  return `${ticks / 100n}.${(ticks % 100n).toString().padStart(2, "0")}`;
}
