import { readOptions, wholeNumber } from "../command-line/options.ts";
import type { CrashPlan } from "./crash.ts";

export interface CrashOptions extends CrashPlan {
  readonly json: boolean;
}

export const HELP = `Usage: npm run crash -- [options]

Kills validators on real processes under a client's load, and checks all the time: no key signs two
things under one index, on the wire or in a journal; what left is in its author's journal; no
transaction whose receipt was proven to a client is lost or changed; the chain commits again.

  --kills N       kill -9 of a validator at random moments (default 20)
  --power-cuts N  power cuts of all validators at once, on a disk that loses what was not synced
                  (default 5)
  --mutant NAME   break one rule in every node for the power cuts (see npm run mutants)
  --seed N        the seed of all chances (default 1)
  --json          print nothing but the report, as JSON (docs/schemas/crash.schema.json)
  --help          this text

Exit status: 0 if nothing was violated, 1 if something was, 2 if the input is wrong.
`;

const OPTIONS = {
  kills: { type: "string" },
  "power-cuts": { type: "string" },
  mutant: { type: "string" },
  seed: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** Undefined where help was asked for. Throws InputProblem. */
export function parseCrashOptions(args: readonly string[]): CrashOptions | undefined {
  const values = readOptions("npm run crash --", args, OPTIONS);
  if (values.help === true) return undefined;
  return {
    kills: wholeNumber("--kills", values.kills ?? "20", 0, 10_000),
    powerCuts: wholeNumber("--power-cuts", values["power-cuts"] ?? "5", 0, 10_000),
    seed: wholeNumber("--seed", values.seed ?? "1", 0, 100_000_000),
    json: values.json ?? false,
    ...(values.mutant === undefined ? {} : { mutant: values.mutant }),
  };
}
