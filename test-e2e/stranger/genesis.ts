import { hexBytes, sha256 } from "./bytes.ts";
import type { ValidatorSet } from "./sets.ts";

/** What the two programs need of a genesis file; the rest they ignore. node/spec/encoding.md. */
export interface Owner {
  readonly key: string;
  readonly sponsorKey: string;
  readonly treasury: bigint;
}

export interface GenesisMarket {
  readonly id: number;
  readonly name: string;
  readonly microUsdPerLotTick: bigint;
  readonly initialMarginPpm: bigint;
  readonly maintenanceMarginPpm: bigint;
  readonly takerFeePpm: bigint;
  readonly liquidationFeePpm: bigint;
  readonly liquidationSharePpm: bigint;
  readonly priceBandPpm: bigint;
  readonly orderLotsMax: bigint;
  readonly positionLotsMax: bigint;
  readonly corruptMovePpm: bigint;
  readonly fundingIntervalMs: bigint;
  readonly fundingSampleMs: bigint;
  readonly fundingCapPpm: bigint;
  readonly fundingImpactNotional: bigint;
}

export interface GenesisFile {
  readonly chainId: string;
  readonly dev: boolean;
  readonly genesisTimeMs: number;
  /** Named constants that the file sets; those it omits have their production value. */
  readonly parameters: ReadonlyMap<string, number | bigint>;
  readonly owners: readonly Owner[];
  /** Whether strangers may become owners. */
  readonly isOpen: boolean;
  readonly rewardPot: bigint;
  readonly custodians: readonly string[];
  readonly markets: readonly GenesisMarket[];
  readonly accounts: readonly { readonly account: string; readonly balance: bigint }[];
  readonly insuranceFund: bigint;
  readonly firstSet: ValidatorSet;
}

type Json = { readonly [field: string]: unknown };

/** Hex of the key bytes, or an error that names the field. */
function keyField(json: Json, field: string): string {
  const value = json[field];
  if (typeof value !== "string" || !/^[0-9a-f]{64}$/.test(value)) {
    throw new Error(`genesis: ${field} is not a key of 64 lower-case hex characters`);
  }
  return value;
}

function amountField(json: Json, field: string): bigint {
  const value = json[field];
  if (typeof value !== "string" || !/^-?[0-9]+$/.test(value)) {
    throw new Error(`genesis: ${field} is not a decimal string`);
  }
  return BigInt(value);
}

function numberField(json: Json, field: string): number {
  const value = json[field];
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw new Error(`genesis: ${field} is not a whole number`);
  }
  return value;
}

function textField(json: Json, field: string): string {
  const value = json[field];
  if (typeof value !== "string") throw new Error(`genesis: ${field} is not a text`);
  return value;
}

function objectOf(value: unknown, field: string): Json {
  if (typeof value !== "object" || value === null) throw new Error(`genesis: ${field} is missing`);
  return value as Json;
}

function listField(json: Json, field: string): Json[] {
  const value = json[field];
  if (!Array.isArray(value)) throw new Error(`genesis: ${field} is not a list`);
  return value.map((item, index) => objectOf(item, `${field}[${index}]`));
}

function parametersOf(json: Json): Map<string, number | bigint> {
  const found = new Map<string, number | bigint>();
  for (const group of ["consensus", "rotation", "margin"]) {
    for (const [name, value] of Object.entries(objectOf(json[group] ?? {}, group))) {
      found.set(name, typeof value === "string" ? BigInt(value) : Number(value));
    }
  }
  return found;
}

/** Of a market's numbers these alone may be omitted (node/spec/margin.md §2). */
const MARKET_DEFAULTS = {
  positionLotsMax: "1000000000",
  corruptMovePpm: "300000",
  fundingIntervalMs: "28800000",
  fundingSampleMs: "60000",
  fundingCapPpm: "3000",
  fundingImpactNotional: "10000000000",
} as const;

function marketOf(given: Json): GenesisMarket {
  const json = { ...MARKET_DEFAULTS, ...given };
  return {
    id: numberField(json, "id"),
    name: textField(json, "name"),
    microUsdPerLotTick: amountField(json, "microUsdPerLotTick"),
    initialMarginPpm: amountField(json, "initialMarginPpm"),
    maintenanceMarginPpm: amountField(json, "maintenanceMarginPpm"),
    takerFeePpm: amountField(json, "takerFeePpm"),
    liquidationFeePpm: amountField(json, "liquidationFeePpm"),
    liquidationSharePpm: amountField(json, "liquidationSharePpm"),
    priceBandPpm: amountField(json, "priceBandPpm"),
    orderLotsMax: amountField(json, "orderLotsMax"),
    positionLotsMax: amountField(json, "positionLotsMax"),
    corruptMovePpm: amountField(json, "corruptMovePpm"),
    fundingIntervalMs: amountField(json, "fundingIntervalMs"),
    fundingSampleMs: amountField(json, "fundingSampleMs"),
    fundingCapPpm: amountField(json, "fundingCapPpm"),
    fundingImpactNotional: amountField(json, "fundingImpactNotional"),
  };
}

function seatsOf(json: Json): ValidatorSet {
  const members = listField(json, "seats").map((seat) => ({
    key: keyField(seat, "key"),
    networkKey: keyField(seat, "networkKey"),
    address: textField(seat, "address"),
    owner: keyField(seat, "owner"),
    power: amountField(seat, "power"),
    muted: false,
  }));
  members.sort((left, right) => Buffer.compare(hexBytes(left.key), hexBytes(right.key)));
  return { epoch: 1, members };
}

/** `bytes` is the file as it stands: its hash is the chain's identity. */
export function readGenesis(bytes: Uint8Array): GenesisFile {
  const json = objectOf(JSON.parse(Buffer.from(bytes).toString("latin1")), "the file");
  const margin = objectOf(json["margin"], "margin");
  const custodians = json["custodians"] ?? [];
  if (!Array.isArray(custodians)) throw new Error("genesis: custodians is not a list");
  return {
    chainId: sha256(Buffer.from("quorate/v1/genesis", "latin1"), bytes),
    dev: json["dev"] === true,
    genesisTimeMs: numberField(json, "genesisTimeMs"),
    parameters: parametersOf(objectOf(json["parameters"] ?? {}, "parameters")),
    owners: listField(json, "owners").map((owner) => ({
      key: keyField(owner, "key"),
      sponsorKey: keyField(owner, "sponsorKey"),
      treasury: amountField(owner, "treasury"),
    })),
    isOpen: json["candidates"] === "open",
    rewardPot: json["rewardPot"] === undefined ? 0n : amountField(json, "rewardPot"),
    custodians: custodians.map(String),
    markets: listField(margin, "markets").map(marketOf),
    accounts: listField(margin, "accounts").map((account) => ({
      account: keyField(account, "account"),
      balance: amountField(account, "balance"),
    })),
    insuranceFund: amountField(margin, "insuranceFund"),
    firstSet: seatsOf(json),
  };
}
