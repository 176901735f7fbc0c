import { minimum } from "../kernel/fixed-point.ts";
import type { MicroUsd, Power } from "../kernel/scalars.ts";
import { honestPowerMin } from "../kernel/threshold.ts";
import { slashDue } from "./slashing.ts";
import type { LedgerState } from "./state.ts";

/**
 * Rule CAPS: the least that is slashed where the chain is corrupted. Two certificates that
 * contradict each other have signers in common with f+1 of the power, all of whom are proven; those
 * that lose least for their power are counted, the last of them in part. Bonds are micro-USD of
 * the chain itself: their price is 1, and the haircut stands for what that may hide.
 */
export function costOfCorruption({ seats, genesis }: LedgerState): MicroUsd {
  const total = [...seats.values()].reduce((sum, { power }) => sum + power, 0n);
  const culprits = honestPowerMin(total);
  const terms = { ...genesis.parameters.rotation, condemned: culprits, total };
  const losses = Array.from(seats.values(), (seat) => ({
    power: seat.power,
    loss: slashDue(seat, terms),
  })).sort(cheapestFirst);
  let missing = culprits;
  let cost = 0n;
  for (const { power, loss } of losses) {
    const counted = minimum(power, missing);
    cost += (loss * counted) / power;
    missing -= counted;
  }
  return cost;
}

interface Loss {
  readonly power: Power;
  readonly loss: MicroUsd;
}

/** By loss for a unit of power; which of two equal ones is counted in part changes no sum. */
function cheapestFirst(one: Loss, two: Loss): number {
  const difference = one.loss * two.power - two.loss * one.power;
  if (difference === 0n) return 0;
  return difference < 0n ? -1 : 1;
}
