import { fileURLToPath } from "node:url";
import { oneOf, readOptions, wholeNumber } from "../command-line/options.ts";

export interface Options {
  /** Draws roles, moments, noise, delays and outages. */
  readonly seed: number;
  readonly prices: string;
  readonly json: boolean;
  readonly keep: boolean;
  /** Real time for which one price stands. */
  readonly tickMs: number;
  /** What the operator may look at beside the chain. */
  readonly signals: "all" | "chain-and-peers";
  /** Whether a `prometheus` on PATH is the way to the peers' view. */
  readonly prometheus: "if-installed" | "never" | "always";
}

export const SAMPLE_PRICES = fileURLToPath(
  new URL("../samples/sp500-2008-autumn.csv", import.meta.url),
);

export const HELP = `Usage: npm start -- [options]

Starts a cluster on this machine (a Kubernetes API, six machines as processes), installs the
operator, applies a ValidatorSet of four validators and a spare, replays real prices against
leveraged accounts, strikes the set with faults, and shows how it is healed.

  --seed N        draws roles, moments of the faults, noise, delays and outages (default 1)
  --prices FILE   CSV with the header Date,Open,High,Low,Close (default: the S&P 500 of autumn 2008)
  --tick-ms N     how long one price stands, 150 to 2000 ms (default 300)
  --signals S     what the operator looks at: all, or chain-and-peers (not Kubernetes)
                  (default all)
  --prometheus W  if-installed, never (the operator scrapes the nodes itself) or always
                  (default if-installed: a prometheus on PATH is started and used)
  --json          print the summary alone, as JSON (docs/schemas/main-job-summary.schema.json);
                  npm prints a line of its own unless called as npm --silent start -- --json
  --keep          leave the cluster running after the job, until Ctrl-C, and print its KUBECONFIG
  --help          this text

Exit status: 0 if every promise was kept, 1 if one was not, 2 if the input is wrong.
`;

const OPTIONS = {
  seed: { type: "string" },
  prices: { type: "string" },
  "tick-ms": { type: "string" },
  signals: { type: "string" },
  prometheus: { type: "string" },
  json: { type: "boolean" },
  keep: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** Parses the command line; undefined where help was asked for. Throws InputProblem. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const values = readOptions("npm start --", args, OPTIONS);
  if (values.help === true) return undefined;
  return {
    seed: wholeNumber("--seed", values.seed ?? "1", 0, 2 ** 32 - 1),
    prices: values.prices ?? SAMPLE_PRICES,
    json: values.json ?? false,
    keep: values.keep ?? false,
    tickMs: wholeNumber("--tick-ms", values["tick-ms"] ?? "300", 150, 2_000),
    signals: oneOf("--signals", values.signals, ["all", "chain-and-peers"]),
    prometheus: oneOf("--prometheus", values.prometheus, ["if-installed", "never", "always"]),
  };
}
