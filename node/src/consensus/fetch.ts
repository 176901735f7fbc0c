import type { Digest, Millis, PublicKey } from "../kernel/scalars.ts";
import { findMember } from "../kernel/validator-set.ts";
import type { Want } from "./state.ts";
import { keepEntries, type Turn, withEntry } from "./turn.ts";
import type { BatchReference } from "./types.ts";

/** A peer that has not answered by then is passed over for the next one. */
export const RETRY_MS: Millis = 200;
const WANTS_MAX = 1_024;
const ATTEMPTS_MAX = 25;

/** The sync timer runs while something is missing. */
export function armSyncTimer(turn: Turn): void {
  if (turn.sync.dueAt !== undefined && turn.sync.dueAt > turn.now) return;
  const dueAt = turn.now + RETRY_MS;
  turn.changeSync({ dueAt });
  turn.setTimer("sync", dueAt);
}

/** Network keys of the other members, in an order that every attempt shifts by one. */
function candidate(turn: Turn, attempt: number): PublicKey | undefined {
  const { set, config } = turn.state;
  const others = set.members.filter(({ key }) => key !== config.self.key);
  return others[attempt % Math.max(others.length, 1)]?.networkKey;
}

function request(turn: Turn, to: PublicKey, id: Digest, want: Want): void {
  if (want.request === "block") {
    turn.send(to, { kind: "block-request", epoch: turn.state.set.epoch, blockId: id });
    return;
  }
  const reference = { author: want.author, sequence: want.sequence, digest: id };
  turn.send(to, { kind: "batch-request", references: [reference] });
}

function addWant(turn: Turn, id: Digest, want: Want): boolean {
  const { wants } = turn.sync;
  if (wants.has(id) || wants.size >= WANTS_MAX) return false;
  turn.changeSync({ wants: withEntry(wants, id, want) });
  armSyncTimer(turn);
  return true;
}

/** Asks for a block once at `from`, then at one member after the other. */
export function wantBlock(
  turn: Turn,
  { blockId }: { readonly blockId: Digest },
  from: PublicKey | undefined,
): void {
  const peer = from ?? candidate(turn, 0);
  const want = {
    request: "block",
    author: "",
    sequence: 0,
    askedAt: turn.now,
    attempts: 0,
  } as const;
  if (addWant(turn, blockId, want) && peer !== undefined) request(turn, peer, blockId, want);
}

/** Asks the author of each batch, which has it for certain, then one member after the other. */
export function wantBatches(turn: Turn, references: readonly BatchReference[]): void {
  for (const { author, sequence, digest } of references) {
    const want = { request: "batch", author, sequence, askedAt: turn.now, attempts: 0 } as const;
    if (!addWant(turn, digest, want)) continue;
    const peer = findMember(turn.state.set, author)?.networkKey ?? candidate(turn, 0);
    if (peer !== undefined) request(turn, peer, digest, want);
  }
}

/** What was asked for has come. */
export function gotWanted(turn: Turn, id: Digest): void {
  if (!turn.sync.wants.has(id)) return;
  turn.changeSync({ wants: keepEntries(turn.sync.wants, (key) => key !== id) });
}

/**
 * Asks the next member for what is still missing; gives up after many, the chain will have moved.
 */
export function retryWants(turn: Turn): void {
  const { wants } = turn.sync;
  if (wants.size === 0) return;
  const next = new Map<Digest, Want>();
  for (const [id, want] of wants) {
    if (turn.now - want.askedAt < RETRY_MS) {
      next.set(id, want);
      continue;
    }
    const attempts = want.attempts + 1;
    if (attempts > ATTEMPTS_MAX) continue;
    const asked = { ...want, attempts, askedAt: turn.now };
    next.set(id, asked);
    const peer = candidate(turn, attempts);
    if (peer !== undefined) request(turn, peer, id, asked);
  }
  turn.changeSync({ wants: next });
  if (next.size > 0) armSyncTimer(turn);
}
