import { sha256Hex } from "../crypto/sha256.ts";
import { asciiBytes, asciiText } from "../kernel/bytes.ts";
import { ok, type Refusal, type Result, refuse } from "../kernel/result.ts";
import type { Digest, MicroUsd } from "../kernel/scalars.ts";
import { type ValidatorSet, validatorSet } from "../kernel/validator-set.ts";
import type { Genesis } from "./genesis-file.ts";
import { GenesisError, readGenesis } from "./genesis-reader.ts";
import { checkGenesis } from "./genesis-rules.ts";

const WHITE = new Set([0x09, 0x0a, 0x0d]);

/**
 * Reads and checks a genesis file: JSON in ASCII, bigint as decimal strings, parameters that are
 * omitted take their PRODUCTION value. The refusal `GENESIS_INVALID` (or a rule's own code) names
 * the first wrong field and its fix.
 */
export function parseGenesis(bytes: Uint8Array): Result<Genesis, Refusal> {
  try {
    const at = bytes.findIndex((byte) => (byte < 0x20 || byte >= 0x7f) && !WHITE.has(byte));
    if (at !== -1) throw new GenesisError("file", `byte ${at} is not ASCII; write plain JSON`);
    const json = parseJson(asciiText(bytes));
    if (!json.ok) return json;
    const genesis = readGenesis(json.value);
    checkGenesis(genesis);
    return ok(genesis);
  } catch (error) {
    if (!(error instanceof GenesisError)) throw error;
    return { ok: false, error: { code: error.code, field: error.field, fix: error.fix } };
  }
}

function parseJson(text: string): Result<unknown, Refusal> {
  try {
    return ok(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return refuse("GENESIS_INVALID", "file", `write JSON: ${error.message}`);
  }
}

/** The chain's identity: sha256 of ascii "quorate/v1/genesis" and the file's bytes as they are. */
export function genesisHash(bytes: Uint8Array): Digest {
  return sha256Hex(asciiBytes("quorate/v1/genesis"), bytes);
}

/** The set of epoch 1. */
export function genesisSet(genesis: Genesis): ValidatorSet {
  const members = genesis.seats.map((seat) => ({ ...seat, muted: false }));
  return validatorSet(1, members);
}

/** Pretty JSON with every field written out; `parseGenesis` reads it back to an equal value. */
export function encodeGenesis(genesis: Genesis): Uint8Array {
  const text = JSON.stringify(
    genesis,
    (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value),
    2,
  );
  return Uint8Array.from(`${text}\n`, (character) => character.charCodeAt(0));
}

/** All money that exists at birth, in micro-USD. */
export function genesisTotal(genesis: Genesis): MicroUsd {
  const treasuries = genesis.owners.reduce((sum, { treasury }) => sum + treasury, 0n);
  const bonds = genesis.seats.reduce((sum, { power }) => sum + power, 0n);
  const balances = genesis.margin.accounts.reduce((sum, { balance }) => sum + balance, 0n);
  return treasuries + bonds + balances + genesis.margin.insuranceFund + genesis.rewardPot;
}

/** What an operator must know before trusting this genesis; the node prints each at start. */
export function genesisWarnings(genesis: Genesis): string[] {
  const warnings: string[] = [];
  const owners = new Set(genesis.seats.map(({ owner }) => owner));
  if (owners.size < 4) {
    warnings.push(
      `${owners.size} owner(s) hold all seats: one may hold a third of the power, so this chain ` +
        "is as honest as they are",
    );
  }
  if (genesis.candidates === "open") {
    warnings.push("candidates: open: strangers with fee and bond may take seats that fall free");
  }
  if (genesis.dev) warnings.push("dev: times may be shortened and a faucet makes money");
  return warnings;
}
