import { abs, ceil, max, min, PPM, sign, sum } from "./arithmetic.ts";
import { type Bound, epochAt, letOut, lotsAtRisk, openInterestCap } from "./caps.ts";
import { bestAgainst, cancel, crosses, isOver, take, wouldFill } from "./matching.ts";
import { equity, isNotWorsening, loss, marginWithOrders, ordersOf, value } from "./numbers.ts";
import { settle } from "./settlement.ts";
import {
  type Account,
  type Action,
  EXPIRIES_PER_BLOCK_MAX,
  findAccount,
  getMarket,
  getPosition,
  type Market,
  OPEN_ORDERS_MAX,
  type Order,
  PRICE_TICKS_MAX,
  STEPS_PER_ACCOUNT_MAX,
  STEPS_PER_BLOCK_MAX,
  sideSign,
  type World,
} from "./world.ts";

export interface Outcome {
  readonly code: string;
  readonly filled: bigint;
  readonly resting: bigint;
  readonly bound?: Bound;
}

function refused(code: string): Outcome {
  return { code, filled: 0n, resting: 0n };
}

const DONE: Outcome = { code: "OK", filled: 0n, resting: 0n };

type Place = Extract<Action, { kind: "place" }>;
type Cancel = Extract<Action, { kind: "cancel" }>;
type Withdraw = Extract<Action, { kind: "withdraw" | "stake" }>;

/** node/spec/margin.md §8.1. */
export function cancelOrder(world: World, key: string, action: Cancel): Outcome {
  if (action.market >= world.markets.length) return refused("UNKNOWN_MARKET");
  const account = findAccount(world, key);
  if (account === undefined) return refused("UNKNOWN_ACCOUNT");
  const order = ordersOf(world, key).find(
    (open) => open.market === action.market && open.clientId === action.clientId,
  );
  if (order === undefined) return refused("ORDER_NOT_FOUND");
  cancel(world, order, undefined);
  return DONE;
}

/** Of one market, or of all; the owner's own cancels are no events. */
export function cancelAll(world: World, key: string, market: number | undefined): Outcome {
  if (findAccount(world, key) === undefined) return refused("UNKNOWN_ACCOUNT");
  for (const order of ordersOf(world, key)) {
    if (market === undefined || order.market === market) cancel(world, order, undefined);
  }
  return DONE;
}

/** §8.4. */
export function expireOrders(world: World): void {
  const over = world.orders
    .filter((order) => isOver(world, order))
    .sort((a, b) => a.untilMs - b.untilMs || a.market - b.market || a.sequence - b.sequence);
  for (const order of over.slice(0, EXPIRIES_PER_BLOCK_MAX)) cancel(world, order, "expired");
}

/** §8.5. */
export function placeQuotes(
  world: World,
  key: string,
  { market, quotes }: Extract<Action, { kind: "quote" }>,
): Outcome {
  if (market >= world.markets.length) return refused("UNKNOWN_MARKET");
  if (findAccount(world, key) === undefined) return refused("UNKNOWN_ACCOUNT");
  const outcomes = quotes.map((each) =>
    placeOrder(world, key, {
      ...each,
      kind: "place",
      market,
      timeInForce: "post-only",
      reduceOnly: false,
      selfTrade: "cancel-maker",
      untilMs: 0,
    }),
  );
  const first = outcomes.find(({ code }) => code !== "OK") ?? DONE;
  return { ...first, filled: 0n, resting: sum(outcomes.map(({ resting }) => resting)) };
}

/** §8.2: the refusals in their order, then the book. */
export function placeOrder(world: World, key: string, action: Place): Outcome {
  if (action.market >= world.markets.length) return refused("UNKNOWN_MARKET");
  const market = getMarket(world, action.market);
  const account = findAccount(world, key);
  if (account === undefined) return refused("UNKNOWN_ACCOUNT");
  const code = formRefusal(world, { account, market, action });
  if (code !== undefined) return refused(code);
  const { size: held } = getPosition(account, market.rules.id);
  let lots = action.size;
  if (action.reduceOnly) {
    if (sign(held) !== -sideSign(action.side)) return refused("NOTHING_TO_REDUCE"); // 11
    lots = min(lots, abs(held));
  }
  if (action.timeInForce === "post-only") {
    const best = bestAgainst(world, market.rules.id, action.side);
    if (best !== undefined && crosses(best, action.side, action.price)) {
      return refused("POST_ONLY_WOULD_TAKE"); // 12
    }
  }
  const beyond = limitRefusal(world, { account, market, action }, lots);
  if (beyond !== undefined) return beyond; // 13, 14
  const marginCode = marginRefusal(world, { account, market, action }, lots);
  if (marginCode !== undefined) return refused(marginCode);
  if (action.timeInForce === "fok") {
    const { side, price, clientId, selfTrade } = action;
    const taker = { account, market, side, limit: price, lots, clientId, selfTrade };
    if (!wouldFill(world, taker)) return refused("WOULD_NOT_FILL"); // 16
  }
  return execute(world, { account, market, action }, lots);
}

interface Placing {
  readonly account: Account;
  readonly market: Market;
  readonly action: Place;
}

/** Refusals 3 to 10. */
function formRefusal(world: World, { account, market, action }: Placing): string | undefined {
  if (world.passes >= STEPS_PER_BLOCK_MAX) return "BLOCK_FULL";
  const ownPasses = world.passesOf.get(account.key) ?? 0;
  if (ownPasses >= STEPS_PER_ACCOUNT_MAX) return "BLOCK_SHARE_SPENT";
  if (action.size < 1n || action.size > market.rules.orderLotsMax) return "SIZE_OUT_OF_RANGE";
  if (action.price < 1n || action.price > PRICE_TICKS_MAX) return "PRICE_OUT_OF_RANGE";
  const hasEnd = action.timeInForce === "gtt";
  if (hasEnd ? action.untilMs <= world.nowMs : action.untilMs !== 0) return "TIME_OUT_OF_RANGE";
  const open = ordersOf(world, account.key);
  if (open.some((order) => order.clientId === action.clientId)) return "DUPLICATE_CLIENT_ID";
  if (!isAtOnce(action) && open.length >= OPEN_ORDERS_MAX) return "TOO_MANY_ORDERS";
  if (market.mode === "paused") return "MARKET_PAUSED";
  if (market.state === "stale") return "PRICE_NOT_FRESH";
  const distance = abs(action.price - market.price);
  if (distance * PPM > market.rules.priceBandPpm * market.price) return "PRICE_OUT_OF_BAND";
  return undefined;
}

/** Refusals 13 and 14: the account's limit, then the market's share of the caps. */
function limitRefusal(
  world: World,
  { account, market, action }: Placing,
  lots: bigint,
): Outcome | undefined {
  const { id, positionLotsMax, corruptMovePpm } = market.rules;
  const held = sideSign(action.side) * getPosition(account, id).size;
  const own = ordersOf(world, account.key).filter(
    (order) => order.market === id && order.side === action.side,
  );
  const room = positionLotsMax - held - sum(own.map((order) => order.lots));
  if (lots > room) {
    const bound = { cap: positionLotsMax, epoch: epochAt(world), remainder: max(0n, room) };
    return { ...refused("POSITION_LIMIT_REACHED"), bound };
  }
  const opens = max(0n, lots - max(0n, -held));
  const best = bestAgainst(world, id, action.side);
  const takes =
    action.timeInForce !== "post-only" &&
    best !== undefined &&
    crosses(best, action.side, action.price);
  const cap = openInterestCap(world);
  if (corruptMovePpm === 0n || opens === 0n || !takes) return undefined;
  if (lotsAtRisk(world, id, opens) <= cap) return undefined;
  const remainder = max(0n, cap - lotsAtRisk(world, id, 0n));
  return {
    ...refused("OPEN_INTEREST_CAP_REACHED"),
    bound: { cap, epoch: epochAt(world), remainder },
  };
}

/** Refusal 15. */
function marginRefusal(
  world: World,
  { account, market, action }: Placing,
  lots: bigint,
): string | undefined {
  const { id } = market.rules;
  const { side, price } = action;
  const { size: held } = getPosition(account, id);
  const open = ordersOf(world, account.key);
  const sameSide = open.filter((order) => order.market === id && order.side === side);
  const isReducing =
    sign(held) === -sideSign(side) && lots + sum(sameSide.map((o) => o.lots)) <= abs(held);
  const order = { market: id, side, price, lots };
  const fee =
    action.timeInForce === "post-only"
      ? 0n
      : ceil(value(market, lots, price) * market.rules.takerFeePpm, PPM);
  const isReduceOnly = account.stage === "reduce-only" || account.stage === "liquidating";
  const isRestricted =
    isReduceOnly ||
    market.mode !== "open" ||
    market.state !== "fresh" ||
    !isInFreshMarketsOnly(world, account);
  const worth = equity(world, account);
  if (!isRestricted && worth >= marginWithOrders(world, account, [order]) + fee) return undefined;
  const change = sideSign(side) * lots;
  const cost = loss(world, order) + fee;
  if (isReducing && isNotWorsening(world, account, { market: id, change, cost })) return undefined;
  if (!isRestricted || isReducing) return "INSUFFICIENT_MARGIN";
  if (isReduceOnly) return "ACCOUNT_REDUCE_ONLY";
  return market.mode === "open" ? "PRICE_NOT_FRESH" : "MARKET_REDUCE_ONLY";
}

function isInFreshMarketsOnly(world: World, account: Account): boolean {
  return world.markets.every(
    ({ rules, state }) =>
      state === "fresh" ||
      (getPosition(account, rules.id).size === 0n &&
        !ordersOf(world, account.key).some((order) => order.market === rules.id)),
  );
}

function isAtOnce({ timeInForce }: Place): boolean {
  return timeInForce === "ioc" || timeInForce === "fok";
}

function execute(world: World, { account, market, action }: Placing, lots: bigint): Outcome {
  const { side, price, clientId, timeInForce, reduceOnly, untilMs, selfTrade } = action;
  const taker = { account, market, side, limit: price, lots, clientId, selfTrade };
  const { filled, left } = take(world, taker);
  if (left === 0n || isAtOnce(action)) return { code: "OK", filled, resting: 0n };
  const order: Order = {
    account: account.key,
    market: market.rules.id,
    clientId,
    side,
    price,
    timeInForce,
    reduceOnly,
    untilMs,
    sequence: market.nextSequence,
    lots: left,
  };
  market.nextSequence += 1;
  world.orders.push(order);
  return { code: "OK", filled, resting: left };
}

export function areWithdrawalsShut(world: World): boolean {
  return world.accounts.some((account) => equity(world, account) < 0n);
}

/** What the account may take out now (§9). */
export function freeCollateral(world: World, account: Account): bigint {
  const locked = sum(
    account.locks.filter(({ untilMs }) => untilMs > world.clockMs).map(({ amount }) => amount),
  );
  const costs = sum(account.positions.map(({ cost }) => cost));
  const unlocked = account.balance + costs - locked;
  const aboveMargin = equity(world, account) - marginWithOrders(world, account, []);
  return max(0n, min(unlocked, aboveMargin));
}

export function withdraw(
  world: World,
  key: string,
  { action, isShut }: { readonly action: Withdraw; readonly isShut: boolean },
): Outcome {
  const { amount } = action;
  const account = findAccount(world, key);
  if (account === undefined) return refused("UNKNOWN_ACCOUNT");
  if (amount < 1n) return refused("AMOUNT_OUT_OF_RANGE");
  if (isShut) return refused("WITHDRAWALS_SHUT");
  if (!isInFreshMarketsOnly(world, account)) return refused("PRICE_NOT_FRESH");
  if (amount > freeCollateral(world, account)) return refused("INSUFFICIENT_COLLATERAL");
  const bound = action.kind === "withdraw" ? letOut(world, account, amount) : undefined;
  if (bound !== undefined) return { ...refused("OUTFLOW_CAP_REACHED"), bound };
  for (const market of world.markets) settle(world, account, market);
  account.balance -= amount;
  account.locks = account.locks.filter(({ untilMs }) => untilMs > world.clockMs);
  if (action.kind === "withdraw") world.events.push({ kind: "withdrawal", account: key, amount });
  else world.events.push({ kind: "staked", account: key, owner: action.owner, amount });
  return DONE;
}
