import { PPM } from "../kernel/fixed-point.ts";
import type { Millis, PublicKey } from "../kernel/scalars.ts";
import { totalPower } from "../kernel/validator-set.ts";
import type { LedgerState, Liveness } from "./state.ts";
import { change, type Work, withEntry } from "./work.ts";

/**
 * Whether the member serves: its votes came without a longer pause than a quarter of a window, and
 * it is neither muted, condemned, absent by notice, nor are its reports jailed.
 */
function isServing(state: LedgerState, key: PublicKey, liveness: Liveness): boolean {
  const { clockMs, genesis, seats, tombstones } = state;
  const seat = seats.get(key);
  if (seat === undefined || seat.muted || tombstones.has(key)) return false;
  if (seat.reportsJailedUntilMs > clockMs || liveness.absentUntilMs > clockMs) return false;
  return clockMs - liveness.votedMs <= Math.floor(genesis.parameters.rotation.silenceMs / 4);
}

/** Credits the span of this block to all that serve. */
export function countService(work: Work, creditMs: Millis): void {
  const { state } = work;
  const entries = [...state.liveness].map(([key, liveness]): [PublicKey, Liveness] => {
    if (!isServing(state, key, liveness)) return [key, liveness];
    return [key, { ...liveness, servedMs: liveness.servedMs + creditMs }];
  });
  change(work, { liveness: new Map(entries) });
}

/**
 * At the end of a period `rewardPpm` of the pot is for those who served, to the treasury of each
 * seat's owner: by power and by the time served. What nobody earned stays in the pot, roundings
 * too, so that nobody gains by another's silence.
 */
export function payRewards(work: Work): void {
  const { clockMs, rewardsFromMs, rewardPot, genesis, set, liveness } = work.state;
  const { rewardPeriodMs, rewardPpm } = genesis.parameters.rotation;
  const spanMs = clockMs - rewardsFromMs;
  if (spanMs < rewardPeriodMs) return;
  const budget = (rewardPot * rewardPpm) / PPM;
  const whole = totalPower(set) * BigInt(spanMs);
  for (const { key, owner, power } of set.members) {
    const servedMs = BigInt(liveness.get(key)?.servedMs ?? 0);
    pay(work, { key, owner, amount: (budget * power * servedMs) / whole });
  }
  const anew = [...liveness].map(([key, each]): [PublicKey, Liveness] => {
    return [key, { ...each, servedMs: 0 }];
  });
  change(work, { liveness: new Map(anew), rewardsFromMs: clockMs });
}

function pay(
  work: Work,
  { key, owner, amount }: { key: PublicKey; owner: PublicKey; amount: bigint },
): void {
  const { owners, rewardPot } = work.state;
  const paid = owners.get(owner);
  if (amount === 0n || paid === undefined) return;
  const richer = { ...paid, treasury: paid.treasury + amount };
  change(work, { owners: withEntry(owners, owner, richer), rewardPot: rewardPot - amount });
  work.events.push({ kind: "reward", key, owner, amount });
}
