import { abs, ceil, min, PPM, sign } from "./arithmetic.ts";
import { fill } from "./fills.ts";
import { equity, initialMargin, isNotWorsening, sizesAfter, value } from "./numbers.ts";
import {
  type Account,
  type Action,
  getAccount,
  getMarket,
  getPosition,
  type Market,
  type Order,
  STEPS_PER_ORDER_MAX,
  sideSign,
  type World,
} from "./world.ts";

export interface Taker {
  readonly account: Account;
  readonly market: Market;
  readonly side: "buy" | "sell";
  readonly limit: bigint;
  readonly lots: bigint;
  /** Undefined for a liquidation order, which pays no taker fee. */
  readonly clientId: number | undefined;
  readonly selfTrade: Extract<Action, { kind: "place" }>["selfTrade"];
}

export interface Taken {
  readonly filled: bigint;
  /** Sum over the fills of lots at their prices. */
  readonly value: bigint;
  /** What may rest. */
  readonly left: bigint;
}

/** The book's best order against `side`: by price, then by sequence. */
export function bestAgainst(world: World, market: number, side: "buy" | "sell"): Order | undefined {
  const opposite = world.orders.filter((order) => order.market === market && order.side !== side);
  const better = side === "buy" ? 1n : -1n;
  return opposite.sort((left, right) => {
    const byPrice = Number(sign((left.price - right.price) * better));
    return byPrice === 0 ? left.sequence - right.sequence : byPrice;
  })[0];
}

export function crosses(order: Order, side: "buy" | "sell", limit: bigint): boolean {
  return side === "buy" ? order.price <= limit : order.price >= limit;
}

export function cancel(world: World, order: Order, reason: string | undefined): void {
  world.orders = world.orders.filter((other) => other !== order);
  if (reason === undefined) return;
  const { account, market, clientId, lots } = order;
  world.events.push({ kind: "order-cancelled", account, market, clientId, size: lots, reason });
}

export function isOver(world: World, { untilMs }: Order): boolean {
  return untilMs > 0 && untilMs <= world.nowMs;
}

/** node/spec/margin.md §8.3: takes what crosses from the book. */
export function take(world: World, taker: Taker): Taken {
  let left = taker.lots;
  let filled = 0n;
  let filledValue = 0n;
  let passes = 0;
  while (left > 0n) {
    const order = bestAgainst(world, taker.market.rules.id, taker.side);
    if (order === undefined || !crosses(order, taker.side, taker.limit)) break;
    if (passes === STEPS_PER_ORDER_MAX) return { filled, value: filledValue, left: 0n };
    passes += 1;
    if (taker.clientId !== undefined) countPass(world, taker.account.key);
    if (order.account === taker.account.key) {
      left = meetOwn(world, taker, { order, left });
      continue;
    }
    const lots = fillable(world, taker, { order, lots: min(left, order.lots) });
    if (typeof lots === "string") {
      cancel(world, order, lots);
      continue;
    }
    const paid = feeOn(taker, filledValue);
    left -= lots;
    filled += lots;
    filledValue += value(taker.market, lots, order.price);
    execute(world, taker, { order, lots, fee: feeOn(taker, filledValue) - paid });
  }
  return { filled, value: filledValue, left };
}

function countPass(world: World, account: string): void {
  world.passes += 1;
  world.passesOf.set(account, (world.passesOf.get(account) ?? 0) + 1);
}

/** The four modes; returns what is left of the taker. */
function meetOwn(
  world: World,
  { selfTrade }: Taker,
  { order, left }: { order: Order; left: bigint },
): bigint {
  if (selfTrade === "cancel-taker") return 0n;
  if (selfTrade !== "decrement") {
    cancel(world, order, "self-trade");
    return selfTrade === "cancel-both" ? 0n : left;
  }
  const lots = min(left, order.lots);
  const { account, market, clientId } = order;
  const reason = "self-trade";
  world.events.push({ kind: "order-cancelled", account, market, clientId, size: lots, reason });
  order.lots -= lots;
  if (order.lots === 0n) cancel(world, order, undefined);
  return left - lots;
}

/** Fill or kill: tries it in a copy of the world, where an own order ends it. */
export function wouldFill(world: World, taker: Taker): boolean {
  const copy = structuredClone(world);
  const { account, market } = taker;
  const { filled } = take(copy, {
    ...taker,
    account: getAccount(copy, account.key),
    market: getMarket(copy, market.rules.id),
    selfTrade: taker.selfTrade === "cancel-maker" ? "cancel-maker" : "cancel-taker",
  });
  world.passes = copy.passes;
  world.passesOf = copy.passesOf;
  return filled === taker.lots;
}

/**
 * The order's whole fee once its fills are worth `filledValue`: one rounding for the whole order.
 */
function feeOn({ clientId, market }: Taker, filledValue: bigint): bigint {
  return clientId === undefined ? 0n : ceil(filledValue * market.rules.takerFeePpm, PPM);
}

/** How much of the maker's order can fill now, or why it is cancelled. */
function fillable(
  world: World,
  taker: Taker,
  { order, lots: most }: { order: Order; lots: bigint },
): bigint | string {
  if (isOver(world, order)) return "expired";
  const { market } = taker;
  const maker = getAccount(world, order.account);
  const { size } = getPosition(maker, market.rules.id);
  const direction = sideSign(order.side);
  const isOpposite = sign(size) === -direction;
  let lots = most;
  if (order.reduceOnly) {
    lots = isOpposite ? min(most, abs(size)) : 0n;
    if (lots === 0n) return "nothing-to-reduce";
  }
  const change = direction * lots;
  const cost = value(market, change, order.price - market.price);
  const after = equity(world, maker) - cost;
  if (after >= initialMargin(world, sizesAfter(maker, market.rules.id, change))) return lots;
  const carries =
    isOpposite &&
    lots <= abs(size) &&
    isNotWorsening(world, maker, { market: market.rules.id, change, cost });
  return carries ? lots : "margin";
}

function execute(
  world: World,
  taker: Taker,
  { order, lots, fee }: { order: Order; lots: bigint; fee: bigint },
): void {
  const { market } = taker;
  const { price } = order;
  const maker = getAccount(world, order.account);
  const change = sideSign(taker.side) * lots;
  fill(world, taker.account, { market, change, price });
  fill(world, maker, { market, change: -change, price });
  taker.account.balance -= fee;
  world.fund += fee;
  order.lots -= lots;
  if (order.lots === 0n) cancel(world, order, undefined);
  world.events.push({
    kind: "fill",
    fill: {
      market: market.rules.id,
      maker: maker.key,
      makerClientId: order.clientId,
      taker: taker.account.key,
      takerClientId: taker.clientId,
      side: taker.side,
      size: lots,
      price,
      fee,
    },
  });
}
