import { InputError } from "@quorate/client/errors";
import type { Genesis } from "@quorate/node/ledger/genesis-file";
import type { MarketParameters } from "@quorate/node/margin/types";

export interface MarketName {
  /** Index into the genesis markets. */
  readonly id: number;
  readonly name: string;
}

export function nameOf({ id, name }: MarketName): MarketName {
  return { id, name };
}

/** A market by its name or number; throws InputError. */
export function findMarket(genesis: Genesis, given: string, field = "--market"): MarketParameters {
  const { markets } = genesis.margin;
  const found = markets.find(({ id, name }) => name === given || String(id) === given);
  if (found !== undefined) return found;
  const names = markets.map(({ id, name }) => `${name} (${id})`).join(", ");
  const fix = `"${given}" is no market of this chain; it has ${names}`;
  throw new InputError({ code: "MARKET_UNKNOWN", field, fix });
}
