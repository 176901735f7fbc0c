import { sha256, sha256Hex } from "../../src/crypto/sha256.ts";
import { defined } from "../../src/kernel/assert.ts";
import { asciiBytes, concatBytes, equalBytes, fromHex } from "../../src/kernel/bytes.ts";
import {
  type MarginParameters,
  PRODUCTION,
  type RotationParameters,
} from "../../src/kernel/parameters.ts";
import type { Digest, Millis, PublicKey } from "../../src/kernel/scalars.ts";
import {
  type SignatureScheme,
  type SignedStatement,
  type Statement,
  signingBytes,
} from "../../src/kernel/statements.ts";
import { createLedger } from "../../src/ledger/create-ledger.ts";
import { executeBlock } from "../../src/ledger/execute-block.ts";
import { encodeGenesis, genesisHash } from "../../src/ledger/genesis.ts";
import type { Genesis } from "../../src/ledger/genesis-file.ts";
import { PROTOCOLS, type Protocols } from "../../src/ledger/protocol.ts";
import type { LedgerState } from "../../src/ledger/state.ts";
import {
  encodeTransaction,
  marketTermsSigningBytes,
  misconductProof,
  ownerRotationSigningBytes,
  READINESS_NONCE,
  readinessDigest,
  registrationDigest,
  registrationSigningBytes,
  resizeSigningBytes,
  transactionId,
} from "../../src/ledger/transaction.ts";
import type {
  ExecutionResult,
  LedgerEvent,
  ResizeChange,
  SpareRegistration,
  Transaction,
} from "../../src/ledger/types.ts";
import type { MarketAct } from "../../src/margin/types.ts";

type MarketTerms = Extract<Transaction, { kind: "market-terms" }>;
type Resize = Extract<Transaction, { kind: "resize" }>;

/** A keyed hash stands for a signature: what is tested is who may sign what, not the curve. */
export function sign(author: PublicKey, message: Uint8Array): Uint8Array {
  const half = sha256(fromHex(author), message);
  return concatBytes([half, half]);
}

export const scheme: SignatureScheme = {
  verify: (author, message, signature) => equalBytes(sign(author, message), signature),
};

/** A key that nobody but its name has. */
export function keyOf(name: string): PublicKey {
  return sha256Hex(asciiBytes(name));
}

export const GENESIS_MS: Millis = 1_000_000_000_000;

/** Seconds instead of hours, so that a test counts blocks and not thousands of them. */
export const QUICK: RotationParameters = {
  ...PRODUCTION.rotation,
  silenceBlocks: 10,
  silenceMs: 2_000,
  silenceWindowsDespiteHeartbeats: 3,
  fitMs: 1_000,
  fitBlocks: 5,
  newcomerAgeMsMin: 20_000,
  newcomerSpanMs: 200_000,
  jailMs: 5_000,
  unbondingMs: 120_000,
  evidenceMsMax: 60_000,
  slashCorrelationMs: 60_000,
  absenceMsMax: 4_000,
  absenceEveryMs: 20_000,
  secondMisconductWaitMs: 30_000,
  sponsorBondMax: 400n,
  registrationFee: 10n,
};

export interface GenesisOptions {
  /** Owner name of each seat; seat i has the keys of `seat<i>`. */
  readonly owners?: readonly string[];
  readonly powers?: readonly bigint[];
  readonly rotation?: Partial<RotationParameters>;
  readonly margin?: Partial<MarginParameters>;
  readonly dev?: boolean;
  readonly candidates?: "owners" | "open";
  readonly rewardPot?: bigint;
  /** Versions that the binary holds; those of production unless told. */
  readonly protocols?: Protocols;
  readonly activationDelayBlocks?: number;
  readonly keyValue?: { readonly valueBytesMax: number };
}

export function testGenesis(options: GenesisOptions = {}): Genesis {
  const { owners = ["a", "a", "a", "a"], powers = owners.map(() => 100n), dev = true } = options;
  return {
    name: "test",
    dev,
    genesisTimeMs: GENESIS_MS,
    parameters: {
      ...PRODUCTION,
      consensus: {
        ...PRODUCTION.consensus,
        activationDelayBlocks: options.activationDelayBlocks ?? 10,
      },
      rotation: { ...QUICK, ...options.rotation },
      margin: { ...PRODUCTION.margin, ...options.margin },
    },
    candidates: options.candidates ?? "owners",
    rewardPot: options.rewardPot ?? 0n,
    owners: [...new Set(owners)].map((name) => ({
      key: keyOf(`owner ${name}`),
      sponsorKey: keyOf(`sponsor ${name}`),
      treasury: 1_000n,
    })),
    custodians: ["x", "y", "z", "w"].map((name) => keyOf(`custodian ${name}`)),
    seats: owners.map((name, index) => ({
      owner: keyOf(`owner ${name}`),
      key: keyOf(`seat${index}`),
      networkKey: keyOf(`network seat${index}`),
      address: `127.0.0.1:${7_000 + index}`,
      power: defined(powers[index], "power"),
    })),
    margin: {
      markets: [
        {
          id: 0,
          name: "SPX-PERP",
          microUsdPerLotTick: 100n,
          initialMarginPpm: 40_000n,
          maintenanceMarginPpm: 20_000n,
          takerFeePpm: 300n,
          liquidationFeePpm: 5_000n,
          liquidationSharePpm: 250_000n,
          priceBandPpm: 100_000n,
          orderLotsMax: 1_000_000n,
          positionLotsMax: 10_000_000n,
          corruptMovePpm: dev ? 0n : 300_000n,
          fundingIntervalMs: 28_800_000n,
          fundingSampleMs: 60_000n,
          fundingCapPpm: 3_000n,
          fundingImpactNotional: 10_000_000_000n,
        },
      ],
      accounts: [{ account: keyOf("account rich"), balance: 1_000_000n }],
      insuranceFund: 5_000n,
    },
    ...(options.keyValue === undefined ? {} : { keyValue: options.keyValue }),
  };
}

export interface BlockOptions {
  /** Span since the block before; 200 ms unless told. */
  readonly spanMs?: Millis;
  /** Members that vote in the certificate; all of the set unless told. */
  readonly voters?: readonly PublicKey[];
  readonly proposer?: PublicKey;
  readonly signsOfLife?: readonly SignedStatement[];
  readonly transactions?: readonly Transaction[];
  readonly raw?: readonly Uint8Array[];
  readonly lane?: PublicKey;
}

/** A chain of one: executes blocks as consensus would hand them over. */
export class TestChain {
  readonly genesis: Genesis;
  readonly chainId: Digest;
  /** The binary may be exchanged between two blocks. */
  protocols: Protocols;
  state: LedgerState;
  last: ExecutionResult | undefined;
  #round = 0;

  constructor(options: GenesisOptions = {}) {
    this.genesis = testGenesis(options);
    this.protocols = options.protocols ?? PROTOCOLS;
    this.chainId = genesisHash(encodeGenesis(this.genesis));
    this.state = createLedger(this.genesis, this.chainId);
  }

  get keys(): readonly PublicKey[] {
    return this.state.set.members.map(({ key }) => key);
  }

  /** The set's keys without the given ones. */
  without(...absent: readonly PublicKey[]): readonly PublicKey[] {
    return this.keys.filter((key) => !absent.includes(key));
  }

  /** Executes one block; returns the codes of its transactions. */
  block(options: BlockOptions = {}): readonly string[] {
    const voters = options.voters ?? this.keys;
    const proposer =
      options.proposer ?? defined(voters[this.state.height % voters.length], "proposer");
    const bytes = [...(options.transactions ?? []).map(encodeTransaction), ...(options.raw ?? [])];
    const { epoch } = this.state.set;
    this.#round += 1;
    const executed = executeBlock(
      this.state,
      {
        epoch,
        round: this.#round,
        height: this.state.height + 1,
        blockId: sha256Hex(asciiBytes(`block ${this.state.height + 1}`)),
        timestampMs: this.state.timestampMs + (options.spanMs ?? 200),
        proposer,
        voters,
        signsOfLife: options.signsOfLife ?? [],
        transactions: bytes.map((each) => ({ lane: options.lane ?? proposer, bytes: each })),
        ordering: asciiBytes(`order after height ${this.state.height + 1}`),
      },
      scheme,
      this.protocols,
    );
    this.state = executed.state;
    this.last = executed;
    if (this.state.set.epoch !== epoch) this.#round = 0;
    return executed.receipts.map(({ code }) => code);
  }

  /** Blocks until `ms` of block time have passed. */
  run(ms: Millis, options: BlockOptions = {}): void {
    const until = this.state.timestampMs + ms;
    while (this.state.timestampMs < until) this.block(options);
  }

  /** The round that the next block will have. */
  get round(): number {
    return this.#round + 1;
  }

  signed(author: PublicKey, statement: Statement): SignedStatement {
    return { statement, author, signature: sign(author, signingBytes(this.chainId, statement)) };
  }

  /** A heartbeat for the newest executed height. */
  heartbeat(author: PublicKey): SignedStatement {
    const mark = defined(this.state.marks.at(-1), "a block");
    const { epoch, height, stateRoot } = mark;
    return this.signed(author, { kind: "heartbeat", epoch, height, stateRoot });
  }

  registration(name: string, owner: string, bond = 100n): SpareRegistration {
    return {
      owner: keyOf(`owner ${owner}`),
      key: keyOf(name),
      networkKey: keyOf(`network ${name}`),
      address: "127.0.0.1:8000",
      bond,
    };
  }

  /** Registration of the spare `name`, endorsed by its owner unless told. */
  register(
    registration: SpareRegistration,
    options: { sponsor?: PublicKey; owner?: PublicKey | "none" } = {},
  ): Extract<Transaction, { kind: "register-spare" }> {
    const ownerName = defined(
      this.genesis.owners.find(({ key }) => key === registration.owner),
      "owner",
    );
    const subject = registrationDigest(this.chainId, registration);
    const by = (role: "network" | "sponsor" | "owner", key: PublicKey): Uint8Array =>
      sign(key, registrationSigningBytes(this.chainId, role, registration));
    const owner = options.owner ?? registration.owner;
    return {
      kind: "register-spare",
      registration,
      possession: this.signed(registration.key, { kind: "endorsement", nonce: 1, subject }),
      networkSignature: by("network", registration.networkKey),
      sponsorSignature: by("sponsor", options.sponsor ?? ownerName.sponsorKey),
      ownerSignature: owner === "none" ? undefined : by("owner", owner),
    };
  }

  /** A stranger's registration: one key is owner and sponsor, and endorses. */
  registerStranger(
    registration: SpareRegistration,
    options: { sponsor?: PublicKey } = {},
  ): Extract<Transaction, { kind: "register-spare" }> {
    const { owner } = registration;
    const subject = registrationDigest(this.chainId, registration);
    const by = (role: "network" | "sponsor" | "owner", key: PublicKey): Uint8Array =>
      sign(key, registrationSigningBytes(this.chainId, role, registration));
    return {
      kind: "register-spare",
      registration,
      possession: this.signed(registration.key, { kind: "endorsement", nonce: 1, subject }),
      networkSignature: by("network", registration.networkKey),
      sponsorSignature: by("sponsor", options.sponsor ?? owner),
      ownerSignature: by("owner", owner),
    };
  }

  /** Registers and attests: the spare is fit. */
  addSpare(
    name: string,
    owner: string,
    options: { endorsed?: boolean; bond?: bigint } = {},
  ): PublicKey {
    const registration = this.registration(name, owner, options.bond);
    const endorsement = options.endorsed === false ? { owner: "none" as const } : {};
    const codes = this.block({ transactions: [this.register(registration, endorsement)] });
    if (codes[0] !== "OK") throw new Error(`spare ${name}: ${codes[0]}`);
    this.block({ signsOfLife: [this.heartbeat(registration.key)] });
    return registration.key;
  }

  silenceRecord(member: PublicKey, setHash = this.state.setHash): Transaction {
    return { kind: "silence-record", member, setHash };
  }

  /** The member says at this height which version its binary holds. */
  readiness(
    member: PublicKey,
    version: number,
    height = this.state.height,
  ): Extract<Transaction, { kind: "readiness" }> {
    const subject = readinessDigest(this.chainId, version);
    const nonce = READINESS_NONCE + height;
    const endorsement = this.signed(member, { kind: "endorsement", nonce, subject });
    return { kind: "readiness", version, endorsement };
  }

  ownerRotation(member: PublicKey, signer: PublicKey, nonce = 1): Transaction {
    const fields = {
      kind: "owner-rotation" as const,
      member,
      setHash: this.state.setHash,
      nonce,
    };
    return { ...fields, signature: sign(signer, ownerRotationSigningBytes(this.chainId, fields)) };
  }

  /** A change by one seat, signed for the present set by the owners of these names. */
  resize(change: ResizeChange, owners: readonly string[], setHash = this.state.setHash): Resize {
    const fields = { kind: "resize" as const, setHash, change };
    const message = resizeSigningBytes(this.chainId, fields);
    const authors = owners.map((name) => keyOf(`owner ${name}`)).toSorted();
    const signatures = authors.map((author) => ({ author, signature: sign(author, message) }));
    return { ...fields, signatures };
  }

  /** A decision about market 0, signed by the owners of these names. */
  marketTerms(
    act: MarketAct,
    owners: readonly string[],
    more: { readonly market?: number; readonly nonce?: number; readonly untilMs?: Millis } = {},
  ): MarketTerms {
    const untilMs = this.state.timestampMs + 60_000;
    const kind = "market-terms" as const;
    const fields = { kind, market: 0, nonce: 1, untilMs, ...more, act };
    const message = marketTermsSigningBytes(this.chainId, fields);
    const authors = owners.map((name) => keyOf(`owner ${name}`)).toSorted();
    const signatures = authors.map((author) => ({ author, signature: sign(author, message) }));
    return { ...fields, signatures };
  }

  /** Two votes of one round. */
  doubleVote(author: PublicKey, epoch = this.state.set.epoch, round = 3): SignedStatement[] {
    return ["11", "22"].map((digit) =>
      this.signed(author, { kind: "vote", epoch, round, blockId: digit.repeat(32), qcRound: 2 }),
    );
  }

  /** Runs until `key` is silent, with every given spare attesting in each block. */
  silence(key: PublicKey, spares: readonly PublicKey[]): void {
    const voters = this.without(key);
    for (let count = 0; count < 11; count += 1) {
      this.block({ voters, signsOfLife: spares.map((spare) => this.heartbeat(spare)) });
    }
  }

  /** Proof of two votes in one round of the current epoch. */
  proofAgainst(key: PublicKey, round = 3): Transaction {
    const [first, second] = this.doubleVote(key, this.state.set.epoch, round);
    return misconductProof(this.chainId, defined(first, "vote"), defined(second, "vote"));
  }

  events<K extends LedgerEvent["kind"]>(kind: K): readonly Extract<LedgerEvent, { kind: K }>[] {
    const events = this.last?.events ?? [];
    return events.filter((event) => event.kind === kind) as Extract<LedgerEvent, { kind: K }>[];
  }

  id(transaction: Transaction): Digest {
    return transactionId(encodeTransaction(transaction));
  }
}
