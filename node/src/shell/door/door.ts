import { defined } from "../../kernel/assert.ts";
import type { Refusal } from "../../kernel/result.ts";
import type { Millis } from "../../kernel/scalars.ts";
import { type BucketLimits, TokenBucket } from "../grpc/token-bucket.ts";
import { clampRetry, Load } from "./load.ts";

/** Bounds of what clients may take of a node together and each; node/docs/node.md, `clients`. */
export interface DoorLimits {
  /** Transactions without an answer. */
  readonly waitingMax: number;
  /** Their bytes. */
  readonly waitingBytesMax: number;
  /** Longest expected wait for an answer at which a transaction is still taken. */
  readonly waitMsMax: Millis;
  /** Submissions that the ledger refuses, of one address. */
  readonly refusedPerSecond: number;
  /** Cost of questions of one address: 1 for what is in memory, more for proofs and blocks. */
  readonly queriesPerSecond: number;
  /** Calls of one address that stay open: streams of submissions, watchers. */
  readonly openCallsMax: number;
}

export const DEFAULT_DOOR: DoorLimits = {
  waitingMax: 20_000,
  waitingBytesMax: 32 * 1_024 * 1_024,
  waitMsMax: 3_000,
  refusedPerSecond: 200,
  queriesPerSecond: 2_000,
  openCallsMax: 256,
};

/** A burst is so many seconds of the steady rate. */
const BURST_SECONDS = 2;
/** Addresses remembered; beyond it those go first that have nothing here and owe nothing. */
const ADDRESSES_MAX = 4_096;

export type DoorReason = "count" | "bytes" | "share" | "wait" | "refused" | "queries" | "calls";

/** Why the door stays shut, for whom, and when it is worth another try. */
export interface DoorRefusal extends Refusal {
  readonly reason: DoorReason;
  readonly retryAfterMs: Millis;
}

/** Transactions of one call that wait together. */
export interface Party {
  readonly count: number;
  readonly bytes: number;
}

/** What one address has here. */
interface Guest {
  count: number;
  bytes: number;
  calls: number;
  readonly refused: TokenBucket;
  readonly queries: TokenBucket;
}

function bucket(perSecond: number, now: Millis): TokenBucket {
  const limits: BucketLimits = { perSecond, burst: BURST_SECONDS * perSecond };
  return new TokenBucket(limits, now);
}

/**
 * Who comes in at the query listener, decided before anything is verified. Count and bytes are
 * bounded for all together; each address has at most as much as is still free (dynamic thresholds:
 * Choudhury and Hahne, IEEE/ACM Trans. Networking 6(2), 1998, alpha = 1), so that one alone has
 * half, and there is always room for another. What the ledger refuses and what is asked costs
 * tokens. Pure: time comes in with each call.
 */
export class Door {
  readonly #limits: DoorLimits;
  readonly #load = new Load();
  /** In the order of their last use. */
  readonly #guests = new Map<string, Guest>();
  #bytes = 0;

  constructor(limits: DoorLimits) {
    this.#limits = limits;
  }

  /** Transactions without an answer. */
  get waiting(): number {
    return this.#load.waiting;
  }

  /** Takes all of it, or none. Whoever takes says later with `answered` or `left` how it ended. */
  enter(address: string, { count, bytes }: Party, now: Millis): DoorRefusal | undefined {
    const { waitingMax, waitingBytesMax, waitMsMax } = this.#limits;
    const guest = this.#guest(address, now);
    const owedMs = guest.refused.take(0, now);
    if (owedMs > 0) return refusal("refused", owedMs);
    const waitMs = this.#load.retryAfterMs(waitMsMax, now);
    if (waitMs !== undefined) return refusal("wait", waitMs);
    const room = waitingMax - this.#load.waiting;
    const roomBytes = waitingBytesMax - this.#bytes;
    if (count > room) return refusal("count", 0);
    if (bytes > roomBytes) return refusal("bytes", 0);
    if (guest.count + count > room || guest.bytes + bytes > roomBytes) return refusal("share", 0);
    guest.count += count;
    guest.bytes += bytes;
    this.#bytes += bytes;
    this.#load.taken(count, now);
    return undefined;
  }

  /** `count` of what this address has waited `latencyMs` for their answers. */
  answered(address: string, party: Party & { readonly latencyMs: Millis }, now: Millis): void {
    this.#gone(address, party);
    this.#load.answered(party.count, party.latencyMs, now);
  }

  /** The client went away, or was refused: nothing is learnt of the chain's pace. */
  left(address: string, party: Party, now: Millis): void {
    this.#gone(address, party);
    this.#load.left(party.count, now);
  }

  /** The ledger refused so many: a signature was verified for nothing. */
  refusedByLedger(address: string, count: number, now: Millis): void {
    this.#guest(address, now).refused.take(count, now);
  }

  /** A question of this cost. */
  ask(address: string, cost: number, now: Millis): DoorRefusal | undefined {
    const { queries } = this.#guest(address, now);
    const owedMs = queries.take(0, now);
    if (owedMs > 0) return refusal("queries", owedMs);
    queries.take(cost, now);
    return undefined;
  }

  /** A call that stays open; `hangUp` ends it. */
  call(address: string, now: Millis): DoorRefusal | undefined {
    const guest = this.#guest(address, now);
    if (guest.calls >= this.#limits.openCallsMax) return refusal("calls", 0);
    guest.calls += 1;
    return undefined;
  }

  hangUp(address: string): void {
    const guest = this.#guests.get(address);
    if (guest !== undefined) guest.calls -= 1;
  }

  #gone(address: string, { count, bytes }: Party): void {
    const guest = defined(this.#guests.get(address), "the address of what waits");
    guest.count -= count;
    guest.bytes -= bytes;
    this.#bytes -= bytes;
  }

  #guest(address: string, now: Millis): Guest {
    const known = this.#guests.get(address);
    if (known !== undefined) {
      this.#guests.delete(address);
      this.#guests.set(address, known);
      return known;
    }
    if (this.#guests.size >= ADDRESSES_MAX) this.#forget(now);
    const { refusedPerSecond, queriesPerSecond } = this.#limits;
    const guest: Guest = {
      ...{ count: 0, bytes: 0, calls: 0 },
      refused: bucket(refusedPerSecond, now),
      queries: bucket(queriesPerSecond, now),
    };
    this.#guests.set(address, guest);
    return guest;
  }

  /** The longest unused of those that have nothing here; one that owes is not forgiven for it. */
  #forget(now: Millis): void {
    for (const [address, { count, calls, refused, queries }] of this.#guests) {
      const owes = refused.take(0, now) > 0 || queries.take(0, now) > 0;
      if (count > 0 || calls > 0 || owes) continue;
      this.#guests.delete(address);
      return;
    }
  }
}

const TEXTS: Readonly<Record<DoorReason, readonly [code: string, fix: string]>> = {
  count: ["OVERLOADED", "as many transactions wait here as may: ask another validator"],
  bytes: ["OVERLOADED", "as many bytes wait here as may: ask another validator"],
  share: ["OVERLOADED", "your address has its share of what waits here: wait for receipts"],
  wait: ["OVERLOADED", "the wait for a receipt is too long here: come again, or ask another"],
  refused: ["TOO_MANY_REFUSED", "too many of your transactions were refused: check them first"],
  queries: ["TOO_MANY_QUERIES", "ask less often, or another validator"],
  calls: ["TOO_MANY_CALLS", "end a stream or a watch of this address first"],
};

function refusal(reason: DoorReason, retryMs: number): DoorRefusal {
  const [code, fix] = TEXTS[reason];
  return { code, field: "node", fix, reason, retryAfterMs: clampRetry(retryMs) };
}

/** Who counts as one: an IPv4 address, or the /64 that one subscriber has of IPv6. */
export function guestOf(peer: string): string {
  const host = peer.replace(/:[0-9]+$/, "").replace(/^\[|\]$/g, "");
  if (!host.includes(":")) return host;
  const mapped = /^::ffff:([0-9.]+)$/i.exec(host)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = "", tail] = host.split("%")[0]?.split("::") ?? [];
  const groups = head === "" ? [] : head.split(":");
  const rest = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - groups.length - rest.length;
  const all = [...groups, ...Array.from({ length: Math.max(0, zeros) }, () => "0"), ...rest];
  return `${all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, "").toLowerCase())
    .join(":")}::/64`;
}
