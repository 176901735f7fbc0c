import type { Digest, Millis, PublicKey } from "../kernel/scalars.ts";
import { findMember } from "../kernel/validator-set.ts";
import type { Want } from "./state.ts";
import { keepEntries, type Turn, withEntry } from "./turn.ts";
import type { BatchReference } from "./types.ts";

/** A peer that has not answered by then is passed over for the next one. */
export const RETRY_MS: Millis = 200;
const WANTS_MAX = 1_024;
/** Batches that one proposer's blocks may have this node fetch; two full blocks. */
const WANTS_OF_PROPOSER_MAX = 256;
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
    namedBy: [],
  } as const;
  if (addWant(turn, blockId, want) && peer !== undefined) request(turn, peer, blockId, want);
}

function networkKeyOf(turn: Turn, member: PublicKey | undefined): PublicKey | undefined {
  return member === undefined ? undefined : findMember(turn.state.set, member)?.networkKey;
}

/** Batches that this proposer's blocks may still have this node fetch. */
function roomOf({ sync }: Turn, proposer: PublicKey): number {
  let room = WANTS_OF_PROPOSER_MAX;
  for (const { namedBy } of sync.wants.values()) if (namedBy[0] === proposer) room -= 1;
  return room;
}

/**
 * Asks for the batches of a block: first its proposer, which had them when it ordered them, then
 * their author, then one member after the other. An author may withhold its batch from all but the
 * proposer; so each proposer that orders it is asked once, at once.
 */
export function wantBatches(
  turn: Turn,
  references: readonly BatchReference[],
  proposer: PublicKey,
): void {
  let room: number | undefined;
  for (const { author, sequence, digest } of references) {
    const known = turn.sync.wants.get(digest);
    if (known?.namedBy.includes(proposer) === true) continue;
    // A node behind comes here with every block that it lacks at every certificate: what the
    // proposer is charged with is counted only where there is something to ask for.
    room ??= roomOf(turn, proposer);
    const place = { request: "batch", author, sequence } as const;
    const namedBy = [...(known?.namedBy ?? []), proposer];
    const want = { ...place, askedAt: turn.now, attempts: known?.attempts ?? 0, namedBy };
    if (known === undefined) {
      if (room <= 0 || !addWant(turn, digest, want)) continue;
      room -= 1;
    } else {
      turn.changeSync({ wants: withEntry(turn.sync.wants, digest, want) });
    }
    const peer = networkKeyOf(turn, proposer) ?? networkKeyOf(turn, author) ?? candidate(turn, 0);
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
    const isAuthorsTurn = want.request === "batch" && attempts === 1;
    const author = isAuthorsTurn ? networkKeyOf(turn, want.author) : undefined;
    const peer = author ?? candidate(turn, attempts);
    if (peer !== undefined) request(turn, peer, id, asked);
  }
  turn.changeSync({ wants: next });
  if (next.size > 0) armSyncTimer(turn);
}
