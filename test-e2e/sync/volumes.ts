import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SAMPLE_PRICES } from "../main-job/options.ts";
import { type GenesisDocument, writeGenesis } from "../network/genesis-file.ts";

const WRITE_DISKS = fileURLToPath(new URL("../../node/test/sync/write-disks.ts", import.meta.url));
/** Four times the state, for the records before they are chunks. */
const HEAP_MIB = 12_288;

/** What the validators go on from. */
export interface LargeState {
  readonly height: number;
  readonly bytes: number;
  readonly accounts: number;
  readonly leaves: number;
  readonly chunks: number;
}

/**
 * Fills the volumes of validators that wait for their genesis: keys are there, nothing is signed.
 * The genesis is written elsewhere first, because the nodes start as soon as they see it.
 */
export function fillVolumes(
  folder: string,
  genesis: GenesisDocument,
  state: { readonly mib: number; readonly seed: number; readonly height: number },
): LargeState {
  const draft = join(folder, "genesis.draft.json");
  writeGenesis(draft, genesis);
  const volumes = genesis.seats.map((_, index) => join(folder, `validator-${index + 1}`, "data"));
  const { mib, seed, height } = state;
  const numbers = { mib, seed, height };
  const args = Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const files = ["--genesis", draft, "--prices", SAMPLE_PRICES];
  const output = execFileSync(
    process.execPath,
    [`--max-old-space-size=${HEAP_MIB}`, WRITE_DISKS, ...files, ...args, ...volumes],
    { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
  );
  return JSON.parse(output);
}
