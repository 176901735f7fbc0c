import { encodeBatch, encodeBlock } from "@quorate/node/consensus/codec";
import { publicKeyOf, signEd25519 } from "@quorate/node/crypto/ed25519";
import { sha256, sha256Hex } from "@quorate/node/crypto/sha256";
import { asciiBytes } from "@quorate/node/kernel/bytes";
import type { EpochProof, ResultCertificate } from "@quorate/node/kernel/certificates";
import { listProof, listRangeProof, listRoot, listTree } from "@quorate/node/kernel/merkle";
import { PRODUCTION } from "@quorate/node/kernel/parameters";
import { type Digest, type PublicKey, ZERO_DIGEST } from "@quorate/node/kernel/scalars";
import { type AttestedResult, signingBytes } from "@quorate/node/kernel/statements";
import {
  type ValidatorSet,
  validatorSet,
  validatorSetHash,
} from "@quorate/node/kernel/validator-set";
import { createLedger } from "@quorate/node/ledger/create-ledger";
import { encodeGenesis, genesisHash } from "@quorate/node/ledger/genesis";
import type { Genesis } from "@quorate/node/ledger/genesis-file";
import { encodeEventLeaf, encodeReceiptLeaf } from "@quorate/node/ledger/receipt";
import type { Spare } from "@quorate/node/ledger/state";
import { proveTree, type StateTree, treeRoot, updateTree } from "@quorate/node/ledger/state-tree";
import { transactionId } from "@quorate/node/ledger/transaction";
import type { Receipt } from "@quorate/node/ledger/types";
import type { ClaimedBlock, ClaimedReceipt, ClaimedRun, ClaimedState } from "../src/query-node.ts";

/** A key of the test: the same label gives the same key. */
export function testSeed(label: string): Uint8Array {
  return sha256(asciiBytes(`quorate/test/${label}`));
}

export function testKey(label: string): PublicKey {
  return publicKeyOf(testSeed(label));
}

/** Two heavy members and five light ones: five of seven signers can be far from a quorum. */
export const POWERS = [30n, 30n, 8n, 8n, 8n, 8n, 8n] as const;
export const GENESIS_TIME_MS = 1_700_000_000_000;

export function testMember(label: string, power: bigint) {
  return {
    key: testKey(`consensus ${label}`),
    networkKey: testKey(`network ${label}`),
    address: "127.0.0.1:7001",
    owner: testKey(`owner ${label}`),
    power: power * 1_000_000n,
    muted: false,
  };
}

export function testGenesis(name: string): Genesis {
  const labels = POWERS.map((_, at) => String(at));
  return {
    name,
    dev: true,
    genesisTimeMs: GENESIS_TIME_MS,
    parameters: PRODUCTION,
    candidates: "owners",
    rewardPot: 0n,
    owners: labels.map((label) => ({
      key: testKey(`owner ${label}`),
      sponsorKey: testKey(`sponsor ${label}`),
      treasury: 1_000_000_000n,
    })),
    custodians: [],
    seats: POWERS.map((power, at) => {
      const { muted: _, ...seat } = testMember(String(at), power);
      return seat;
    }),
    margin: {
      markets: [
        {
          id: 0,
          name: "SPX-PERP",
          microUsdPerLotTick: 10_000n,
          initialMarginPpm: 40_000n,
          maintenanceMarginPpm: 20_000n,
          takerFeePpm: 100n,
          liquidationFeePpm: 1_000n,
          liquidationSharePpm: 250_000n,
          priceBandPpm: 50_000n,
          orderLotsMax: 1_000_000n,
          positionLotsMax: 10_000_000n,
          corruptMovePpm: 0n,
          fundingIntervalMs: 28_800_000n,
          fundingSampleMs: 60_000n,
          fundingCapPpm: 3_000n,
          fundingImpactNotional: 10_000_000_000n,
        },
      ],
      accounts: [{ account: testKey("account"), balance: 1_000_000_000n }],
      insuranceFund: 5_000_000n,
    },
  };
}

/** A chain in one process, without consensus: it certifies whatever a test wants certified. */
export class FakeChain {
  readonly genesisBytes: Uint8Array;
  readonly chainId: Digest;
  /** Labels of the members that sign, by consensus key. */
  readonly #seeds = new Map<PublicKey, Uint8Array>();
  readonly receipts = new Map<Digest, ClaimedReceipt>();
  readonly epochProofs: EpochProof[] = [];
  /** Keys that nodes name as spares. */
  readonly spares: PublicKey[] = [];
  tree: StateTree;
  set: ValidatorSet;
  height = 0;
  newest: ResultCertificate;
  /** Leaves of the newest block. */
  leaves: readonly Uint8Array[] = [];
  readonly blocks: ClaimedBlock[] = [];
  /** What receipts of the transactions to come say. */
  receipt: Partial<Receipt> = {};

  /** With a chain id of its own it starts from an empty state: nothing hangs on the genesis. */
  constructor(name = "test", chainId?: Digest) {
    const genesis = testGenesis(name);
    this.genesisBytes = encodeGenesis(genesis);
    this.chainId = chainId ?? genesisHash(this.genesisBytes);
    const members = POWERS.map((power, at) => this.member(String(at), power));
    this.set = validatorSet(1, members);
    this.tree = chainId === undefined ? createLedger(genesis, this.chainId).tree : undefined;
    this.newest = this.commit();
  }

  member(label: string, power: bigint) {
    const member = testMember(label, power);
    this.#seeds.set(member.key, testSeed(`consensus ${label}`));
    return member;
  }

  /** Signed by all members of the set, or by those given. */
  certificate(result: AttestedResult, signers?: readonly PublicKey[]): ResultCertificate {
    const message = signingBytes(this.chainId, { kind: "attestation", result });
    const authors = (signers ?? this.set.members.map(({ key }) => key)).toSorted();
    const signatures = authors.map((author) => {
      const seed = this.#seeds.get(author);
      if (seed === undefined) throw new Error(`no seed for ${author}`);
      return { author, signature: signEd25519(seed, message) };
    });
    return { result, signatures };
  }

  result(leaves: readonly Uint8Array[] = [], overrides: Partial<AttestedResult> = {}) {
    return {
      epoch: this.set.epoch,
      height: this.height,
      blockId: sha256Hex(this.blocks.at(-1)?.block ?? asciiBytes("genesis")),
      timestampMs: GENESIS_TIME_MS + this.height * 250,
      stateRoot: treeRoot(this.tree),
      receiptsRoot: listRoot(leaves),
      nextSetHash: ZERO_DIGEST,
      ...overrides,
    };
  }

  /** One more block, with these leaves and transactions. */
  commit(
    leaves: readonly Uint8Array[] = [],
    transactions: readonly Uint8Array[] = [],
    overrides: Partial<AttestedResult> = {},
  ): ResultCertificate {
    this.height += 1;
    this.leaves = leaves;
    const { block, batches } = this.#block(transactions);
    const at = this.blocks.push({ height: this.height, block, batches, certificate: undefined });
    this.newest = this.certificate(this.result(leaves, overrides));
    // As on the real chain, not every height has a certificate.
    const certificate = this.height % 3 === 0 ? this.newest : undefined;
    this.blocks[at - 1] = { height: this.height, block, batches, certificate };
    return this.newest;
  }

  #block(transactions: readonly Uint8Array[]) {
    const parent = this.blocks.at(-1)?.block ?? asciiBytes("genesis");
    const author = this.set.members[0]?.key ?? ZERO_DIGEST;
    const sequence = this.height;
    const batch = encodeBatch({ author, sequence, previous: ZERO_DIGEST, transactions });
    const batches = transactions.length === 0 ? [] : [batch];
    const { epoch } = this.set;
    const block = encodeBlock({
      epoch,
      round: this.height,
      height: this.height,
      proposer: author,
      timestampMs: GENESIS_TIME_MS + this.height * 250,
      qc: { epoch, round: this.height - 1, blockId: sha256Hex(parent), qcRound: 0, signatures: [] },
      tc: undefined,
      cut: batches.map((bytes) => ({ author, sequence, digest: sha256Hex(bytes) })),
      signsOfLife: [],
    });
    return { block, batches };
  }

  put(key: string, value: Uint8Array | undefined): void {
    this.tree = updateTree(this.tree, [{ key, value }]);
    this.commit();
  }

  /** Executes once: the same bytes again get the same receipt. */
  execute(transaction: Uint8Array, receipt: Partial<Receipt> = this.receipt): ClaimedReceipt {
    const id = transactionId(transaction);
    const before = this.receipts.get(id);
    if (before !== undefined) return before;
    const whole = { ...okReceipt(id), ...receipt };
    const leaf = encodeReceiptLeaf(whole);
    const leaves = [leaf, eventLeaf()];
    const certificate = this.commit(leaves, [transaction]);
    const advice = { fix: whole.fix, outcomeFixes: whole.outcomes.map(({ fix }) => fix) };
    const claimed = { advice, leaf, proof: listProof(leaves, 0), certificate };
    this.receipts.set(id, claimed);
    return claimed;
  }

  /** All in one block, as one run of its receipts; between others' leaves. */
  executeAll(transactions: readonly Uint8Array[], numbers: readonly number[]): ClaimedRun {
    const receipts = transactions.map((bytes) => ({
      ...okReceipt(transactionId(bytes)),
      ...this.receipt,
    }));
    const own = receipts.map(encodeReceiptLeaf);
    const leaves = [eventLeaf(), ...own, eventLeaf()];
    const certificate = this.commit(leaves, transactions);
    const proof = listRangeProof(listTree(leaves), 1, 1 + own.length);
    const advice = new Map(
      receipts.map(({ fix }, at) => [numbers[at] ?? 0, { fix, outcomeFixes: [] }] as const),
    );
    return { certificate, numbers, leaves: own, proof, advice };
  }

  /** The id of a transaction, which is executed. */
  executed(transaction: Uint8Array): { readonly transaction: Digest } {
    this.execute(transaction);
    return { transaction: transactionId(transaction) };
  }

  spare(label: string): Spare {
    const { key, networkKey, address, owner } = testMember(label, 8n);
    const candidate = {
      key,
      networkKey,
      address,
      owner,
      bond: 8_000_000n,
      registeredAt: 1,
      sponsored: 0n,
    };
    this.spares.push(key);
    return { ...candidate, order: 1, registeredMs: GENESIS_TIME_MS, endorsed: true, attested: 0 };
  }

  state(key: string): ClaimedState {
    return { ...proveTree(this.tree, key), certificate: this.newest };
  }

  /** The last member leaves, a newcomer takes its seat and power. */
  handOver(newcomer: string): EpochProof {
    const [leaver, ...others] = this.set.members;
    if (leaver === undefined) throw new Error("no members");
    const member = this.member(newcomer, leaver.power / 1_000_000n);
    const nextSet = validatorSet(this.set.epoch + 1, [...others, member]);
    const certificate = this.commit([], [], { nextSetHash: validatorSetHash(nextSet) });
    const proof = { certificate, nextSet };
    this.epochProofs.push(proof);
    this.set = nextSet;
    this.commit();
    return proof;
  }
}

export function eventLeaf(): Uint8Array {
  return encodeEventLeaf({ kind: "jailed", key: testKey("jailed"), untilMs: 1 });
}

export function okReceipt(id: Digest): Receipt {
  return { transaction: id, code: "OK", field: "", fix: "", outcomes: [] };
}
