import { readOptions, wholeNumber } from "../command-line/options.ts";

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

const OPTIONS = {
  rate: { type: "string" },
  seconds: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** Undefined where help was asked for. Throws InputProblem. */
export function parseLoadOptions(args: readonly string[]): LoadOptions | undefined {
  const values = readOptions("npm run load --", args, OPTIONS);
  if (values.help === true) return undefined;
  return {
    rate: wholeNumber("--rate", values.rate ?? "500", ORDERS_PER_BUNDLE, 20_000),
    seconds: wholeNumber("--seconds", values.seconds ?? "30", 1, 3_600),
    json: values.json ?? false,
  };
}
