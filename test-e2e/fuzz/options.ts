import { readOptions, wholeNumber } from "../command-line/options.ts";
import type { FuzzPlan } from "./fuzz.ts";

export interface FuzzOptions extends FuzzPlan {
  readonly json: boolean;
}

export const HELP = `Usage: npm run fuzz -- [options]

Sends broken messages, calls, frames and connections to three validators on real processes: as the
fourth member of their set, whose keys it holds, and as a stranger. Checks that none of them ends,
stalls, grows, complains or drops an honest peer, and that the chain goes on.

  --minutes N   for how long (default 10)
  --seed N      the seed of all chances (default 1)
  --json        print nothing but the report, as JSON (docs/schemas/fuzz.schema.json)
  --help        this text

Exit status: 0 if nothing was violated, 1 if something was, 2 if the input is wrong.
`;

const OPTIONS = {
  minutes: { type: "string" },
  seed: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** Undefined where help was asked for. Throws InputProblem. */
export function parseFuzzOptions(args: readonly string[]): FuzzOptions | undefined {
  const values = readOptions("npm run fuzz --", args, OPTIONS);
  if (values.help === true) return undefined;
  return {
    seconds: 60 * wholeNumber("--minutes", values.minutes ?? "10", 1, 1_440),
    seed: wholeNumber("--seed", values.seed ?? "1", 0, 100_000_000),
    json: values.json ?? false,
  };
}
