import { divCeil, minimum, PPM } from "../kernel/fixed-point.ts";
import type { MicroUsd, Power, PublicKey } from "../kernel/scalars.ts";
import { totalPower } from "../kernel/validator-set.ts";
import type { LedgerState, Seat, Tombstone } from "./state.ts";
import { change, type Work, withEntry } from "./work.ts";

/** Of what is condemned: the bond at that moment, and the power that the key has or had. */
export interface Offender {
  readonly bond: MicroUsd;
  readonly power: Power;
}

export interface SlashTerms {
  readonly slashPpm: bigint;
  readonly slashCorrelationMultiplier: number;
  /** Power condemned within the window, the offender's own counted. */
  readonly condemned: Power;
  /** W. */
  readonly total: Power;
}

/**
 * What an offender loses in all, rounded up. Alone: `slashPpm` of its bond. With others within the
 * window: slashPpm + multiplier x condemned / W, at most all of it: with the multiplier 3 a third
 * of the power that misbehaves together loses everything. This is Ethereum's proportional slashing
 * (consensus-specs, Bellatrix, process_slashings: min(3 x total slashed, total) / total, besides
 * the initial penalty), with one change: a lone offender is no correlation, however large its seat
 * is in a set of four.
 */
export function slashDue({ bond, power }: Offender, terms: SlashTerms): MicroUsd {
  const { slashPpm, slashCorrelationMultiplier, condemned, total } = terms;
  if (condemned === power) return divCeil(bond * slashPpm, PPM);
  const share = slashPpm * total + BigInt(slashCorrelationMultiplier) * condemned * PPM;
  return minimum(bond, divCeil(bond * share, PPM * total));
}

/**
 * A key was condemned: it is slashed, and those condemned before it within the window lose the
 * difference to what is due now, while their bonds are still held.
 */
export function raiseSlashes(work: Work): void {
  const { clockMs, genesis, set, tombstones } = work.state;
  const { slashCorrelationMs, ...rotation } = genesis.parameters.rotation;
  const recent = [...tombstones.values()].filter(
    ({ sinceMs }) => clockMs - sinceMs < slashCorrelationMs,
  );
  // By key, because the order of a map is no part of the certified state.
  recent.sort((left, right) => (left.key < right.key ? -1 : 1));
  const condemned = recent.reduce((sum, { power }) => sum + power, 0n);
  const terms = { ...rotation, condemned, total: totalPower(set) };
  for (const tombstone of recent) {
    const due = slashDue(tombstone, terms);
    if (due > tombstone.slashed) slashFurther(work, tombstone, due - tombstone.slashed);
  }
}

function slashFurther(work: Work, tombstone: Tombstone, wanted: MicroUsd): void {
  const { key, evidence } = tombstone;
  const seated = work.state.seats.has(key);
  const amount = takeBond(work, key, wanted);
  if (amount === 0n) return;
  const { tombstones, slashedPot } = work.state;
  change(work, {
    tombstones: withEntry(tombstones, key, { ...tombstone, slashed: tombstone.slashed + amount }),
    slashedPot: slashedPot + amount,
  });
  work.events.push({ kind: "slashed", key, evidence, amount, seated });
}

type Stake = Pick<Seat, "bond" | "sponsored">;

/** SPONSOR: what was slashed never comes back to the sponsor's limit. */
function less({ bond, sponsored }: Stake, amount: MicroUsd): Stake {
  const left = bond - amount;
  return { bond: left, sponsored: minimum(sponsored, left) };
}

/** Takes up to `wanted` from the bond in a seat or on its way back; returns what was there. */
function takeBond(work: Work, key: PublicKey, wanted: MicroUsd): MicroUsd {
  const { seats, unbonding }: LedgerState = work.state;
  const seat = seats.get(key);
  if (seat !== undefined) {
    const amount = minimum(wanted, seat.bond);
    change(work, { seats: withEntry(seats, key, { ...seat, ...less(seat, amount) }) });
    return amount;
  }
  const entry = unbonding.get(key);
  if (entry === undefined) return 0n;
  const amount = minimum(wanted, entry.amount);
  const { bond, sponsored } = less({ bond: entry.amount, sponsored: entry.sponsored }, amount);
  const poorer = { ...entry, amount: bond, sponsored };
  change(work, { unbonding: withEntry(unbonding, key, poorer) });
  return amount;
}
