import { defined } from "../kernel/assert.ts";
import { absolute, divCeil, divFloor, maximum, PPM } from "../kernel/fixed-point.ts";
import type { MicroUsd } from "../kernel/scalars.ts";
import type { OpenOrder } from "./open-order.ts";
import type { Account, Position } from "./state.ts";
import type { Lots, MarketId, MarketParameters, Side, Ticks } from "./types.ts";

/** What valuing an account needs to know of a market: the last index price and the constants. */
export interface PricedMarket {
  readonly parameters: MarketParameters;
  readonly oracle: { readonly price: Ticks };
  readonly funding: { readonly index: bigint };
}

/** An order before it rests: what the margin checks look at. */
export type OrderTerms = Pick<OpenOrder, "market" | "side" | "size" | "price">;

export function sideSign(side: Side): bigint {
  return side === "buy" ? 1n : -1n;
}

export function marketOf<T>(markets: readonly T[], id: MarketId): T {
  return defined(markets[id], `market ${id}`);
}

/** Quote value of the lots, exact: lots x ticks x micro-USD per lot and tick. */
export function quoteValue(parameters: MarketParameters, lots: Lots, price: Ticks): MicroUsd {
  return lots * price * parameters.microUsdPerLotTick;
}

/** A fee or requirement of `ppm` of an amount of at least 0: always rounded up. */
export function ppmCeil(amount: MicroUsd, ppm: bigint): MicroUsd {
  return divCeil(amount * ppm, PPM);
}

export function positionSize(account: Account, market: MarketId): Lots {
  return account.positions.find((position) => position.market === market)?.size ?? 0n;
}

/** What the position gets of the funding since it last paid, rounded down: a payer pays more. */
export function fundingDue({ size, fundingIndex }: Position, index: bigint): MicroUsd {
  return fundingIndex === index ? 0n : divFloor(size * (fundingIndex - index), PPM);
}

/** Equity at the last index prices: balance, the value of every position, and its funding. */
export function equityOf(account: Account, markets: readonly PricedMarket[]): MicroUsd {
  let equity = account.balance;
  for (const position of account.positions) {
    const { parameters, oracle, funding } = marketOf(markets, position.market);
    equity += quoteValue(parameters, position.size, oracle.price);
    equity += fundingDue(position, funding.index);
  }
  return equity;
}

type RateOf = (parameters: MarketParameters) => bigint;

const initialRate: RateOf = (parameters) => parameters.initialMarginPpm;
const maintenanceRate: RateOf = (parameters) => parameters.maintenanceMarginPpm;

/** Margin of `lots` in one market at the index price, rounded up by itself. */
function lotsMargin(market: PricedMarket, lots: Lots, rateOf: RateOf): MicroUsd {
  const notional = quoteValue(market.parameters, absolute(lots), market.oracle.price);
  return ppmCeil(notional, rateOf(market.parameters));
}

/** Sum over the positions, with one of them changed by `delta` lots. */
function positionsMargin(
  positions: readonly Position[],
  markets: readonly PricedMarket[],
  rateOf: RateOf,
  change?: { readonly market: MarketId; readonly delta: Lots },
): MicroUsd {
  let total = 0n;
  let changed = 0n;
  for (const { market, size } of positions) {
    if (market === change?.market) changed = size;
    else total += lotsMargin(marketOf(markets, market), size, rateOf);
  }
  if (change === undefined) return total;
  return total + lotsMargin(marketOf(markets, change.market), changed + change.delta, rateOf);
}

export function initialMargin(account: Account, markets: readonly PricedMarket[]): MicroUsd {
  return positionsMargin(account.positions, markets, initialRate);
}

export function maintenanceMargin(account: Account, markets: readonly PricedMarket[]): MicroUsd {
  return positionsMargin(account.positions, markets, maintenanceRate);
}

export function positionMaintenance(
  position: Position,
  markets: readonly PricedMarket[],
): MicroUsd {
  return lotsMargin(marketOf(markets, position.market), position.size, maintenanceRate);
}

/** What an order would lose against the index at once if it were filled at its own price. */
export function orderLoss(order: OrderTerms, markets: readonly PricedMarket[]): MicroUsd {
  const { parameters, oracle } = marketOf(markets, order.market);
  const worse = sideSign(order.side) * (order.price - oracle.price);
  return maximum(0n, quoteValue(parameters, order.size, worse));
}

/** Open lots of one account in one market, per side. */
export function openLots(orders: readonly OrderTerms[], market: MarketId, side: Side): Lots {
  let lots = 0n;
  for (const order of orders) {
    if (order.market === market && order.side === side) lots += order.size;
  }
  return lots;
}

/**
 * Initial margin with open orders: the worse of "all buys fill" and "all sells fill" per market,
 * plus what every order would lose against the index. `extra` is an order about to be placed.
 */
export function requirementWithOrders(
  account: Account,
  markets: readonly PricedMarket[],
  extra?: OrderTerms,
): MicroUsd {
  const orders = extra === undefined ? account.orders : [...account.orders, extra];
  const ids = new Set(account.positions.map(({ market }) => market));
  let total = 0n;
  for (const order of orders) {
    ids.add(order.market);
    total += orderLoss(order, markets);
  }
  for (const id of ids) {
    const size = positionSize(account, id);
    const bought = absolute(size + openLots(orders, id, "buy"));
    const sold = absolute(size - openLots(orders, id, "sell"));
    total += lotsMargin(marketOf(markets, id), maximum(bought, sold), initialRate);
  }
  return total;
}

/** A change of one position: signed lots, and what it costs the account at the index price. */
export interface PositionChange {
  readonly market: MarketId;
  readonly delta: Lots;
  readonly cost: MicroUsd;
}

/** Equity over maintenance margin does not fall by the change; compared by cross-multiplication. */
export function isNotWorsening(
  account: Account,
  markets: readonly PricedMarket[],
  change: PositionChange,
): boolean {
  const equity = equityOf(account, markets);
  const maintenance = maintenanceMargin(account, markets);
  const after = positionsMargin(account.positions, markets, maintenanceRate, change);
  return (equity - change.cost) * maintenance >= equity * after;
}

/** Equity after the change covers the initial margin of the positions after it. */
export function carriesInitialMargin(
  account: Account,
  markets: readonly PricedMarket[],
  change: PositionChange,
): boolean {
  const after = positionsMargin(account.positions, markets, initialRate, change);
  return equityOf(account, markets) - change.cost >= after;
}

/** The lots only make the position smaller, never turn it. */
export function isReducing(size: Lots, delta: Lots): boolean {
  return size * delta < 0n && absolute(delta) <= absolute(size);
}
