import { readOptions, wholeNumber } from "../command-line/options.ts";

export interface MarginOptions {
  readonly seed: number;
  readonly accounts: number;
  readonly markets: number;
  readonly ordersPerBlock: number;
  /** Blocks of the cold part: the first ones of the process. */
  readonly coldBlocks: number;
  /** Blocks between the two parts, not counted. */
  readonly warmupBlocks: number;
  readonly warmBlocks: number;
  readonly json: boolean;
}

export const MARGIN_HELP = `Usage: npm run bench -- margin [options]

Runs blocks of perpetual orders through the margin engine alone: no signatures, no network, no
state tree. The input is made from the seed and its making is not counted: prices that walk, half
of the orders rest near them, half take, old orders are cancelled. Figures, not assertions.

  --seed N      draws accounts, prices and orders (default 1)
  --accounts N  accounts that trade (default 100000)
  --markets N   perpetual markets (default 4)
  --orders N    orders in a block (default 10000)
  --cold N      blocks at the start of the process, told apart (default 5)
  --warmup N    blocks after them, not counted (default 20)
  --warm N      measured blocks (default 30)
  --json        nothing but the figures, as JSON (docs/schemas/bench-margin.schema.json)
  --help        this text

Exit status: 0 if every block was applied, 1 if one could not be, 2 if the input is wrong.
`;

const TEXT = { type: "string" } as const;
const OPTIONS = {
  seed: TEXT,
  accounts: TEXT,
  markets: TEXT,
  orders: TEXT,
  cold: TEXT,
  warmup: TEXT,
  warm: TEXT,
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** Undefined where help was asked for. Throws InputProblem. */
export function parseMarginOptions(args: readonly string[]): MarginOptions | undefined {
  const values = readOptions("npm run bench -- margin", args, OPTIONS);
  if (values.help === true) return undefined;
  const number = (name: keyof typeof values, usual: number, least: number, most: number): number =>
    wholeNumber(`--${name}`, String(values[name] ?? usual), least, most);
  return {
    seed: number("seed", 1, 0, 2 ** 32 - 1),
    accounts: number("accounts", 100_000, 2, 1_000_000),
    markets: number("markets", 4, 1, 1_000),
    ordersPerBlock: number("orders", 10_000, 1, 100_000),
    coldBlocks: number("cold", 5, 1, 10_000),
    warmupBlocks: number("warmup", 20, 0, 10_000),
    warmBlocks: number("warm", 30, 1, 10_000),
    json: values.json ?? false,
  };
}
