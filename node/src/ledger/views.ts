import type { Digest, Height, MicroUsd, Millis, Power, PublicKey } from "../kernel/scalars.ts";
import { isFit } from "./newcomer.ts";
import { silenceOf } from "./silence.ts";
import type { Condemned, LedgerState } from "./state.ts";
import type { SwapRecord } from "./types.ts";

export interface SeatView {
  readonly key: PublicKey;
  readonly owner: PublicKey;
  readonly networkKey: PublicKey;
  readonly address: string;
  readonly power: Power;
  readonly bond: MicroUsd;
  readonly muted: boolean;
  /** Condemned for misconduct; it still sits until its swap. */
  readonly condemned: boolean;
  /** Height of the key's registration; 0 at genesis. */
  readonly registeredAt: Height;
}

/** Seats of the epoch that the next block belongs to, by key. */
export function seatsView(state: LedgerState): readonly SeatView[] {
  return state.set.members.flatMap(({ key }) => {
    const seat = state.seats.get(key);
    if (seat === undefined) return [];
    const { owner, networkKey, address, power, bond, muted, registeredAt } = seat;
    const condemned = state.tombstones.has(key);
    return [{ key, owner, networkKey, address, power, bond, muted, condemned, registeredAt }];
  });
}

export interface SpareView {
  readonly key: PublicKey;
  readonly owner: PublicKey;
  readonly networkKey: PublicKey;
  readonly address: string;
  readonly bond: MicroUsd;
  readonly registeredAt: Height;
  readonly endorsed: boolean;
  /** Newest height whose root it attested; 0 if none. */
  readonly attested: Height;
  /** Rule FIT, at this state. */
  readonly fit: boolean;
}

/** Spares in order of registration. */
export function sparesView(state: LedgerState): readonly SpareView[] {
  const spares = [...state.spares.values()].toSorted((left, right) => left.order - right.order);
  return spares.map((spare) => {
    const { key, owner, networkKey, address, bond, registeredAt, endorsed, attested } = spare;
    const fit = isFit(state, spare);
    return { key, owner, networkKey, address, bond, registeredAt, endorsed, attested, fit };
  });
}

/**
 * Newest changes of the set, oldest first; older ones are under `swap/<epoch>` in the state tree.
 */
export function swapsView(state: LedgerState): readonly SwapRecord[] {
  return state.swaps;
}

/** Condemned seats whose swap waits for an approval, a spare, or the next epoch. */
export function waitingSwapsView(state: LedgerState): readonly Condemned[] {
  return [...state.condemned.values()];
}

export interface LivenessView {
  readonly key: PublicKey;
  /** Since the last sign of life of any kind. */
  readonly blocksSilent: number;
  readonly msSilent: Millis;
  /** Since the last vote, order vote or timeout. */
  readonly blocksWithoutVote: number;
  readonly msWithoutVote: Millis;
  /** Power of distinct proposers since the last sign of life, this member not counted. */
  readonly proposerPower: Power;
  /** A silence record would be accepted. */
  readonly silent: boolean;
  /** Absent by notice: its count rests. */
  readonly absent: boolean;
  /** Digest of the proof of misconduct on the chain, if there is one. */
  readonly equivocation: Digest | undefined;
}

/** The chain's own count of every member, by key. */
export function livenessView(state: LedgerState): readonly LivenessView[] {
  return state.set.members.flatMap(({ key }) => {
    const count = silenceOf(state, key);
    if (count === undefined) return [];
    const absentUntilMs = state.liveness.get(key)?.absentUntilMs ?? 0;
    return [
      {
        key,
        blocksSilent: count.blocks,
        msSilent: count.ms,
        blocksWithoutVote: count.blocksWithoutVote,
        msWithoutVote: count.msWithoutVote,
        proposerPower: count.proposerPower,
        silent: count.isSilent,
        absent: absentUntilMs > state.clockMs,
        equivocation: state.tombstones.get(key)?.proof,
      },
    ];
  });
}

export interface NetworkPin {
  readonly key: PublicKey;
  readonly networkKey: PublicKey;
  /** host:port of the peer listener. */
  readonly address: string;
}

/**
 * Who may connect (rules TLS, LISTENERS): members, spares, jailed keys, which may return, and keys
 * that their owners rotated in the last two epochs and that still serve history. A condemned key is
 * cut off once it no longer sits.
 */
export function networkPins(state: LedgerState): readonly NetworkPin[] {
  const { seats, spares, jailed, leavers, set } = state;
  const recent = leavers.filter(({ epoch }) => epoch >= set.epoch - 2);
  const pins = [...seats.values(), ...spares.values(), ...jailed.values(), ...recent];
  return pins.map(({ key, networkKey, address }) => ({ key, networkKey, address }));
}

/** host:port of every member's peer listener, by key. */
export function memberAddresses(state: LedgerState): ReadonlyMap<PublicKey, string> {
  return new Map(state.set.members.map(({ key, address }) => [key, address]));
}
