import { mainJobGenesis } from "../main-job/genesis.ts";
import type { GenesisDocument } from "../network/genesis-file.ts";
import type { BornNetwork } from "../network/network.ts";

const USD = 10_000_000;

/** The main job's market, with accounts rich enough that margin refuses nothing. */
export function loadGenesis(
  born: BornNetwork,
  accounts: readonly string[],
  times: { readonly genesisTimeMs: number; readonly tickMs: number },
): GenesisDocument {
  const rich = accounts.map((key) => ({ key, usd: USD }));
  return { ...mainJobGenesis({ ...born, ...times, accounts: rich }), name: "quorate-load" };
}
