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
import type { Transaction } from "../../src/ledger/types.ts";
import type { Plan } from "./plan.ts";
import type { Keyring } from "./schemes.ts";

export const START_MS = 1_700_000_000_000;
/** RATE in seconds of a run: unendorsed newcomers of the whole run count together. */
const NEWCOMER_SPAN_MS = 120_000;

export interface NodeKeys {
  readonly name: string;
  readonly key: PublicKey;
  readonly networkKey: PublicKey;
  readonly owner: PublicKey;
  readonly sponsorKey: PublicKey;
  readonly address: string;
}

/** Rotation in seconds, so that a minute sees silence, swaps and what follows. */
export function simParameters(plan: Plan): Parameters {
  return {
    consensus: {
      ...PRODUCTION.consensus,
      emptyBlockPaceMs: plan.emptyBlockPaceMs,
      roundTimeoutMsMax: 1_000,
      activationDelayBlocks: 20,
    },
    rotation: {
      ...PRODUCTION.rotation,
      silenceBlocks: 6,
      silenceMs: plan.silenceMs,
      selfHealAfterWindows: 1,
      coolDownWindows: 2,
      newcomerAgeMsMin: 1_000,
      newcomerSpanMs: NEWCOMER_SPAN_MS,
      jailMs: 5_000,
      fitMs: 5_000,
      evidenceMsMax: 20_000,
      unbondingMs: 25_000,
      absenceMsMax: 8_000,
      absenceEveryMs: 15_000,
      secondMisconductWaitMs: 8_000,
    },
    margin: {
      ...PRODUCTION.margin,
      oracleSlotMs: plan.oracleSlotMs,
      callDeadlineMs: 4_000,
      resumeGraceMs: 1_000,
      gainLockMs: 500,
      // As open interest below: what bonds of a few micro-USD let out is nothing.
      withdrawalMinimum: 10n ** 15n,
    },
  };
}

export function nodeKeys(keyring: Keyring, plan: Plan): readonly NodeKeys[] {
  const honest = plan.members + plan.spares;
  return Array.from({ length: honest + (plan.thief?.spares ?? 0) }, (_, index) => {
    const isSpare = index >= plan.members;
    const isStolen = index >= honest;
    const own = isSpare ? `s${index - plan.members}` : `v${index}`;
    const name = isStolen ? `t${index - honest}` : own;
    // The thief has the sponsor key of the first owner.
    const owner = isStolen ? 0 : index % plan.owners;
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
    rewardPot: 0n,
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
          positionLotsMax: 10_000n,
          // Its bonds are a few micro-USD: any cap made of them would stop the market.
          corruptMovePpm: 0n,
          fundingIntervalMs: 4_000n,
          fundingSampleMs: 500n,
          fundingCapPpm: 5_000n,
          fundingImpactNotional: 100_000n,
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

export interface Registering {
  readonly owner: PublicKey;
  readonly sponsorKey: PublicKey;
  readonly key: PublicKey;
  readonly networkKey: PublicKey;
  readonly address: string;
  readonly bond: bigint;
}

/**
 * The transaction that puts a spare on the chain; endorsed by its owner unless a thief sends it.
 */
export function registrationOf(
  keyring: Keyring,
  chainId: Digest,
  node: NodeKeys,
  isEndorsed: boolean,
): Uint8Array {
  return encodeTransaction(register(keyring, chainId, { ...node, bond: 200n }, isEndorsed));
}

/** A registration of keys that are made from a label, with some fields otherwise. */
export function registrationWith(
  keyring: Keyring,
  chainId: Digest,
  { label, ...fields }: { readonly label: string } & Partial<Registering>,
): Transaction {
  const node = {
    owner: keyring.key("owner0"),
    sponsorKey: keyring.key("owner0/sponsor"),
    key: keyring.key(label),
    networkKey: keyring.key(`${label}/network`),
    address: "127.0.9.9:7000",
    bond: 200n,
    ...fields,
  };
  return register(keyring, chainId, node, true);
}

function register(
  keyring: Keyring,
  chainId: Digest,
  { sponsorKey, ...registration }: Registering,
  isEndorsed: boolean,
): Transaction {
  const { owner, key, networkKey, address, bond } = registration;
  const subject = registrationDigest(chainId, { owner, key, networkKey, address, bond });
  const statement = { kind: "endorsement", nonce: 1, subject } as const;
  const signature = keyring.sign(key, signingBytes(chainId, statement));
  const named = { owner, key, networkKey, address, bond };
  const by = (signer: PublicKey, role: "network" | "sponsor" | "owner") =>
    keyring.sign(signer, registrationSigningBytes(chainId, role, named));
  return {
    kind: "register-spare",
    registration: named,
    possession: { statement, author: key, signature },
    networkSignature: by(networkKey, "network"),
    sponsorSignature: by(sponsorKey, "sponsor"),
    ownerSignature: isEndorsed ? by(owner, "owner") : undefined,
  };
}
