import { ceil, floor, PPM, sum } from "./arithmetic.ts";
import {
  type Account,
  GAIN_LOCK_BUCKETS,
  getPosition,
  type Market,
  type Position,
  type World,
} from "./world.ts";

/** A realised gain may be withdrawn only after a time (§9). */
export function lockGain(world: World, account: Account, gain: bigint): void {
  const now = world.clockMs;
  const { gainLockMs } = world.rules;
  const bucket = Math.max(1, Math.floor(gainLockMs / GAIN_LOCK_BUCKETS));
  const untilMs = (Math.floor(now / bucket) + 1) * bucket + gainLockMs;
  account.locks = account.locks.filter((lock) => lock.untilMs > now);
  const same = account.locks.find((lock) => lock.untilMs === untilMs);
  if (same === undefined) account.locks.push({ untilMs, amount: gain });
  else same.amount += gain;
}

/** §5.2: exactly what the position gets, micro-USD x ppm; negative where it pays. */
function exactly({ size, fundingIndex }: Position, market: Market): bigint {
  return size * (fundingIndex - market.fundingIndex);
}

export function fundingDue(position: Position, market: Market): bigint {
  return floor(exactly(position, market), PPM);
}

/** §5.2: what payers put in for those who were not paid yet, in whole units and rounded up. */
export function pool({ fundingClaims }: Market): bigint {
  return ceil(fundingClaims, PPM);
}

/** What the positions have a claim on, added up anew. */
export function claimsOf(world: World, market: Market): bigint {
  const positions = world.accounts.map((account) => getPosition(account, market.rules.id));
  return sum(positions.map(({ size, fundingIndex }) => size * fundingIndex));
}

/** §5.2: before the size of a position changes, and before a withdrawal. */
export function settle(world: World, account: Account, market: Market): void {
  const position = getPosition(account, market.rules.id);
  if (position.fundingIndex === market.fundingIndex) return;
  if (position.size === 0n) {
    position.fundingIndex = market.fundingIndex;
    return;
  }
  const amount = fundingDue(position, market);
  const before = pool(market);
  market.fundingClaims -= exactly(position, market);
  position.fundingIndex = market.fundingIndex;
  const dust = before - pool(market) - amount;
  account.balance += amount;
  world.fund += dust;
  if (amount > 0n) lockGain(world, account, amount);
  world.events.push({
    kind: "funding-payment",
    account: account.key,
    market: market.rules.id,
    size: position.size,
    amount,
    dust,
  });
}
