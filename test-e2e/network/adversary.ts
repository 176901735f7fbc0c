import { fileURLToPath } from "node:url";
import type { Network, NetworkNode } from "./network.ts";

const ADVERSARY = fileURLToPath(new URL("../adversary/main.ts", import.meta.url));

/** What it signs two of; or one wrong state root a height, and no pair. */
export type AdversaryMode = "vote" | "proposal" | "attestation" | "wrong-root";

export interface TakeOver {
  readonly mode: AdversaryMode;
  /** Consensus keys of peers that it never speaks to. */
  readonly deafTo?: readonly string[];
}

/** The adversary takes the validator's place: its address, its volume and its key; nothing else. */
export async function takeThePlaceOf(
  network: Network,
  victim: NetworkNode,
  { mode, deafTo = [] }: TakeOver,
): Promise<void> {
  await victim.process.remove();
  network.supervisor.start({
    name: `adversary-as-${victim.place.name}`,
    script: ADVERSARY,
    args: [
      ...["--data-dir", victim.place.dataDir],
      ...["--listen", victim.place.peers],
      ...["--genesis", network.genesisFile],
      ...["--mode", mode],
      ...deafTo.flatMap((key) => ["--deaf-to", key]),
    ],
  });
}
