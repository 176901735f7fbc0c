import type { Parameters } from "../../src/kernel/parameters.ts";
import { PRODUCTION } from "../../src/kernel/parameters.ts";
import type { Digest, PublicKey } from "../../src/kernel/scalars.ts";
import { signingBytes } from "../../src/kernel/statements.ts";
import { encodeGenesis, genesisHash, parseGenesis } from "../../src/ledger/genesis.ts";
import type { Genesis } from "../../src/ledger/genesis-file.ts";
import {
  encodeTransaction,
  registrationDigest,
  registrationSigningBytes,
} from "../../src/ledger/transaction.ts";
import type { Plan } from "./plan.ts";
import type { Keyring } from "./schemes.ts";

export const START_MS = 1_700_000_000_000;
export const SILENCE_MS = 2_000;
export const SELF_HEAL_MS = 2_000;

export interface NodeKeys {
  readonly name: string;
  readonly key: PublicKey;
  readonly networkKey: PublicKey;
  readonly owner: PublicKey;
  readonly sponsorKey: PublicKey;
  readonly address: string;
}

/** Rotation in seconds, so that twenty virtual seconds see silence, a swap and what follows. */
export function simParameters(plan: Plan): Parameters {
  return {
    consensus: {
      ...PRODUCTION.consensus,
      emptyBlockPaceMs: plan.emptyBlockPaceMs,
      roundTimeoutMsMax: 1_000,
      activationDelayBlocks: 10,
    },
    rotation: {
      ...PRODUCTION.rotation,
      silenceBlocks: 6,
      silenceMs: SILENCE_MS,
      selfHealAfterWindows: SELF_HEAL_MS / SILENCE_MS,
      coolDownWindows: 2,
      newcomerAgeMsMin: 1_000,
      newcomerSpanMs: 4_000,
      jailMs: 5_000,
      fitMs: 5_000,
    },
    margin: { ...PRODUCTION.margin, callDeadlineMs: 4_000, resumeGraceMs: 1_000, gainLockMs: 500 },
  };
}

export function nodeKeys(keyring: Keyring, plan: Plan): readonly NodeKeys[] {
  return Array.from({ length: plan.members + plan.spares }, (_, index) => {
    const isSpare = index >= plan.members;
    const name = isSpare ? `s${index - plan.members}` : `v${index}`;
    const owner = index % plan.owners;
    return {
      name,
      key: keyring.key(name),
      networkKey: keyring.key(`${name}/network`),
      owner: keyring.key(`owner${owner}`),
      sponsorKey: keyring.key(`owner${owner}/sponsor`),
      address: `127.0.1.${index + 1}:7000`,
    };
  });
}

export const ACCOUNTS = 5;

export function accountKey(keyring: Keyring, index: number): PublicKey {
  return keyring.key(`account${index}`);
}

export interface Birth {
  readonly genesis: Genesis;
  readonly chainId: Digest;
}

/** The genesis goes through its own file format, as a node reads it. */
export function createBirth(plan: Plan, keyring: Keyring, nodes: readonly NodeKeys[]): Birth {
  const owners = Array.from({ length: plan.owners }, (_, index) => ({
    key: keyring.key(`owner${index}`),
    sponsorKey: keyring.key(`owner${index}/sponsor`),
    treasury: 10_000n,
  }));
  const seats = nodes.slice(0, plan.members).map((node, index) => ({
    owner: node.owner,
    key: node.key,
    networkKey: node.networkKey,
    address: node.address,
    power: plan.powers[index] ?? 100n,
  }));
  const accounts = Array.from({ length: ACCOUNTS }, (_, index) => ({
    account: accountKey(keyring, index),
    balance: 5_000_000_000n,
  }));
  const genesis: Genesis = {
    name: "sim",
    dev: true,
    genesisTimeMs: START_MS,
    parameters: simParameters(plan),
    candidates: "owners",
    owners,
    custodians: [],
    seats,
    margin: {
      markets: [
        {
          id: 0,
          name: "SIM-PERP",
          microUsdPerLotTick: 100n,
          initialMarginPpm: 40_000n,
          maintenanceMarginPpm: 20_000n,
          takerFeePpm: 300n,
          liquidationFeePpm: 5_000n,
          liquidationSharePpm: 500_000n,
          priceBandPpm: 100_000n,
          orderLotsMax: 1_000n,
        },
      ],
      accounts,
      insuranceFund: 1_000_000n,
    },
  };
  const bytes = encodeGenesis(genesis);
  const parsed = parseGenesis(bytes);
  if (!parsed.ok) throw new Error(`genesis: ${parsed.error.field}: ${parsed.error.fix}`);
  return { genesis: parsed.value, chainId: genesisHash(bytes) };
}

/** The transaction that puts a spare on the chain, endorsed by its owner. */
export function registrationOf(keyring: Keyring, chainId: Digest, node: NodeKeys): Uint8Array {
  const { owner, key, networkKey, address } = node;
  const registration = { owner, key, networkKey, address, bond: 200n };
  const subject = registrationDigest(chainId, registration);
  const statement = { kind: "endorsement", nonce: 1, subject } as const;
  const signature = keyring.sign(key, signingBytes(chainId, statement));
  const by = (signer: PublicKey, role: "network" | "sponsor" | "owner") =>
    keyring.sign(signer, registrationSigningBytes(chainId, role, registration));
  return encodeTransaction({
    kind: "register-spare",
    registration,
    possession: { statement, author: key, signature },
    networkSignature: by(networkKey, "network"),
    sponsorSignature: by(node.sponsorKey, "sponsor"),
    ownerSignature: by(owner, "owner"),
  });
}
