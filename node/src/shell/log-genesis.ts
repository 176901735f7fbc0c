import { genesisWarnings } from "../ledger/genesis.ts";
import type { Genesis } from "../ledger/genesis-file.ts";
import type { Log, LogFields } from "./log.ts";

/**
 * What the genesis says, at every start: each constant of the rules with its value, also those that
 * the file omits, and what an operator must know before trusting it.
 */
export function logGenesis(log: Log, genesis: Genesis): void {
  for (const warning of genesisWarnings(genesis)) log.warn("this genesis", { warning });
  const { parameters, margin } = genesis;
  for (const [group, values] of Object.entries(parameters)) {
    log.info("parameters", { group, ...printable(values) });
  }
  for (const market of margin.markets) log.info("market", printable(market));
}

function printable(values: object): LogFields {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, String(value)] as const),
  );
}
