import { parseArgs } from "node:util";
import { InputProblem } from "../main-job/input-problem.ts";
import { wholeNumber } from "../main-job/options.ts";

export interface LoadOptions {
  /** Orders a second, over all accounts. */
  readonly rate: number;
  readonly seconds: number;
  readonly json: boolean;
}

export const ORDERS_PER_BUNDLE = 16;

export const HELP = `Usage: npm run load -- [options]

Sends orders in signed bundles of ${ORDERS_PER_BUNDLE} to a fresh network of four validators,
without faults, and prints how long each bundle takes from its sending to a certificate that the
client has verified.

  --rate N      orders a second (default 500)
  --seconds N   for how long (default 30)
  --json        print nothing but the figures, as JSON (docs/schemas/load.schema.json)
  --help        this text
`;

/** Undefined where help was asked for. Throws InputProblem. */
export function parseLoadOptions(args: readonly string[]): LoadOptions | undefined {
  const values = parse(args);
  if (values.help === true) return undefined;
  return {
    rate: wholeNumber("--rate", values.rate ?? "500", ORDERS_PER_BUNDLE, 20_000),
    seconds: wholeNumber("--seconds", values.seconds ?? "30", 1, 3_600),
    json: values.json ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        rate: { type: "string" },
        seconds: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (cause) {
    const problem = cause instanceof Error ? (cause.message.split(". ")[0] ?? "") : String(cause);
    const fix = "see npm run load -- --help";
    throw new InputProblem({ field: "arguments", problem, fix }, { cause });
  }
}
