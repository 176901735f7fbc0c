import type { GenesisDocument } from "../network/genesis-file.ts";
import type { BornNetwork } from "../network/network.ts";

const TREASURY = "10000000000000";

/**
 * Production parameters throughout; `dev` stands for the one thing that a bench needs and a chain
 * with money must not have: puts.
 */
export function benchGenesis(
  { owners, seats }: BornNetwork,
  options: { readonly genesisTimeMs: number; readonly valueBytesMax: number },
): GenesisDocument {
  return {
    name: "quorate-bench",
    dev: true,
    genesisTimeMs: options.genesisTimeMs,
    parameters: { consensus: {}, rotation: {}, margin: {} },
    owners: owners.map(({ key, sponsor }) => ({
      key: key.publicKey,
      sponsorKey: sponsor.publicKey,
      treasury: TREASURY,
    })),
    custodians: [],
    seats,
    margin: { markets: [], accounts: [], insuranceFund: "0" },
    keyValue: { valueBytesMax: options.valueBytesMax },
  };
}
