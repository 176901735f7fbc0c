import { defined } from "../../src/kernel/assert.ts";
import type { PublicKey } from "../../src/kernel/scalars.ts";
import {
  approveSwapSigningBytes,
  bundleSigningBytes,
  exitSigningBytes,
  returnSigningBytes,
} from "../../src/ledger/transaction.ts";
import type { Transaction } from "../../src/ledger/types.ts";
import { keyOf, sign, TestChain } from "./test-chain.ts";

/** One block of the model. */
const BLOCK_MS = 500;
/** A height of the model at which nothing has happened yet. */
const NEVER = -1_000;
/** Owners by number; of genesis, but for the last one. */
const OWNER_NAMES = ["a", "b", "c", "d", "e", "f"];
/** Owner of each seat of genesis, in order of keys. */
const OWNER_OF_SEAT = [0, 0, 1, 2, 3, 4, 5];
const STRANGER = keyOf("account rich");

/** The model compares keys as numbers: names whose keys are in order. */
const SEAT_NAMES = OWNER_OF_SEAT.map((_, index) => `seat${index}`).toSorted(byKey);
const SPARE_NAMES = Array.from({ length: 2_000 }, (_, index) => `spare${index}`)
  .filter((name) => byKey(name, defined(SEAT_NAMES.at(-1), "seats")) > 0)
  .toSorted(byKey);
const NAMES = [...SEAT_NAMES, ...SPARE_NAMES].slice(0, 16);
const KEYS = NAMES.map(keyOf);
const OWNERS = [...OWNER_NAMES.map((name) => keyOf(`owner ${name}`)), STRANGER];

function byKey(one: string, two: string): number {
  return keyOf(one) < keyOf(two) ? -1 : 1;
}

/** What a step of the model puts into its block. */
export interface Step {
  readonly action: string;
  readonly key: number;
  readonly owner: number;
  readonly isEndorsed: boolean;
  readonly paused: ReadonlySet<number>;
  readonly proposer: number;
}

/** Real blocks of the real ledger, in the words of node/spec/quint/swaps.qnt. */
export class SwapDriver {
  readonly #chain: TestChain;
  readonly #baseMs: number;
  readonly #baseHeight: number;
  #nonce = 0;

  constructor() {
    const owners = Array.from(OWNER_OF_SEAT, (_, index) => {
      const rank = SEAT_NAMES.indexOf(`seat${index}`);
      return defined(OWNER_NAMES[defined(OWNER_OF_SEAT[rank], "rank")], "owner");
    });
    this.#chain = new TestChain({
      owners,
      candidates: "open",
      rotation: {
        silenceBlocks: 4,
        silenceMs: 4 * BLOCK_MS,
        coolDownWindows: 2,
        fitMs: 400,
        fitBlocks: 1,
        newcomerAgeMsMin: 6 * BLOCK_MS,
        newcomerSpanMs: 60 * BLOCK_MS,
        jailMs: 6 * BLOCK_MS,
        secondMisconductWaitMs: 16 * BLOCK_MS,
        unbondingMs: 10_000_000,
        sponsorBondMax: 10_000n,
      },
    });
    this.#stake();
    this.#baseMs = this.#chain.state.clockMs;
    this.#baseHeight = this.#chain.state.height;
  }

  /** The stranger's account becomes an owner. */
  #stake(): void {
    const actions = [{ kind: "stake" as const, owner: STRANGER, amount: 5_000n }];
    const fields = { kind: "bundle" as const, account: STRANGER, nonce: 1, actions };
    const signature = sign(STRANGER, bundleSigningBytes(this.#chain.chainId, fields));
    const transactions = [{ ...fields, signature }];
    this.#chain.block({ spanMs: BLOCK_MS, transactions });
    defined(this.#chain.state.owners.get(STRANGER), "the stranger's treasury");
  }

  block(step: Step): readonly string[] {
    const chain = this.#chain;
    const paused = [...step.paused].map((key) => defined(KEYS[key], "key"));
    const beats = [...chain.state.spares.keys()].filter((key) => !paused.includes(key));
    const transaction = this.#transaction(step);
    return chain.block({
      spanMs: BLOCK_MS,
      voters: chain.without(...paused),
      proposer: defined(KEYS[step.proposer], "proposer"),
      signsOfLife: beats.map((key) => chain.heartbeat(key)),
      transactions: transaction === undefined ? [] : [transaction],
    });
  }

  #transaction({ action, key: number, owner, isEndorsed }: Step): Transaction | undefined {
    const chain = this.#chain;
    if (number === -1) return undefined;
    const key = defined(KEYS[number], "key");
    switch (action) {
      case "recordSilence":
        return chain.silenceRecord(key);
      case "prove":
        return chain.proofAgainst(key);
      case "rotateSeat":
        return chain.ownerRotation(key, this.#ownerOf(key), this.#nextNonce());
      case "approveSwap": {
        const signer = defined(OWNERS[owner], "owner");
        const signature = sign(signer, approveSwapSigningBytes(chain.chainId, key));
        return { kind: "approve-swap", member: key, signer, signature };
      }
      case "registerSpare":
        return this.#registration(number, defined(OWNERS[owner], "owner"), isEndorsed);
      case "returnSpare": {
        const fields = { kind: "return-spare" as const, key, nonce: this.#nextNonce() };
        const bytes = returnSigningBytes(chain.chainId, fields);
        return { ...fields, signature: sign(this.#ownerOf(key), bytes) };
      }
      case "exitSpare": {
        const fields = { kind: "exit-spare" as const, key, nonce: this.#nextNonce() };
        const bytes = exitSigningBytes(chain.chainId, fields);
        return { ...fields, signature: sign(this.#ownerOf(key), bytes) };
      }
      default:
        return undefined;
    }
  }

  #nextNonce(): number {
    this.#nonce += 1;
    return this.#nonce;
  }

  #registration(number: number, owner: PublicKey, isEndorsed: boolean): Transaction {
    const chain = this.#chain;
    const name = defined(NAMES[number], "name");
    const registration = { ...chain.registration(name, "a"), owner };
    if (owner !== STRANGER)
      return chain.register(registration, isEndorsed ? {} : { owner: "none" });
    const endorsed = chain.registerStranger(registration);
    return isEndorsed ? endorsed : { ...endorsed, ownerSignature: undefined };
  }

  #ownerOf(key: PublicKey): PublicKey {
    const { seats, spares, jailed } = this.#chain.state;
    const place = seats.get(key) ?? spares.get(key) ?? jailed.get(key);
    return place?.owner ?? defined(OWNERS[0], "owner");
  }

  /** The state in the model's words. */
  view() {
    const { state } = this.#chain;
    const [change] = this.#chain.events("swap");
    const swap = change?.swap;
    return {
      height: state.height - this.#baseHeight,
      epoch: state.set.epoch,
      seats: this.#byNumber(state.seats, (seat) => ({
        ...this.#standing(seat),
        ...this.#life(seat),
      })),
      members: new Map(
        state.set.members.map(({ key, owner }) => [KEYS.indexOf(key), OWNERS.indexOf(owner)]),
      ),
      spares: this.#byNumber(state.spares, ({ owner, endorsed, order, registeredMs }) => ({
        owner: OWNERS.indexOf(owner),
        endorsed,
        order,
        since: this.#at(registeredMs),
      })),
      jailed: this.#byNumber(state.jailed, ({ owner, untilMs }) => ({
        owner: OWNERS.indexOf(owner),
        until: this.#at(untilMs),
      })),
      unbonding: this.#byNumber(state.unbonding, ({ owner }) => OWNERS.indexOf(owner)),
      tombstones: new Set([...state.tombstones.keys()].map((key) => KEYS.indexOf(key))),
      condemned: this.#byNumber(state.condemned, ({ sinceMs, needsApproval, approvals }) => ({
        since: this.#at(sinceMs),
        mustWait: needsApproval,
        approvals: new Set(approvals.map((owner) => OWNERS.indexOf(owner))),
      })),
      known: new Set([...state.knownKeys.keys()].map((key) => KEYS.indexOf(key))),
      registrations: state.registrations,
      lastSilence: this.#at(state.lastSilenceSwapMs),
      lastProof: this.#at(state.lastMisconductMs),
      change: {
        cause: swap?.cause ?? "none",
        leaver: swap?.leaver === undefined ? -1 : KEYS.indexOf(swap.leaver),
        newcomer: swap?.newcomer === undefined ? -1 : KEYS.indexOf(swap.newcomer),
      },
    };
  }

  #standing(seat: ReturnType<TestChain["state"]["seats"]["get"]> & object) {
    const { owner, endorsed, muted, mutes, mutedAtMs, seatedAtMs } = seat;
    return {
      owner: OWNERS.indexOf(owner),
      endorsed,
      seatedAt: Math.max(0, this.#at(seatedAtMs)),
      muted,
      mutes,
      mutedAt: mutes === 0 ? NEVER : this.#at(mutedAtMs),
    };
  }

  #life({ key }: { readonly key: PublicKey }) {
    const { liveness, proposedAt } = this.#chain.state;
    const { votedHeight, votingSinceMs } = defined(liveness.get(key), "the count of a seat");
    return {
      voted: votedHeight - this.#baseHeight,
      votingSince: votingSinceMs === undefined ? -1 : this.#at(votingSinceMs),
      proposed: Math.max(0, (proposedAt.get(key) ?? 0) - this.#baseHeight),
    };
  }

  #at(ms: number | undefined): number {
    return ms === undefined ? NEVER : (ms - this.#baseMs) / BLOCK_MS;
  }

  #byNumber<V, R>(map: ReadonlyMap<PublicKey, V>, words: (value: V) => R): Map<number, R> {
    return new Map([...map].map(([key, value]) => [KEYS.indexOf(key), words(value)]));
  }
}
