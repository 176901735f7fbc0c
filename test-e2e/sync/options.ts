import { readOptions, wholeNumber } from "../command-line/options.ts";
import type { SyncPlan } from "./sync.ts";

export interface SyncOptions extends SyncPlan {
  readonly json: boolean;
}

export const HELP = `Usage: npm run sync -- [options]

Starts four validators as processes from a certified state of real accounts (balances, positions,
orders, nonces) under a client's load, waits until they have taken a snapshot of it, and starts a
newcomer with an empty disk. Measures from its process start to its first attestation that the chain
counts (rule FIT), as an outside light client sees it, and checks that it replayed no block at or
below the snapshot and that it named every peer that served corrupt chunks.

  --mib N            size of the leaves of the state, in MiB (default 64)
  --corrupt-peers K  validators that serve corrupt chunks, at most 3 (default 1)
  --limit-s S        fail where the newcomer takes longer than S seconds (default: no limit)
  --heap-mib N       heap of each node, --max-old-space-size (default: that of Node.js)
  --snapshot-blocks N  validators take a snapshot every N blocks (default 400)
  --seed N           the seed of the accounts (default 1)
  --keep             keep the folder with logs and volumes, and print where it is
  --json             print nothing but the report, as JSON (docs/schemas/sync.schema.json)
  --help             this text

Needs about five times the resident size of one node (1 GiB of leaves: see docs/bench.md).

Exit status: 0 if all holds, 1 if something does not, 2 if the input is wrong.
`;

const OPTIONS = {
  mib: { type: "string" },
  "corrupt-peers": { type: "string" },
  "limit-s": { type: "string" },
  "heap-mib": { type: "string" },
  "snapshot-blocks": { type: "string" },
  seed: { type: "string" },
  keep: { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** Undefined where help was asked for. Throws InputProblem. */
export function parseSyncOptions(args: readonly string[]): SyncOptions | undefined {
  const values = readOptions("npm run sync --", args, OPTIONS);
  if (values.help === true) return undefined;
  const { "limit-s": limit, "heap-mib": heap } = values;
  return {
    mib: wholeNumber("--mib", values.mib ?? "64", 1, 2_048),
    corruptPeers: wholeNumber("--corrupt-peers", values["corrupt-peers"] ?? "1", 0, 3),
    limitSeconds: limit === undefined ? undefined : wholeNumber("--limit-s", limit, 1, 3_600),
    heapMib: heap === undefined ? undefined : wholeNumber("--heap-mib", heap, 256, 65_536),
    snapshotBlocks: wholeNumber(
      "--snapshot-blocks",
      values["snapshot-blocks"] ?? "400",
      50,
      100_000,
    ),
    seed: wholeNumber("--seed", values.seed ?? "1", 0, 100_000_000),
    keep: values.keep ?? false,
    json: values.json ?? false,
  };
}
