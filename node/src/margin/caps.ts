import { maximum, minimum, PPM } from "../kernel/fixed-point.ts";
import type { MarginParameters } from "../kernel/parameters.ts";
import type { MicroUsd, Millis } from "../kernel/scalars.ts";
import { OUTFLOW_EPOCHS } from "./limits.ts";
import type { Account, Caps, Outflow } from "./state.ts";
import type { MarginBlock, OutcomeBound } from "./types.ts";

export const GENESIS_CAPS: Caps = {
  lagFromMs: 0,
  lowestBefore: 0n,
  lowest: 0n,
  budget: 0n,
  outflows: [],
};

const HOUR_MS = 3_600_000n;

type Tick = Pick<MarginBlock, "clockMs" | "creditMs" | "costOfCorruption">;

/** The caps of this block: they rise late, and fall by at most `capFallPpm` an hour. */
export function stepCaps(caps: Caps, block: Tick, parameters: MarginParameters): Caps {
  const lag = stepLag(caps, block, parameters.bondLagMs);
  const cost = minimum(lag.lowestBefore, lag.lowest);
  const wanted = (cost * (PPM - parameters.bondHaircutPpm)) / PPM;
  const part = parameters.capFallPpm * BigInt(block.creditMs);
  const lowest = caps.budget - (caps.budget * part) / (PPM * HOUR_MS);
  const budget = maximum(wanted, lowest);
  const isSame =
    lag.lagFromMs === caps.lagFromMs && lag.lowest === caps.lowest && budget === caps.budget;
  return isSame ? caps : { ...caps, ...lag, budget };
}

type Lag = Pick<Caps, "lagFromMs" | "lowestBefore" | "lowest">;

/** The lowest cost of this span and the one before: a bond that comes and goes raises nothing. */
function stepLag(caps: Caps, { clockMs, costOfCorruption: cost }: Tick, lagMs: Millis): Lag {
  const { lagFromMs, lowestBefore, lowest } = caps;
  if (lagFromMs === 0) return { lagFromMs: clockMs, lowestBefore: cost, lowest: cost };
  if (clockMs - lagFromMs < lagMs) {
    return { lagFromMs, lowestBefore, lowest: minimum(lowest, cost) };
  }
  return { lagFromMs: clockMs, lowestBefore: lowest, lowest: cost };
}

/** Micro-USD that may leave the chain in any window, minimums aside. */
export function outflowCap({ budget }: Caps, parameters: MarginParameters): MicroUsd {
  return (budget * parameters.outflowSharePpm) / PPM;
}

/** Micro-USD that a move of all prices may shift between longs and shorts. */
export function openInterestCap(caps: Caps, parameters: MarginParameters): MicroUsd {
  return caps.budget - outflowCap(caps, parameters);
}

/** Epochs part the window, rounded up: so many of them and the running one hold any window. */
export function outflowEpoch(clockMs: Millis, { outflowWindowMs }: MarginParameters): number {
  return Math.floor(clockMs / Math.ceil(outflowWindowMs / OUTFLOW_EPOCHS));
}

/** The window of an account's minimum. */
function windowOf(clockMs: Millis, { outflowWindowMs }: MarginParameters): number {
  return Math.floor(clockMs / outflowWindowMs);
}

export interface Leaving {
  readonly account: Account;
  readonly amount: MicroUsd;
  readonly clockMs: Millis;
  readonly parameters: MarginParameters;
}

type Moment = Pick<Leaving, "clockMs" | "parameters">;

function recentOutflows(caps: Caps, { clockMs, parameters }: Moment): readonly Outflow[] {
  const oldest = outflowEpoch(clockMs, parameters) - OUTFLOW_EPOCHS;
  return caps.outflows.filter(({ epoch }) => epoch >= oldest);
}

/** Micro-USD that left in the window that ends now: what of the cap is used. */
export function outflowInWindow(caps: Caps, moment: Moment): MicroUsd {
  return recentOutflows(caps, moment).reduce((sum, { amount }) => sum + amount, 0n);
}

function withdrawnOf({ account, clockMs, parameters }: Leaving): MicroUsd {
  return account.withdrawnWindow === windowOf(clockMs, parameters) ? account.withdrawn : 0n;
}

/** Why the amount may not leave now; undefined is consent. */
export function checkOutflow(caps: Caps, leaving: Leaving): OutcomeBound | undefined {
  const { clockMs, parameters, amount } = leaving;
  const cap = outflowCap(caps, parameters);
  const left = outflowInWindow(caps, leaving);
  const kept = parameters.withdrawalMinimum - withdrawnOf(leaving);
  const remainder = maximum(0n, maximum(cap - left, kept));
  if (amount <= remainder) return undefined;
  return { cap, epoch: outflowEpoch(clockMs, parameters), remainder };
}

/** What left counts for the window and for the account's minimum, whichever of them let it out. */
export function noteOutflow(
  caps: Caps,
  leaving: Leaving,
): { readonly caps: Caps; readonly account: Account } {
  const { account, amount, clockMs, parameters } = leaving;
  const epoch = outflowEpoch(clockMs, parameters);
  const recent = recentOutflows(caps, leaving);
  const running = recent.find((each) => each.epoch === epoch)?.amount ?? 0n;
  const others = recent.filter((each) => each.epoch !== epoch);
  const withdrawn = withdrawnOf(leaving) + amount;
  const withdrawnWindow = windowOf(clockMs, parameters);
  return {
    caps: { ...caps, outflows: [...others, { epoch, amount: running + amount }] },
    account: { ...account, withdrawnWindow, withdrawn },
  };
}

/**
 * An account has its minimum from the window after its first deposit on: whoever parts an amount
 * over new accounts does not get it past the cap at once.
 */
export function withoutMinimum(
  account: Account,
  clockMs: Millis,
  parameters: MarginParameters,
): Account {
  const withdrawnWindow = windowOf(clockMs, parameters);
  return { ...account, withdrawnWindow, withdrawn: parameters.withdrawalMinimum };
}
