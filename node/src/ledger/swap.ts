import { assert, defined } from "../kernel/assert.ts";
import { compareText } from "../kernel/bytes.ts";
import type { Refusal } from "../kernel/result.ts";
import type { Digest, Millis, Power, PublicKey } from "../kernel/scalars.ts";
import {
  findMember,
  type Member,
  totalPower,
  type ValidatorSet,
  validatorSet,
} from "../kernel/validator-set.ts";
import { rollOf } from "./liveness.ts";
import { isEndorsedFor, pickNewcomer, type SwapCause } from "./newcomer.ts";
import { faultyPowerOf, mutedPower } from "./silence.ts";
import type { LedgerState, Seat, Spare } from "./state.ts";
import type { SwapRecord } from "./types.ts";
import { startUnbonding } from "./unbonding.ts";
import { change, type Verdict, type Work, withEntry, withoutEntry } from "./work.ts";

/** Swap records kept in memory for views; the state tree keeps all. */
export const SWAPS_HELD = 256;
/** RATE: the voting time that unmutes doubles at most this often. */
const UNMUTE_DOUBLINGS_MAX = 6;

/** RATE: one swap pending; the next only after the last is effective. */
export function swapPending(work: Work): Verdict {
  if (work.nextSet === undefined) return undefined;
  return {
    code: "SWAP_PENDING",
    field: "member",
    fix: `a swap into epoch ${work.nextSet.epoch} is pending: try again in that epoch`,
  };
}

/**
 * EPOCH: consecutive sets share more than two thirds of old and of new power, as the sum of
 * min(old, new) per unchanged key, so that no two quorums of the two sets are without an honest
 * member in common.
 */
export function overlapRefusal(old: ValidatorSet, next: ValidatorSet): Refusal | undefined {
  const shared = old.members.reduce((sum, { key, power }) => {
    const stays = findMember(next, key)?.power ?? 0n;
    return sum + (stays < power ? stays : power);
  }, 0n);
  if (shared * 3n > totalPower(old) * 2n && shared * 3n > totalPower(next) * 2n) return undefined;
  return {
    code: "EPOCH_OVERLAP",
    field: "nextSet",
    fix: `the sets share ${shared} of ${totalPower(old)}: change less than a third at once`,
  };
}

function memberOf({ key, networkKey, address, owner, power, muted }: Seat): Member {
  return { key, networkKey, address, owner, power, muted };
}

/** Ends the epoch with the given seats; the only place where the set changes. */
function endEpoch(work: Work, seats: ReadonlyMap<PublicKey, Seat>): Refusal | undefined {
  const { state } = work;
  assert(work.nextSet === undefined, "one change of the set a block (rule RATE)");
  const next = validatorSet(state.set.epoch + 1, [...seats.values()].map(memberOf));
  const refusal = overlapRefusal(state.set, next);
  if (refusal !== undefined) return refusal;
  const keys = next.members.map(({ key }) => key);
  const proposedAt = new Map([...state.proposedAt].filter(([key]) => seats.has(key)));
  change(work, { seats, liveness: rollOf(state, keys), proposedAt });
  work.nextSet = next;
  return undefined;
}

/** Writes the change down that has just ended the epoch. */
function record(work: Work, act: Omit<SwapRecord, "epoch" | "height">): void {
  const { epoch } = defined(work.nextSet, "next set");
  const swap = { epoch, height: work.state.height, ...act };
  change(work, { swaps: [...work.state.swaps, swap].slice(-SWAPS_HELD) });
  work.events.push({ kind: "swap", swap });
}

/** A swap in one act (rule SWAP): one key out, one in, with exactly the leaver's power. */
export function swapSeat(
  work: Work,
  leaver: Seat,
  cause: SwapCause,
  proof: Digest,
): Refusal | undefined {
  // PICK: a condemned key is one of misconduct, also where it fell silent before its swap.
  const isCondemned = cause === "silence" && work.state.tombstones.has(leaver.key);
  const order = isCondemned ? "misconduct" : cause;
  const picked = pickNewcomer(work.state, leaver, order);
  if (!picked.ok) return picked.error;
  const spare = picked.value;
  const seats = withoutEntry(work.state.seats, leaver.key).set(
    spare.key,
    seatOf(work.state, spare, leaver, order),
  );
  const refusal = endEpoch(work, seats);
  if (refusal !== undefined) return refusal;
  change(work, {
    spares: withoutEntry(work.state.spares, spare.key),
    condemned: withoutEntry(work.state.condemned, leaver.key),
  });
  work.leaver = leaver;
  retire(work, leaver, cause);
  record(work, {
    cause,
    leaver: leaver.key,
    newcomer: spare.key,
    proof,
    newcomerRegisteredAt: spare.registeredAt,
    power: leaver.power,
  });
  return undefined;
}

function seatOf(state: LedgerState, spare: Spare, leaver: Seat, cause: SwapCause): Seat {
  const isEndorsed = isEndorsedFor(spare, leaver, cause);
  // RATE: whoever came in unendorsed does not end its span by exchanging its own key.
  const isSameNewcomer = isEndorsed && !leaver.endorsed;
  return newSeat(spare, {
    power: leaver.power,
    seatedAtMs: isSameNewcomer ? leaver.seatedAtMs : state.clockMs,
    endorsed: isEndorsed && leaver.endorsed,
  });
}

/** The seat that a spare takes: not muted, and without a past of its own. */
function newSeat(spare: Spare, place: Pick<Seat, "power" | "seatedAtMs" | "endorsed">): Seat {
  const { owner, key, networkKey, address, bond, registeredAt, sponsored } = spare;
  return {
    owner,
    key,
    networkKey,
    address,
    bond,
    registeredAt,
    sponsored,
    ...place,
    muted: false,
    mutes: 0,
    mutedAtMs: 0,
    reportOffence: undefined,
    reportsJailedUntilMs: 0,
  };
}

/**
 * SWAP: the spare takes a seat of its own. It counts as endorsed: a quorum of the owners named it
 * (RATE); whether it may, the caller knows.
 */
export function addSeat(work: Work, spare: Spare, power: Power, proof: Digest): Verdict {
  const { state } = work;
  const seat = newSeat(spare, { power, seatedAtMs: state.clockMs, endorsed: true });
  const refusal = endEpoch(work, withEntry(state.seats, spare.key, seat));
  if (refusal !== undefined) return refusal;
  change(work, { spares: withoutEntry(work.state.spares, spare.key) });
  record(work, {
    cause: "grow",
    leaver: undefined,
    newcomer: spare.key,
    proof,
    newcomerRegisteredAt: spare.registeredAt,
    power,
  });
  return undefined;
}

/** SWAP: the seat ends and its bond unbonds, condemned or not; whether it may, the caller knows. */
export function dropSeat(work: Work, leaver: Seat, proof: Digest): Verdict {
  const refusal = endEpoch(work, withoutEntry(work.state.seats, leaver.key));
  if (refusal !== undefined) return refusal;
  change(work, { condemned: withoutEntry(work.state.condemned, leaver.key) });
  work.leaver = leaver;
  // A condemned key serves nobody: only who leaves in peace stays reachable.
  retire(work, leaver, work.state.tombstones.has(leaver.key) ? "misconduct" : "owner");
  record(work, {
    cause: "shrink",
    leaver: leaver.key,
    newcomer: undefined,
    proof,
    newcomerRegisteredAt: 0,
    power: leaver.power,
  });
  return undefined;
}

/** RETURN: what becomes of the key and the bond that leave. */
function retire(work: Work, leaver: Seat, cause: SwapCause): void {
  const { owner, key, networkKey, address, bond, registeredAt, sponsored, power } = leaver;
  const candidate = { owner, key, networkKey, address, bond, registeredAt, sponsored };
  if (cause === "silence") change(work, { lastSilenceSwapMs: work.state.clockMs });
  const { state } = work;
  // A condemned key that fell silent before its swap never comes back either.
  if (cause === "silence" && !state.tombstones.has(key)) {
    const untilMs = state.clockMs + state.genesis.parameters.rotation.jailMs;
    change(work, { jailed: withEntry(state.jailed, key, { ...candidate, untilMs, power }) });
    work.events.push({ kind: "jailed", key, untilMs });
    return;
  }
  startUnbonding(work, { ...candidate, power });
  if (cause !== "owner") return;
  const recent = state.leavers.filter(({ epoch }) => epoch >= state.set.epoch - 1);
  change(work, { leavers: [...recent, { ...candidate, epoch: state.set.epoch }] });
}

/**
 * SWAP: without a fit spare the member stays with its power, muted as leader, by an epoch change
 * with the same set, at most f muted; else `NO_FIT_SPARE`.
 */
export function muteSeat(work: Work, seat: Seat, proof: Digest, why: Refusal): Refusal | undefined {
  if (seat.muted) return why;
  if (mutedPower(work.state) + seat.power > faultyPowerOf(work.state)) return why;
  const { state } = work;
  const { clockMs } = state;
  const isAgain = clockMs - seat.mutedAtMs < state.genesis.parameters.rotation.newcomerSpanMs;
  const mutes = isAgain ? seat.mutes + 1 : 1;
  const refusal = setMuted(work, { ...seat, muted: true, mutes, mutedAtMs: clockMs }, proof);
  if (refusal !== undefined) return refusal;
  const liveness = defined(work.state.liveness.get(seat.key), "the count of a seat");
  const silent = { ...liveness, votingSinceMs: undefined };
  change(work, { liveness: withEntry(work.state.liveness, seat.key, silent) });
  return undefined;
}

function setMuted(work: Work, seat: Seat, proof: Digest): Refusal | undefined {
  const refusal = endEpoch(work, withEntry(work.state.seats, seat.key, seat));
  if (refusal !== undefined) return refusal;
  record(work, {
    cause: seat.muted ? "mute" : "unmute",
    leaver: seat.key,
    newcomer: undefined,
    proof,
    newcomerRegisteredAt: 0,
    power: seat.power,
  });
  return undefined;
}

/** RATE: a cool-down lies between changes of the set by silence: swaps, mutes, unmutes. */
export function coolDownMs({
  lastSilenceSwapMs: last,
  clockMs,
  genesis,
}: Pick<LedgerState, "lastSilenceSwapMs" | "clockMs"> & {
  readonly genesis: Pick<LedgerState["genesis"], "parameters">;
}): Millis {
  const { coolDownWindows, silenceMs } = genesis.parameters.rotation;
  return last === undefined ? 0 : Math.max(0, last + coolDownWindows * silenceMs - clockMs);
}

/**
 * Whether a muted member has voted for a silence window without a longer pause. RATE: the time
 * doubles with each mute of the span after the first.
 */
function votesAgain(state: LedgerState, { key, mutes }: Seat): boolean {
  const { silenceMs } = state.genesis.parameters.rotation;
  const neededMs = silenceMs * 2 ** Math.min(mutes - 1, UNMUTE_DOUBLINGS_MAX);
  const liveness = state.liveness.get(key);
  if (liveness?.votingSinceMs === undefined) return false;
  const isVoting = state.clockMs - liveness.votedMs <= Math.floor(silenceMs / 4);
  return isVoting && state.clockMs - liveness.votingSinceMs >= neededMs;
}

/** Lets the first muted member, by key, that votes again lead again; a condemned one never does. */
export function unmuteByVotes(work: Work, blockId: Digest): void {
  const { state } = work;
  if (work.nextSet !== undefined || coolDownMs(state) > 0) return;
  const byKey = [...state.seats.values()].sort((one, two) => compareText(one.key, two.key));
  const seat = byKey.find(
    (each) => each.muted && !state.tombstones.has(each.key) && votesAgain(state, each),
  );
  if (seat === undefined) return;
  const refusal = setMuted(work, { ...seat, muted: false }, blockId);
  assert(refusal === undefined, "the same set overlaps with itself");
  change(work, { lastSilenceSwapMs: state.clockMs });
}
