import { ed25519 } from "@quorate/node/crypto/ed25519";
import { sha256Hex } from "@quorate/node/crypto/sha256";
import { asciiBytes, toHex } from "@quorate/node/kernel/bytes";
import { honestPowerMin } from "@quorate/node/kernel/threshold";
import {
  faultyPower,
  findMember,
  hasQuorum,
  powerOf,
  totalPower,
  type ValidatorSet,
  validatorSet,
  validatorSetHash,
} from "@quorate/node/kernel/validator-set";
import { genesisSet } from "@quorate/node/ledger/genesis";
import type { Genesis } from "@quorate/node/ledger/genesis-file";
import { encodeSet } from "@quorate/node/ledger/leaves";
import { freshLiveness, type Liveness } from "@quorate/node/ledger/state";
import {
  decodeTransaction,
  ownerRotationSigningBytes,
  transactionId,
} from "@quorate/node/ledger/transaction";
import type { SwapRecord } from "@quorate/node/ledger/types";
import type { VerifiedProof } from "../../src/observe/observation.ts";
import {
  type ChainSight,
  type Kind,
  type Pending,
  PROOF,
  proofBytes,
  type Receipt,
  type SpareEntry,
} from "./chain-records.ts";
import type { Counts } from "./counts.ts";

/** Views of so many last blocks are kept: what a node that lags behind would show. */
const VIEWS_KEPT = 8;

/**
 * The rules of the chain that an operator meets: it judges silence and proofs itself, picks the
 * newcomer, limits the rate, heals without anybody, and commits only with a quorum. Who lives is
 * the simulator's truth.
 */
export class FakeChain {
  readonly id: string;
  readonly genesis: Genesis;
  readonly counts: Counts;
  height = 0;
  clockMs: number;
  timeMs: number;
  set: ValidatorSet;
  setHash: string;
  readonly spares = new Map<string, SpareEntry>();
  readonly known = new Set<string>();
  readonly swaps: SwapRecord[] = [];
  readonly tombstones = new Set<string>();
  readonly proofs: VerifiedProof[] = [];
  /** Registrations are refused: the sponsor has placed all it may. */
  registrationsRefused = false;
  readonly #liveness = new Map<string, Liveness>();
  readonly #proposed = new Map<string, number>();
  readonly #condemned = new Map<string, { readonly sinceMs: number; readonly waits: boolean }>();
  readonly #nonces = new Set<string>();
  readonly #receipts = new Map<string, Receipt>();
  readonly #views: ChainSight[] = [];
  #pool: Pending[] = [];
  #lastSilenceMs: number | undefined;
  #lastMisconductMs: number | undefined;
  #registrations = 0;
  onSwap: (swap: SwapRecord, by: string) => void = () => undefined;

  constructor(id: string, genesis: Genesis, counts: Counts) {
    this.id = id;
    this.genesis = genesis;
    this.counts = counts;
    this.clockMs = genesis.genesisTimeMs;
    this.timeMs = genesis.genesisTimeMs;
    this.set = genesisSet(genesis);
    this.setHash = validatorSetHash(this.set);
    for (const { key } of this.set.members) {
      this.known.add(key);
      this.#liveness.set(key, freshLiveness(0, this.clockMs, 0));
    }
  }

  /** One block, where those who live make a quorum. */
  step(nowMs: number, live: ReadonlySet<string>): void {
    const voters = this.set.members.filter(({ key }) => live.has(key)).map(({ key }) => key);
    if (!hasQuorum(this.set, voters)) return;
    const { blockTimeCreditMsMax, commitGapMs } = this.#rules;
    const gapMs = Math.max(0, nowMs - this.timeMs);
    this.height += 1;
    this.timeMs = nowMs;
    this.clockMs += Math.min(gapMs, blockTimeCreditMsMax);
    if (gapMs > commitGapMs) this.#restartCounts();
    for (const key of voters) this.#vote(key);
    const leaders = voters.filter((key) => findMember(this.set, key)?.muted !== true);
    const proposer = leaders[this.height % Math.max(1, leaders.length)];
    if (proposer !== undefined) this.#proposed.set(proposer, this.height);
    for (const spare of this.spares.values()) if (live.has(spare.key)) spare.attested = this.height;
    this.#execute();
    this.#heal();
    this.#unmute();
    this.#views.push(this.#view());
    if (this.#views.length > VIEWS_KEPT) this.#views.shift();
  }

  /** What a node shows that is so many blocks behind. */
  view(behind = 0): ChainSight {
    const at = Math.max(0, this.#views.length - 1 - behind);
    return this.#views[at] ?? this.#view();
  }

  submit(bytes: Uint8Array, by: string): Promise<Receipt> {
    const known = this.#receipts.get(transactionId(bytes));
    // Bytes that were refused may come again; what was done stays done.
    if (known?.code === "OK") return Promise.resolve(known);
    return new Promise((done) => this.#pool.push({ bytes, by, done }));
  }

  /** Two signatures of one key exist; nodes hold them. */
  condemn(key: string): void {
    if (this.proofs.some(({ accused }) => accused === key)) return;
    this.proofs.push({ accused: key, evidence: "E2", transaction: proofBytes(key) });
  }

  isSilent(key: string): boolean {
    const count = this.#liveness.get(key);
    if (count === undefined) return false;
    const { silenceBlocks, silenceMs } = this.#rules;
    const proposers = [...this.#proposed]
      .filter(([proposer, at]) => proposer !== key && at > count.sinceHeight)
      .map(([proposer]) => proposer);
    const enough = powerOf(this.set, proposers) >= honestPowerMin(totalPower(this.set));
    const blocks = this.height - count.sinceHeight;
    return blocks >= silenceBlocks && this.clockMs - count.sinceMs >= silenceMs && enough;
  }

  /** Spares are fit and none of them may take this seat: its owner has none (rule SEAT). */
  isStuck(key: string): boolean {
    const fit = [...this.spares.values()].some((spare) => this.#isFit(spare));
    return fit && this.#pick(key, "misconduct") === undefined;
  }

  get #rules() {
    return this.genesis.parameters.rotation;
  }

  #restartCounts(): void {
    for (const [key, count] of this.#liveness) {
      const fresh = freshLiveness(this.height, this.clockMs, 0);
      this.#liveness.set(key, { ...fresh, votingSinceMs: count.votingSinceMs });
    }
  }

  #vote(key: string): void {
    const count = this.#liveness.get(key) ?? freshLiveness(this.height, this.clockMs, 0);
    const paused = this.clockMs - count.votedMs > 1_000;
    this.#liveness.set(key, {
      ...count,
      sinceHeight: this.height,
      sinceMs: this.clockMs,
      votedHeight: this.height,
      votedMs: this.clockMs,
      votingSinceMs: paused ? this.clockMs : (count.votingSinceMs ?? this.clockMs),
    });
  }

  #execute(): void {
    const pool = this.#pool;
    this.#pool = [];
    for (const { bytes, by, done } of pool) {
      const code = this.#apply(bytes, by);
      this.counts.add(`chain: ${code}`);
      const receipt = { code, height: this.height };
      this.#receipts.set(transactionId(bytes), receipt);
      done(receipt);
    }
  }

  #apply(bytes: Uint8Array, by: string): string {
    const text = Buffer.from(bytes).toString("latin1");
    if (text.startsWith(PROOF)) return this.#misconduct(text.slice(PROOF.length), bytes, by);
    const decoded = decodeTransaction(bytes);
    if (!decoded.ok) return decoded.error.code;
    const transaction = decoded.value;
    switch (transaction.kind) {
      case "silence-record":
        return this.#silence(transaction, bytes, by);
      case "owner-rotation":
        return this.#owner(transaction, bytes, by);
      case "register-spare":
        return this.#register(transaction);
      default:
        return "NOT_SIMULATED";
    }
  }

  #silence({ member, setHash }: Kind<"silence-record">, bytes: Uint8Array, by: string): string {
    if (setHash !== this.setHash) return "SET_CHANGED";
    if (findMember(this.set, member) === undefined) return "NOT_A_MEMBER";
    if (!this.isSilent(member)) return "NOT_SILENT";
    if (this.#coolDownMs() > 0) return "COOL_DOWN";
    const code = this.#swap(member, "silence", { bytes, by });
    if (code === "OK") this.#lastSilenceMs = this.clockMs;
    if (code !== "NO_FIT_SPARE") return code;
    const seat = findMember(this.set, member);
    const muted = this.set.members.reduce((sum, each) => (each.muted ? sum + each.power : sum), 0n);
    if (seat === undefined || seat.muted || muted + seat.power > faultyPower(this.set)) return code;
    this.#lastSilenceMs = this.clockMs;
    this.#newEpoch(
      this.set.members.map((each) => (each.key === member ? { ...each, muted: true } : each)),
      { cause: "mute", leaver: member, newcomer: undefined, bytes, by },
    );
    return "OK";
  }

  #misconduct(accused: string, bytes: Uint8Array, by: string): string {
    if (this.tombstones.has(accused)) return "DUPLICATE_PROOF";
    this.tombstones.add(accused);
    this.spares.delete(accused);
    if (findMember(this.set, accused) === undefined) return "OK";
    const last = this.#lastMisconductMs;
    const waits = last !== undefined && this.clockMs - last < 2 * this.#rules.silenceMs;
    this.#lastMisconductMs = this.clockMs;
    if (!waits && this.#swap(accused, "misconduct", { bytes, by }) === "OK") return "OK";
    this.#condemned.set(accused, { sinceMs: this.clockMs, waits });
    return "OK";
  }

  #owner(rotation: Kind<"owner-rotation">, bytes: Uint8Array, by: string): string {
    const { member, setHash, nonce, signature } = rotation;
    if (setHash !== this.setHash) return "SET_CHANGED";
    if (findMember(this.set, member) === undefined) return "NOT_A_MEMBER";
    const owner = findMember(this.set, member)?.owner ?? "";
    const signed = ownerRotationSigningBytes(this.id, rotation);
    if (!ed25519.verify(owner, signed, signature)) return "NOT_THE_OWNER";
    if (this.#nonces.has(String(nonce))) return "NONCE_USED";
    this.#nonces.add(String(nonce));
    return this.#swap(member, "owner", { bytes, by });
  }

  #register({ registration, sponsorSignature, ownerSignature }: Kind<"register-spare">): string {
    const { key, networkKey, owner, address } = registration;
    if (this.known.has(key)) return "KEY_KNOWN";
    if (sponsorSignature.length !== 64) return "SPONSOR_SIGNATURE";
    if (this.registrationsRefused) return "SPONSOR_LIMIT";
    this.known.add(key);
    this.#registrations += 1;
    const order = this.#registrations;
    const endorsed = ownerSignature !== undefined;
    this.spares.set(key, { key, networkKey, owner, address, order, endorsed, attested: 0 });
    return "OK";
  }

  #isFit({ attested }: SpareEntry): boolean {
    return attested > 0 && this.height - attested <= this.#rules.fitBlocks;
  }

  #pick(leaver: string, cause: SwapRecord["cause"]): SpareEntry | undefined {
    const owner = findMember(this.set, leaver)?.owner;
    const owners = new Set(this.set.members.map((member) => member.owner));
    const fit = [...this.spares.values()]
      .filter((spare) => this.#isFit(spare))
      // SEAT: with four owners or more none comes to a third.
      .filter((spare) => owners.size < 4 || spare.owner === owner)
      .toSorted((left, right) => left.order - right.order);
    const own = fit.filter((spare) => spare.owner === owner);
    const others = fit.filter((spare) => spare.owner !== owner);
    if (cause === "owner") return own[0];
    return cause === "misconduct" ? (others[0] ?? own[0]) : (own[0] ?? others[0]);
  }

  #swap(
    leaver: string,
    cause: "silence" | "misconduct" | "owner",
    from: { readonly bytes: Uint8Array; readonly by: string },
  ): string {
    const spare = this.#pick(leaver, cause);
    const seat = findMember(this.set, leaver);
    if (spare === undefined || seat === undefined) return "NO_FIT_SPARE";
    const { key, networkKey, address, owner } = spare;
    this.spares.delete(key);
    const newcomer = { key, networkKey, address, owner, power: seat.power, muted: false };
    const members = this.set.members.map((each) => (each.key === leaver ? newcomer : each));
    this.#newEpoch(members, { cause, leaver, newcomer: key, ...from });
    this.#liveness.delete(leaver);
    this.#liveness.set(key, freshLiveness(this.height, this.clockMs, 0));
    return "OK";
  }

  #newEpoch(
    members: ValidatorSet["members"],
    change: Pick<SwapRecord, "cause" | "leaver" | "newcomer"> & {
      readonly bytes: Uint8Array;
      readonly by: string;
    },
  ): void {
    const { cause, leaver, newcomer, bytes, by } = change;
    this.set = validatorSet(this.set.epoch + 1, members);
    this.setHash = validatorSetHash(this.set);
    const swap: SwapRecord = {
      epoch: this.set.epoch,
      height: this.height,
      cause,
      leaver,
      newcomer,
      proof: sha256Hex(bytes),
      newcomerRegisteredAt: 0,
      power: findMember(this.set, newcomer ?? leaver ?? "")?.power ?? 0n,
    };
    this.swaps.push(swap);
    this.counts.add(`chain swap: ${cause}${by === "nodes" ? " by the nodes" : ""}`);
    this.onSwap(swap, by);
  }

  #coolDownMs(): number {
    if (this.#lastSilenceMs === undefined) return 0;
    const { coolDownWindows, silenceMs } = this.#rules;
    return Math.max(0, this.#lastSilenceMs + coolDownWindows * silenceMs - this.clockMs);
  }

  /** CAUSE: nodes submit by themselves three windows later; condemned seats wait for a spare. */
  #heal(): void {
    const { selfHealAfterWindows: windows, silenceMs, secondMisconductWaitMs } = this.#rules;
    for (const [key, { sinceMs, waits }] of [...this.#condemned]) {
      if (waits && this.clockMs - sinceMs < secondMisconductWaitMs) continue;
      const from = { bytes: proofBytes(key), by: "nodes" };
      if (this.#swap(key, "misconduct", from) === "OK") this.#condemned.delete(key);
    }
    if (windows === 0) return;
    for (const { accused, transaction } of this.proofs) {
      const isOld = this.height % Math.ceil((windows * silenceMs) / 250) === 0;
      if (isOld && !this.tombstones.has(accused)) this.#misconduct(accused, transaction, "nodes");
    }
    const due = this.set.members.find(({ key, muted }) => {
      const since = this.#liveness.get(key)?.sinceMs ?? this.clockMs;
      const isLong = this.isSilent(key) && this.clockMs - since >= windows * silenceMs;
      return isLong && (!muted || this.#pick(key, "silence") !== undefined);
    });
    if (due === undefined) return;
    const { setHash } = this;
    const record = { kind: "silence-record" as const, member: due.key, setHash };
    this.#silence(record, asciiBytes(`${due.key} ${setHash}`), "nodes");
  }

  #unmute(): void {
    const back = this.set.members.find(({ key, muted }) => {
      const since = this.#liveness.get(key)?.votingSinceMs;
      return muted && since !== undefined && this.clockMs - since >= this.#rules.silenceMs;
    });
    if (back === undefined || this.isSilent(back.key)) return;
    this.#newEpoch(
      this.set.members.map((each) => (each.key === back.key ? { ...each, muted: false } : each)),
      {
        cause: "unmute",
        leaver: back.key,
        newcomer: undefined,
        bytes: asciiBytes(""),
        by: "nodes",
      },
    );
  }

  #view(): ChainSight {
    const { set, setHash, height, timeMs, clockMs } = this;
    return {
      chainId: this.id,
      parameters: this.genesis.parameters,
      height,
      timeMs,
      set,
      setHash,
      liveness: new Map(
        set.members.map(({ key }) => {
          const count = this.#liveness.get(key) ?? freshLiveness(height, clockMs, 0);
          const msSilent = clockMs - count.sinceMs;
          const isCondemned = this.tombstones.has(key);
          const isSilent = this.isSilent(key);
          return [key, { count, msSilent, isSilent, isAbsent: false, isCondemned }] as const;
        }),
      ),
      spares: [...this.spares.values()].map((spare) => {
        const { key, owner, endorsed } = spare;
        return { key, owner, endorsed, fit: this.#isFit(spare) };
      }),
      known: new Set(this.known),
      swaps: [...this.swaps],
      coolDownMs: this.#coolDownMs(),
      protocol: { version: 1, activation: undefined },
      checkpoint: toHex(encodeSet(set)),
    };
  }
}
