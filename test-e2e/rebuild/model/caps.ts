import { ceil, max, min, PPM, sum } from "./arithmetic.ts";
import { value } from "./numbers.ts";
import type { Account, Block, World } from "./world.ts";

const EPOCHS = 24;
const HOUR_MS = 3_600_000n;

/** What a refusal by the cap tells (§9). */
export interface Bound {
  readonly cap: bigint;
  readonly epoch: number;
  readonly remainder: bigint;
}

/** The caps at the begin of a block: lag, haircut, and no fast fall. */
export function stepCaps({ caps, rules }: World, block: Block): void {
  const cost = block.costOfCorruption;
  if (caps.lagFromMs === 0) {
    caps.lagFromMs = block.clockMs;
    caps.lowestBefore = cost;
    caps.lowest = cost;
  } else if (block.clockMs - caps.lagFromMs >= rules.bondLagMs) {
    caps.lagFromMs = block.clockMs;
    caps.lowestBefore = caps.lowest;
    caps.lowest = cost;
  } else {
    caps.lowest = min(caps.lowest, cost);
  }
  const counted = min(caps.lowestBefore, caps.lowest) * (PPM - rules.bondHaircutPpm);
  const fall = (caps.budget * rules.capFallPpm * BigInt(block.creditMs)) / (PPM * HOUR_MS);
  caps.budget = max(counted / PPM, caps.budget - fall);
}

function windowAt({ rules, clockMs }: World): number {
  return Math.floor(clockMs / rules.outflowWindowMs);
}

/** A new account has its minimum from the next window on. */
export function spendMinimum(world: World, account: Account): void {
  account.withdrawnWindow = windowAt(world);
  account.withdrawn = world.rules.withdrawalMinimum;
}

/** Number of the outflow's epoch. */
export function epochAt({ rules, clockMs }: World): number {
  return Math.floor(clockMs / Math.ceil(rules.outflowWindowMs / EPOCHS));
}

export function openInterestCap({ caps, rules }: World): bigint {
  return caps.budget - (caps.budget * rules.outflowSharePpm) / PPM;
}

/** All that a corrupt price could move, with `more` lots open in one market. */
export function lotsAtRisk(world: World, market: number, more: bigint): bigint {
  const risks = world.markets.map((each) => {
    const { id, corruptMovePpm } = each.rules;
    const longs = sum(world.accounts.map(({ positions }) => max(0n, positions[id]?.size ?? 0n)));
    const lots = longs + (id === market ? more : 0n);
    return ceil(value(each, lots, each.price) * corruptMovePpm, PPM);
  });
  return sum(risks);
}

/** Counts what leaves, or says why it may not and changes nothing. */
export function letOut(world: World, account: Account, amount: bigint): Bound | undefined {
  const { caps, rules } = world;
  const epoch = epochAt(world);
  const recent = caps.outflows.filter((one) => one.epoch >= epoch - EPOCHS);
  const own = account.withdrawnWindow === windowAt(world) ? account.withdrawn : 0n;
  const cap = (caps.budget * rules.outflowSharePpm) / PPM;
  const room = cap - sum(recent.map((one) => one.amount));
  const minimum = rules.withdrawalMinimum - own;
  if (amount > room && amount > minimum) {
    return { cap, epoch, remainder: max(0n, max(room, minimum)) };
  }
  account.withdrawnWindow = windowAt(world);
  account.withdrawn = own + amount;
  const running = recent.find((one) => one.epoch === epoch);
  if (running === undefined) recent.push({ epoch, amount });
  else running.amount += amount;
  caps.outflows = recent;
  return undefined;
}
