import { absolute, minimum } from "../kernel/fixed-point.ts";
import type { MarginParameters } from "../kernel/parameters.ts";
import type { MicroUsd, Millis } from "../kernel/scalars.ts";
import { GAIN_LOCK_BUCKETS } from "./limits.ts";
import { fundingDue, quoteValue } from "./margin-requirement.ts";
import type { OpenOrder } from "./open-order.ts";
import type { Account, GainLock, Position } from "./state.ts";
import type { Lots, MarketParameters, Ticks } from "./types.ts";

export interface AccountFill {
  readonly market: MarketParameters;
  /** Signed lots. */
  readonly delta: Lots;
  readonly price: Ticks;
  /** The market's: what the position owes is settled before it changes. */
  readonly fundingIndex: bigint;
}

export interface LockClock {
  /** The ledger's clock. */
  readonly clockMs: Millis;
  readonly parameters: MarginParameters;
}

/** Moves lots and their whole price; a gain realised by it is locked for a while (rule ORDER). */
export function fillAccount(unsettled: Account, fill: AccountFill, clock: LockClock): Account {
  const { market, delta, price, fundingIndex } = fill;
  const account = settlePosition(unsettled, { market: market.id, fundingIndex }, clock);
  const before = account.positions.find((position) => position.market === market.id);
  const { position, gain } = fillPosition(
    before ?? { market: market.id, size: 0n, cost: 0n, fundingIndex },
    fill,
  );
  const others = account.positions.filter((other) => other.market !== market.id);
  const positions =
    position.size === 0n
      ? others
      : [...others, position].sort((one, two) => one.market - two.market);
  return {
    ...account,
    balance: account.balance - quoteValue(market, delta, price),
    positions,
    locks: gain > 0n ? addLock(account.locks, gain, clock) : account.locks,
  };
}

/** Pays a position's funding up to the index; what it gets is a gain like any other. */
export function settlePosition(
  account: Account,
  { market, fundingIndex }: Pick<Position, "market" | "fundingIndex">,
  clock: LockClock,
): Account {
  const position = account.positions.find((each) => each.market === market);
  if (position === undefined || position.fundingIndex === fundingIndex) return account;
  const amount = fundingDue(position, fundingIndex);
  return {
    ...account,
    balance: account.balance + amount,
    positions: account.positions.map((each) =>
      each === position ? { ...position, fundingIndex } : each,
    ),
    locks: amount > 0n ? addLock(account.locks, amount, clock) : account.locks,
  };
}

/** Average cost: what closes takes its share of the cost along, rounded towards zero. */
function fillPosition(
  position: Position,
  { market, delta, price }: AccountFill,
): { position: Position; gain: MicroUsd } {
  let { size, cost } = position;
  let opened = delta;
  let gain = 0n;
  if (size * delta < 0n) {
    const held = absolute(size);
    const closed = minimum(absolute(delta), held);
    const direction = size > 0n ? 1n : -1n;
    const part = (cost * closed) / held;
    gain = quoteValue(market, direction * closed, price) - part;
    size -= direction * closed;
    cost -= part;
    opened = delta + direction * closed;
  }
  const opening = quoteValue(market, opened, price);
  return { position: { ...position, size: size + opened, cost: cost + opening }, gain };
}

function addLock(locks: readonly GainLock[], amount: MicroUsd, clock: LockClock): GainLock[] {
  const { gainLockMs } = clock.parameters;
  const bucketMs = Math.max(1, Math.floor(gainLockMs / GAIN_LOCK_BUCKETS));
  const untilMs = (Math.floor(clock.clockMs / bucketMs) + 1) * bucketMs + gainLockMs;
  const open = openLocks(locks, clock.clockMs);
  const last = open.at(-1);
  if (last?.untilMs !== untilMs) return [...open, { untilMs, amount }];
  return [...open.slice(0, -1), { untilMs, amount: last.amount + amount }];
}

export function openLocks(locks: readonly GainLock[], clockMs: Millis): readonly GainLock[] {
  return locks.filter(({ untilMs }) => untilMs > clockMs);
}

/** What the account could take out if it had no requirement: realised and no longer locked. */
export function releasedBalance(account: Account, clockMs: Millis): MicroUsd {
  const costs = account.positions.reduce((sum, { cost }) => sum + cost, 0n);
  const locked = openLocks(account.locks, clockMs).reduce((sum, { amount }) => sum + amount, 0n);
  return account.balance + costs - locked;
}

function isSameOrder(one: OpenOrder, two: OpenOrder): boolean {
  return one.market === two.market && one.sequence === two.sequence;
}

export function withOrder(account: Account, order: OpenOrder): Account {
  return { ...account, orders: [...account.orders, order] };
}

export function withoutOrder(account: Account, order: OpenOrder): Account {
  return { ...account, orders: account.orders.filter((other) => !isSameOrder(other, order)) };
}

export function withReplacedOrder(account: Account, order: OpenOrder): Account {
  const orders = account.orders.map((other) => (isSameOrder(other, order) ? order : other));
  return { ...account, orders };
}
