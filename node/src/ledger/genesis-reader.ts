import { isHex } from "../kernel/bytes.ts";
import { type Parameters, PRODUCTION } from "../kernel/parameters.ts";
import {
  MARKET_AMOUNTS,
  type MarginGenesis,
  type MarketParameters,
  marketAmounts,
} from "../margin/types.ts";
import type { Genesis, GenesisOwner, GenesisSeat, KeyValueGenesis } from "./genesis-file.ts";
import { ADDRESS_LENGTH_MAX } from "./transaction-codec.ts";

/** A wrong field of a genesis file; `parseGenesis` turns it into a refusal. */
export class GenesisError extends Error {
  override readonly name = "GenesisError";
  readonly field: string;
  readonly fix: string;
  readonly code: string;
  constructor(field: string, fix: string, code = "GENESIS_INVALID") {
    super(`${field}: ${fix}`);
    this.field = field;
    this.fix = fix;
    this.code = code;
  }
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * An object with no fields but the named ones: a misspelt field must not pass as an omitted one.
 */
function fieldsOf(value: unknown, field: string, names: readonly string[]): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new GenesisError(field, "write an object");
  }
  const stranger = Object.keys(value).find((name) => !names.includes(name));
  if (stranger !== undefined) {
    const path = field === "" ? stranger : `${field}.${stranger}`;
    throw new GenesisError(path, `is not a field; the fields are ${names.join(", ")}`);
  }
  return { ...value };
}

function listOf<T>(value: unknown, field: string, read: (item: unknown, name: string) => T): T[] {
  if (!Array.isArray(value)) throw new GenesisError(field, "write a list");
  return value.map((item: unknown, index) => read(item, `${field}[${index}]`));
}

function wholeNumber(value: unknown, field: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw new GenesisError(field, "write a whole number from 0 to 2^53-1");
  }
  return value;
}

const MONEY_DIGITS_MAX = 24;

/** A decimal string: JSON numbers lose digits above 2^53. */
function decimal(value: unknown, field: string): bigint {
  const form = typeof value === "string" && value.length <= MONEY_DIGITS_MAX;
  if (!form || !/^(0|[1-9][0-9]*)$/.test(value)) {
    throw new GenesisError(field, 'write a decimal string of at most 24 digits, like "1000000"');
  }
  return BigInt(value);
}

function publicKey(value: unknown, field: string): string {
  if (typeof value !== "string" || !isHex(value, 32)) {
    throw new GenesisError(field, "write an Ed25519 public key: 64 lower-case hex characters");
  }
  return value;
}

function asciiName(value: unknown, field: string, lengthMax: number): string {
  const form = typeof value === "string" && value.length >= 1 && value.length <= lengthMax;
  if (!form || !/^[\x20-\x7e]+$/.test(value)) {
    throw new GenesisError(field, `write 1 to ${lengthMax} printable ASCII characters`);
  }
  return value;
}

function truth(value: unknown, field: string): boolean {
  if (typeof value !== "boolean") throw new GenesisError(field, "write true or false");
  return value;
}

/** Whether the text is host:port, with port 1 to 65535. */
export function isAddress(text: string): boolean {
  const match = /^([0-9A-Za-z.-]+|\[[0-9a-fA-F:.]+\]):([1-9][0-9]{0,4})$/.exec(text);
  return match !== null && text.length <= ADDRESS_LENGTH_MAX && Number(match[2]) <= 65_535;
}

function address(value: unknown, field: string): string {
  if (typeof value !== "string" || !isAddress(value)) {
    throw new GenesisError(field, 'write host:port, like "127.0.0.1:7000"');
  }
  return value;
}

/** One group of parameters: what is omitted is the production value, type for type. */
function group<T extends object>(value: unknown, field: string, production: T): T {
  if (value === undefined) return production;
  const given = fieldsOf(value, field, Object.keys(production));
  const entries = Object.entries(production).map(([name, standard]): [string, unknown] => {
    const own = given[name];
    if (own === undefined) return [name, standard];
    const path = `${field}.${name}`;
    return [name, typeof standard === "bigint" ? decimal(own, path) : wholeNumber(own, path)];
  });
  return { ...production, ...Object.fromEntries(entries) };
}

function readParameters(value: unknown): Parameters {
  if (value === undefined) return PRODUCTION;
  const fields = fieldsOf(value, "parameters", ["consensus", "rotation", "margin"]);
  return {
    consensus: group(fields["consensus"], "parameters.consensus", PRODUCTION.consensus),
    rotation: group(fields["rotation"], "parameters.rotation", PRODUCTION.rotation),
    margin: group(fields["margin"], "parameters.margin", PRODUCTION.margin),
  };
}

function readOwner(value: unknown, field: string): GenesisOwner {
  const fields = fieldsOf(value, field, ["key", "sponsorKey", "treasury"]);
  return {
    key: publicKey(fields["key"], `${field}.key`),
    sponsorKey: publicKey(fields["sponsorKey"], `${field}.sponsorKey`),
    treasury: decimal(fields["treasury"], `${field}.treasury`),
  };
}

function readSeat(value: unknown, field: string): GenesisSeat {
  const fields = fieldsOf(value, field, ["owner", "key", "networkKey", "address", "power"]);
  return {
    owner: publicKey(fields["owner"], `${field}.owner`),
    key: publicKey(fields["key"], `${field}.key`),
    networkKey: publicKey(fields["networkKey"], `${field}.networkKey`),
    address: address(fields["address"], `${field}.address`),
    power: decimal(fields["power"], `${field}.power`),
  };
}

/** Of a market's numbers these alone may be omitted. */
const MARKET_DEFAULTS: ReadonlyMap<string, string> = new Map([
  ["positionLotsMax", "1000000000"],
  ["corruptMovePpm", "300000"],
  ["fundingIntervalMs", "28800000"],
  ["fundingSampleMs", "60000"],
  ["fundingCapPpm", "3000"],
  ["fundingImpactNotional", "10000000000"],
]);

function readMarket(value: unknown, field: string): MarketParameters {
  const fields = fieldsOf(value, field, ["id", "name", ...MARKET_AMOUNTS]);
  return {
    id: wholeNumber(fields["id"], `${field}.id`),
    name: asciiName(fields["name"], `${field}.name`, 32),
    ...marketAmounts((name) =>
      decimal(fields[name] ?? MARKET_DEFAULTS.get(name), `${field}.${name}`),
    ),
  };
}

function readMargin(value: unknown): MarginGenesis {
  const fields = fieldsOf(value, "margin", ["markets", "accounts", "insuranceFund"]);
  return {
    markets: listOf(fields["markets"], "margin.markets", readMarket),
    accounts: listOf(fields["accounts"], "margin.accounts", (item, field) => {
      const account = fieldsOf(item, field, ["account", "balance"]);
      return {
        account: publicKey(account["account"], `${field}.account`),
        balance: decimal(account["balance"], `${field}.balance`),
      };
    }),
    insuranceFund: decimal(fields["insuranceFund"], "margin.insuranceFund"),
  };
}

function readCandidates(value: unknown): "owners" | "open" {
  if (value === undefined) return "owners";
  if (value === "owners" || value === "open") return value;
  throw new GenesisError("candidates", 'write "owners" or "open"');
}

function readKeyValue(value: unknown): { readonly keyValue?: KeyValueGenesis } {
  if (value === undefined) return {};
  const fields = fieldsOf(value, "keyValue", ["valueBytesMax"]);
  const valueBytesMax = wholeNumber(fields["valueBytesMax"], "keyValue.valueBytesMax");
  return { keyValue: { valueBytesMax } };
}

const FIELDS = [
  "name",
  "dev",
  "genesisTimeMs",
  "parameters",
  "candidates",
  "rewardPot",
  "owners",
  "custodians",
  "seats",
  "margin",
  "keyValue",
];

/** Form alone; `checkGenesis` judges what the fields mean together. Throws GenesisError. */
export function readGenesis(value: unknown): Genesis {
  const fields = fieldsOf(value, "", FIELDS);
  return {
    name: asciiName(fields["name"], "name", 64),
    dev: truth(fields["dev"], "dev"),
    genesisTimeMs: wholeNumber(fields["genesisTimeMs"], "genesisTimeMs"),
    parameters: readParameters(fields["parameters"]),
    candidates: readCandidates(fields["candidates"]),
    rewardPot: decimal(fields["rewardPot"] ?? "0", "rewardPot"),
    owners: listOf(fields["owners"], "owners", readOwner),
    custodians: listOf(fields["custodians"], "custodians", publicKey),
    seats: listOf(fields["seats"], "seats", readSeat),
    margin: readMargin(fields["margin"]),
    ...readKeyValue(fields["keyValue"]),
  };
}
