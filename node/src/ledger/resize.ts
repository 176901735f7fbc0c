import type { Digest, Power, PublicKey } from "../kernel/scalars.ts";
import { faultyPowerMax, quorumPower } from "../kernel/threshold.ts";
import { MEMBERS_MAX, totalPower } from "../kernel/validator-set.ts";
import { isGenesisOwner } from "./candidates.ts";
import { isFit, recentPower } from "./newcomer.ts";
import { checkOwnerQuorum } from "./owner-quorum.ts";
import { setChanged } from "./rotation.ts";
import type { LedgerState } from "./state.ts";
import { addSeat, dropSeat, swapPending } from "./swap.ts";
import { resizeSigningBytes } from "./transaction.ts";
import type { ResizeChange, Transaction } from "./types.ts";
import type { Verdict, Work } from "./work.ts";

type Resize = Extract<Transaction, { kind: "resize" }>;

/** SEAT, SWAP: fewer seats bear no fault. */
const SEATS_MIN = 4;

/** Who would sit, and with what power, after the change. */
interface Place {
  readonly key: PublicKey;
  readonly owner: PublicKey;
  readonly power: Power;
  readonly muted: boolean;
}

/**
 * SWAP: growing and shrinking, one seat an epoch, by owners who together hold a quorum of the
 * power. Anybody may send it, also again within the epoch, until it takes effect: the signatures
 * name one seat of one set. Nothing is spent by a refusal.
 */
export function applyResize(work: Work, resize: Resize, id: Digest): Verdict {
  const { state } = work;
  const { change } = resize;
  const refusal =
    swapPending(work) ??
    setChanged(state, resize.setHash) ??
    checkOwnerQuorum(work, resize.signatures, {
      message: resizeSigningBytes(state.chainId, resize),
      name: "resizeSigningBytes",
    });
  if (refusal !== undefined) return refusal;
  return change.kind === "grow" ? grow(work, change, id) : shrink(work, change, id);
}

function grow(work: Work, change: Extract<ResizeChange, { kind: "grow" }>, id: Digest): Verdict {
  const { state } = work;
  const { key, power } = change;
  const spare = state.spares.get(key);
  if (spare === undefined) {
    const fix = `${key} is no spare: register it, or sign return-spare if it is jailed`;
    return { code: "NOT_A_SPARE", field: "change.key", fix };
  }
  if (power < 1n || spare.bond < power) {
    const fix = `write a power of 1 to ${spare.bond}, the spare's bond`;
    return { code: "BOND_BELOW_POWER", field: "change.power", fix };
  }
  if (!isFit(state, spare)) {
    const fix = "it attested no recent certified root: start its node and let it catch up";
    return { code: "NOT_FIT", field: "change.key", fix };
  }
  if (state.set.members.length >= MEMBERS_MAX) {
    const fix = `the set has ${MEMBERS_MAX} seats, as many as it may`;
    return { code: "SEATS_MAX", field: "change.kind", fix };
  }
  const next = [...state.set.members, { key, owner: spare.owner, power, muted: false }];
  return checkNext(state, next, key) ?? addSeat(work, spare, power, id);
}

function shrink(work: Work, { key }: Pick<ResizeChange, "key">, id: Digest): Verdict {
  const { state } = work;
  const seat = state.seats.get(key);
  if (seat === undefined) {
    return { code: "NOT_A_MEMBER", field: "change.key", fix: `no seat has the key ${key}` };
  }
  if (state.set.members.length <= SEATS_MIN) {
    const fix = `the set has ${SEATS_MIN} seats, the fewest it may: grow first, or rotate the seat`;
    return { code: "SEATS_MIN", field: "change.kind", fix };
  }
  const next = state.set.members.filter((member) => member.key !== key);
  return checkNext(state, next, key) ?? dropSeat(work, seat, id);
}

/** What the set must be after the change; `changed` comes or goes. */
function checkNext(state: LedgerState, next: readonly Place[], changed: PublicKey): Verdict {
  const total = next.reduce((sum, { power }) => sum + power, 0n);
  return (
    checkSeatPower(next, total) ??
    checkOwnerPower(state, next, total) ??
    checkFaulty(state, next, { total, changed }) ??
    checkAlive(state, next, total)
  );
}

/** SEAT: one seat below a third can't stop the chain alone. */
function checkSeatPower(next: readonly Place[], total: Power): Verdict {
  const great = next.find(({ power }) => power * 3n >= total);
  if (great === undefined) return undefined;
  const fix = `${great.key} would hold ${great.power} of ${total}: each seat has less than a third`;
  return { code: "SEAT_POWER", field: "change", fix };
}

/**
 * SEAT: no owner comes to a third, or further above it, where the set has four owners or more
 * before or after; a stranger never does. So a set of four owners never falls to three.
 */
function checkOwnerPower(state: LedgerState, next: readonly Place[], total: Power): Verdict {
  const { members } = state.set;
  const before = powerByOwner(members);
  const after = powerByOwner(next);
  const isShared = before.size >= 4 || after.size >= 4;
  for (const [owner, power] of after) {
    if (!isShared && isGenesisOwner(state, owner)) continue;
    const isMore = power * totalPower(state.set) > (before.get(owner) ?? 0n) * total;
    if (power * 3n < total || !isMore) continue;
    const fix = `the owner ${owner} would hold ${power} of ${total}: less than a third is allowed`;
    return { code: "OWNER_POWER", field: "change", fix };
  }
  return undefined;
}

function powerByOwner(seats: readonly Pick<Place, "owner" | "power">[]): Map<PublicKey, Power> {
  const held = new Map<PublicKey, Power>();
  for (const { owner, power } of seats) held.set(owner, (held.get(owner) ?? 0n) + power);
  return held;
}

interface Change {
  readonly total: Power;
  readonly changed: PublicKey;
}

/** SWAP, RATE: at most f of the new set is muted, and at most f came in unendorsed of late. */
function checkFaulty(state: LedgerState, next: readonly Place[], of: Change): Verdict {
  const most = faultyPowerMax(of.total);
  const muted = next.reduce((sum, { muted, power }) => (muted ? sum + power : sum), 0n);
  if (muted > most) {
    const fix = `${muted} is muted, more than f = ${most} of that set: rotate a muted member first`;
    return { code: "MUTED_POWER", field: "change", fix };
  }
  const recent = recentPower(state, of.changed);
  if (recent <= most) return undefined;
  const fix = `newcomers that nobody endorsed hold ${recent}, more than f = ${most} of that set`;
  return { code: "NEWCOMER_POWER", field: "change", fix };
}

/**
 * SWAP: members that vote, without a newcomer that may hang, hold a quorum of the new set; else
 * this change could halt the chain.
 */
function checkAlive(state: LedgerState, next: readonly Place[], total: Power): Verdict {
  const voting = next.filter(({ key }) => votes(state, key));
  const power = voting.reduce((sum, member) => sum + member.power, 0n);
  const needed = quorumPower(total);
  if (power >= needed) return undefined;
  const fix =
    `members that voted within a silence window hold ${power}, that set's quorum is ${needed}: ` +
    "heal or rotate the silent ones first";
  return { code: "QUORUM_NOT_ALIVE", field: "change", fix };
}

/**
 * Whether it voted within a silence window. After a gap, an absence notice or the start of its
 * first epoch the clock of its last vote is a guess: only a vote since then shows anything.
 */
function votes({ liveness, clockMs, genesis }: LedgerState, key: PublicKey): boolean {
  const count = liveness.get(key);
  if (count?.votingSinceMs === undefined) return false;
  const windowMs = genesis.parameters.rotation.silenceMs;
  return clockMs - count.votedMs < windowMs;
}
