import { InputProblem } from "../command-line/input-problem.ts";
import { readOptions, wholeNumber } from "../command-line/options.ts";
import { PUT_BYTES_MIN } from "./put-source.ts";

export interface ConsensusOptions {
  /** Transactions a second of the open loops, one run each. */
  readonly rates: readonly number[];
  /** Transactions in flight of the closed loops, one run each. */
  readonly inFlight: readonly number[];
  /** Lengths of a transaction; every rate and closed loop runs with each. */
  readonly bytes: readonly number[];
  /** Rate of a last run in which one validator is killed for good; undefined: no such run. */
  readonly killRate: number | undefined;
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** Different keys of the puts: what the state holds. */
  readonly keys: number;
  readonly json: boolean;
}

export const HELP = `Usage: npm run bench -- consensus [options]

Starts four validators as processes in production configuration (TLS, fsync, production
parameters) and a client as a process of its own that verifies every certificate, puts opaque
bytes into a key-value ledger, and prints what came of it. Figures, not assertions.

A latency ends at a certificate that the client verified. In an open loop it begins when the
plan meant the transaction to be sent, not when it was sent (no coordinated omission).

  --rate N,N,...       open loop: transactions a second, one run each (default 1000,2000,5000;
                       none where --in-flight is given)
  --in-flight N,N,...  closed loop: transactions without an answer, one run each
  --bytes N,N,...      length of a transaction, ${PUT_BYTES_MIN} to 32768 (default 256)
  --kill N             a last run at N tx/s: a third into it one validator is killed for good
  --seconds N          measured span of each run (default 20)
  --minutes N          the same in minutes: from 2 on the growth of memory is told
  --warmup N           seconds before it, not counted (default 5)
  --keys N             different keys, so that the state stays as large as it is (default 10000)
  --json               nothing but the figures, as JSON
                       (docs/schemas/bench-consensus.schema.json)
  --help               this text

Exit status: 0 if every run was made, 1 if one could not be, 2 if the input is wrong.
`;

const OPTIONS = {
  rate: { type: "string" },
  "in-flight": { type: "string" },
  bytes: { type: "string" },
  kill: { type: "string" },
  seconds: { type: "string" },
  minutes: { type: "string" },
  warmup: { type: "string" },
  keys: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** Undefined where help was asked for. Throws InputProblem. */
export function parseConsensusOptions(args: readonly string[]): ConsensusOptions | undefined {
  const values = readOptions("npm run bench -- consensus", args, OPTIONS);
  if (values.help === true) return undefined;
  const closed = values["in-flight"];
  const kill = values.kill;
  const rates = values.rate ?? (closed === undefined && kill === undefined ? "1000,2000,5000" : "");
  return {
    rates: numbers("--rate", rates, 1, 200_000),
    inFlight: numbers("--in-flight", closed ?? "", 1, 50_000),
    bytes: numbers("--bytes", values.bytes ?? "256", PUT_BYTES_MIN, 32_768),
    killRate: kill === undefined ? undefined : wholeNumber("--kill", kill, 1, 200_000),
    seconds: span(values.seconds, values.minutes),
    warmupSeconds: wholeNumber("--warmup", values.warmup ?? "5", 0, 600),
    keys: wholeNumber("--keys", values.keys ?? "10000", 1, 1_000_000),
    json: values.json ?? false,
  };
}

function span(seconds: string | undefined, minutes: string | undefined): number {
  if (minutes === undefined) return wholeNumber("--seconds", seconds ?? "20", 1, 86_400);
  if (seconds !== undefined) {
    const problem = "both --seconds and --minutes are given";
    throw new InputProblem({ field: "--minutes", problem, fix: "give one of them" });
  }
  return 60 * wholeNumber("--minutes", minutes, 1, 1_440);
}

function numbers(field: string, text: string, least: number, most: number): readonly number[] {
  if (text === "") return [];
  return text.split(",").map((each) => wholeNumber(field, each, least, most));
}
