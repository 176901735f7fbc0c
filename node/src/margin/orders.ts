import { absolute, minimum, PPM } from "../kernel/fixed-point.ts";
import type { MicroUsd, PublicKey } from "../kernel/scalars.ts";
import { type Draft, dropOrder, type MarketDraft, restOrder } from "./draft.ts";
import { checkOpenInterest, checkPositionLimit } from "./exposure.ts";
import {
  OPEN_ORDERS_MAX,
  PRICE_TICKS_MAX,
  STEPS_PER_ACCOUNT_MAX,
  STEPS_PER_BLOCK_MAX,
} from "./limits.ts";
import {
  equityOf,
  isNotWorsening,
  isReducing,
  marketOf,
  openLots,
  orderLoss,
  positionSize,
  ppmCeil,
  quoteValue,
  requirementWithOrders,
  sideSign,
} from "./margin-requirement.ts";
import { type Taker, takeFromBook, wouldFill } from "./matching.ts";
import { done, type RefusedOutcome, refused, unknownAccount, unknownMarket } from "./outcome.ts";
import type { Account } from "./state.ts";
import type { ActionOutcome, Lots, MarginAction, MarketId, Place } from "./types.ts";

type MassQuote = Extract<MarginAction, { kind: "quote" }>;
export type Cancel = Extract<MarginAction, { kind: "cancel" }>;

export function cancelOrder(draft: Draft, key: PublicKey, action: Cancel): ActionOutcome {
  if (draft.markets[action.market] === undefined) return unknownMarket(draft);
  const account = draft.accounts.get(key);
  if (account === undefined) return unknownAccount();
  const order = account.orders.find(
    ({ market, clientId }) => market === action.market && clientId === action.clientId,
  );
  if (order === undefined) {
    return refused("ORDER_NOT_FOUND", "clientId", "name an open order of this market");
  }
  dropOrder(draft, order);
  return done(0n, 0n);
}

/** Cancels every open order of the account, or those of one market. */
export function cancelAllOrders(draft: Draft, key: PublicKey, market?: MarketId): ActionOutcome {
  const account = draft.accounts.get(key);
  if (account === undefined) return unknownAccount();
  for (const order of account.orders) {
    if (market === undefined || order.market === market) dropOrder(draft, order);
  }
  return done(0n, 0n);
}

/**
 * The orders of a mass quote, each checked by itself; the account's other orders in this market
 * left with the cancels of the block. The outcome is the first refusal, if there is one.
 */
export function placeQuotes(draft: Draft, key: PublicKey, action: MassQuote): ActionOutcome {
  const { market, quotes } = action;
  if (draft.markets[market] === undefined) return unknownMarket(draft);
  if (draft.accounts.get(key) === undefined) return unknownAccount();
  const terms = { timeInForce: "post-only", reduceOnly: false, untilMs: 0 } as const;
  let refusal: RefusedOutcome;
  let resting = 0n;
  for (const quote of quotes) {
    const order = { kind: "place", market, ...quote, ...terms, selfTrade: "cancel-maker" } as const;
    const outcome = placeOrder(draft, key, order);
    if (outcome.code !== "OK") refusal ??= outcome;
    resting += outcome.resting;
  }
  return { ...(refusal ?? done(0n, 0n)), resting };
}

/**
 * Checks, matches and rests one order (node/spec/margin.md §8). A refused order changes nothing.
 */
export function placeOrder(draft: Draft, key: PublicKey, action: Place): ActionOutcome {
  if (draft.markets[action.market] === undefined) return unknownMarket(draft);
  const account = draft.accounts.get(key);
  if (account === undefined) return unknownAccount();
  const problem =
    checkBlock(draft, key) ??
    checkForm(draft, action) ??
    checkOpenOrders(account, action) ??
    checkPrice(draft, action) ??
    checkReduceOnly(account, action);
  if (problem !== undefined) return problem;
  const size = sizeToPlace(account, action);
  const sized = { ...action, size };
  const { clientId, market, side, price, selfTrade } = action;
  const taker = { account: key, clientId, market, side, size, limit: price, selfTrade };
  const refusal =
    checkPostOnly(draft, sized) ??
    checkPositionLimit(draft, account, sized) ??
    checkOpenInterest(draft, account, sized) ??
    checkMargin(draft, account, sized) ??
    checkWhole(draft, sized, taker);
  if (refusal !== undefined) return refusal;
  return execute(draft, sized, taker);
}

function execute(draft: Draft, order: Place, taker: Taker): ActionOutcome {
  const { filled, left } = takeFromBook(draft, taker);
  const resting = rests(order) ? left : 0n;
  if (resting > 0n) {
    const { market, clientId, side, price, timeInForce, reduceOnly, untilMs } = order;
    const { account } = taker;
    const terms = { account, market, clientId, side, price, timeInForce, reduceOnly, untilMs };
    restOrder(draft, { ...terms, size: resting });
  }
  return done(filled, resting);
}

/** What such an order does not fill at once goes into the book. */
function rests({ timeInForce }: Place): boolean {
  return timeInForce !== "ioc" && timeInForce !== "fok";
}

/** The work of a block is bounded, whatever is ordered in it. */
function checkBlock(draft: Draft, key: PublicKey): RefusedOutcome {
  const fix = "place the order again in a later block";
  if (draft.steps >= STEPS_PER_BLOCK_MAX) return refused("BLOCK_FULL", "market", fix);
  const own = draft.stepsOf.get(key) ?? 0;
  if (own >= STEPS_PER_ACCOUNT_MAX) return refused("BLOCK_SHARE_SPENT", "market", fix);
  return undefined;
}

/** Fill or kill: whole, or nothing at all. */
function checkWhole(draft: Draft, order: Place, taker: Taker): RefusedOutcome {
  if (order.timeInForce !== "fok" || wouldFill(draft, taker)) return undefined;
  return refused("WOULD_NOT_FILL", "size", "choose fewer lots, a better limit, or ioc");
}

function checkForm(draft: Draft, order: Place): RefusedOutcome {
  const { orderLotsMax } = marketDraft(draft, order).parameters;
  if (order.size < 1n || order.size > orderLotsMax) {
    return refused("SIZE_OUT_OF_RANGE", "size", `choose 1 to ${orderLotsMax} lots`);
  }
  if (order.price < 1n || order.price > PRICE_TICKS_MAX) {
    return refused("PRICE_OUT_OF_RANGE", "price", `choose 1 to ${PRICE_TICKS_MAX} ticks`);
  }
  const { timeInForce, untilMs } = order;
  if (timeInForce === "gtt" ? untilMs <= draft.nowMs : untilMs !== 0) {
    const fix = `choose a time after ${draft.nowMs} for gtt, 0 for every other order`;
    return refused("TIME_OUT_OF_RANGE", "untilMs", fix);
  }
  return undefined;
}

function checkOpenOrders(account: Account, order: Place): RefusedOutcome {
  if (account.orders.some(({ clientId }) => clientId === order.clientId)) {
    return refused("DUPLICATE_CLIENT_ID", "clientId", "choose one that no open order has");
  }
  if (rests(order) && account.orders.length >= OPEN_ORDERS_MAX) {
    return refused("TOO_MANY_ORDERS", "clientId", `cancel one of ${OPEN_ORDERS_MAX} open orders`);
  }
  return undefined;
}

/** Rule STALE, then the band around the index. */
function checkPrice(draft: Draft, order: Place): RefusedOutcome {
  const { oracle, parameters, terms } = marketDraft(draft, order);
  if (terms.mode === "paused") {
    return refused("MARKET_PAUSED", "market", "cancel, or wait until the owners open it again");
  }
  if (oracle.state === "stale") return notFresh();
  const distance = absolute(order.price - oracle.price);
  if (distance * PPM > parameters.priceBandPpm * oracle.price) {
    const width = (parameters.priceBandPpm * oracle.price) / PPM;
    const fix = `choose ${oracle.price - width} to ${oracle.price + width} ticks`;
    return refused("PRICE_OUT_OF_BAND", "price", fix);
  }
  return undefined;
}

function notFresh(): ActionOutcome {
  return refused("PRICE_NOT_FRESH", "market", "wait for a fresh index price, or only reduce");
}

function checkReduceOnly(account: Account, order: Place): RefusedOutcome {
  if (!order.reduceOnly || reducibleLots(account, order) > 0n) return undefined;
  return refused("NOTHING_TO_REDUCE", "reduceOnly", "hold a position on the other side first");
}

function reducibleLots(account: Account, order: Place): Lots {
  return -sideSign(order.side) * positionSize(account, order.market);
}

function sizeToPlace(account: Account, order: Place): Lots {
  return order.reduceOnly ? minimum(order.size, reducibleLots(account, order)) : order.size;
}

function checkPostOnly(draft: Draft, order: Place): RefusedOutcome {
  if (order.timeInForce !== "post-only") return undefined;
  const best = marketDraft(draft, order).book.crossed(order.side, order.price);
  if (best === undefined) return undefined;
  return refused("POST_ONLY_WOULD_TAKE", "price", `stay clear of the best price ${best.price}`);
}

function takerFee(draft: Draft, order: Place): MicroUsd {
  if (order.timeInForce === "post-only") return 0n;
  const { parameters } = marketDraft(draft, order);
  return ppmCeil(quoteValue(parameters, order.size, order.price), parameters.takerFeePpm);
}

/** The account carries the worst case of all its orders, or the order only reduces its risk. */
function checkMargin(draft: Draft, account: Account, order: Place): RefusedOutcome {
  const { markets } = draft;
  const fee = takerFee(draft, order);
  const stageRestricts = account.stage === "reduce-only" || account.stage === "liquidating";
  const { oracle, terms } = marketDraft(draft, order);
  const modeRestricts = terms.mode !== "open";
  const restricted =
    stageRestricts || modeRestricts || oracle.state !== "fresh" || hasUnfreshMarket(draft, account);
  if (!restricted) {
    const required = requirementWithOrders(account, markets, order) + fee;
    if (equityOf(account, markets) >= required) return undefined;
  }
  const sameSide = order.size + openLots(account.orders, order.market, order.side);
  const reducing = isReducing(positionSize(account, order.market), sideSign(order.side) * sameSide);
  if (reducing) {
    const delta = sideSign(order.side) * order.size;
    const cost = orderLoss(order, markets) + fee;
    if (isNotWorsening(account, markets, { market: order.market, delta, cost })) return undefined;
  }
  if (!restricted || reducing) {
    return refused("INSUFFICIENT_MARGIN", "size", "deposit, cancel orders, or choose fewer lots");
  }
  if (!stageRestricts && modeRestricts) {
    const fix = "reduce a position, or wait until the owners open the market again";
    return refused("MARKET_REDUCE_ONLY", "market", fix);
  }
  if (!stageRestricts) return notFresh();
  return refused("ACCOUNT_REDUCE_ONLY", "side", "reduce positions or deposit first");
}

/** Rule STALE: some market that the account has a stake in has no fresh price. */
export function hasUnfreshMarket(draft: Draft, account: Account): boolean {
  const isUnfresh = ({ market }: { market: number }): boolean =>
    draft.markets[market]?.oracle.state !== "fresh";
  return account.positions.some(isUnfresh) || account.orders.some(isUnfresh);
}

function marketDraft(draft: Draft, order: Place): MarketDraft {
  return marketOf(draft.markets, order.market);
}
