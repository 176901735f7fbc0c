import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { InputProblem } from "./input-problem.ts";

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

/** Parses the command line; undefined where help was asked for. Throws InputProblem. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const values = parseKnown(args);
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

function parseKnown(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: { type: "string" },
        prices: { type: "string" },
        "tick-ms": { type: "string" },
        signals: { type: "string" },
        prometheus: { type: "string" },
        json: { type: "boolean" },
        keep: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    const named = /'(-[^' ]*|[^']*)/.exec(text)?.[1] ?? "arguments";
    const fix = "see npm start -- --help";
    throw new InputProblem({ field: named, problem: text.split(". ")[0] ?? text, fix }, { cause });
  }
}

/** A whole number within its bounds; throws InputProblem that names the option. */
export function wholeNumber(field: string, text: string, min: number, max: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value) || value < min || value > max) {
    const fix = `give a whole number from ${min} to ${max}`;
    throw new InputProblem({ field, problem: `"${text.slice(0, 40)}" does not fit`, fix });
  }
  return value;
}

/** One of the words, the first by default; throws InputProblem that names the option. */
function oneOf<T extends string>(
  field: string,
  text: string | undefined,
  words: readonly [T, ...T[]],
): T {
  const found = text === undefined ? words[0] : words.find((word) => word === text);
  if (found !== undefined) return found;
  const fix = `give one of ${words.join(", ")}`;
  throw new InputProblem({ field, problem: `"${text?.slice(0, 40)}" does not fit`, fix });
}
