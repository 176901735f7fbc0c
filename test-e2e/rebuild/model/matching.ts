import { abs, ceil, min, PPM, sign } from "./arithmetic.ts";
import { fill } from "./fills.ts";
import { equity, initialMargin, isNotWorsening, sizesAfter, value } from "./numbers.ts";
import {
  type Account,
  getAccount,
  getPosition,
  type Market,
  type Order,
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
}

export interface Taken {
  readonly filled: bigint;
  /** Sum over the fills of lots at their prices. */
  readonly value: bigint;
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

/** node/spec/margin.md §8.3: takes what crosses from the book. */
export function take(world: World, taker: Taker): Taken {
  let filled = 0n;
  let filledValue = 0n;
  while (filled < taker.lots) {
    const order = bestAgainst(world, taker.market.rules.id, taker.side);
    if (order === undefined || !crosses(order, taker.side, taker.limit)) break;
    const lots = fillable(world, taker, { order, lots: min(taker.lots - filled, order.lots) });
    if (typeof lots === "string") {
      cancel(world, order, lots);
      continue;
    }
    const paid = feeOn(taker, filledValue);
    filled += lots;
    filledValue += value(taker.market, lots, order.price);
    execute(world, taker, { order, lots, fee: feeOn(taker, filledValue) - paid });
  }
  return { filled, value: filledValue };
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
  if (order.account === taker.account.key) return "self-trade";
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
