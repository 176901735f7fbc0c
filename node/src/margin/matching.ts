import { minimum } from "../kernel/fixed-point.ts";
import type { MicroUsd, PublicKey } from "../kernel/scalars.ts";
import {
  accountOf,
  cancelByEngine,
  type Draft,
  fill,
  filled,
  type MarketDraft,
  payFund,
  shrinkOrder,
} from "./draft.ts";
import { isExpired } from "./expiry.ts";
import { STEPS_PER_ORDER_MAX } from "./limits.ts";
import {
  carriesInitialMargin,
  isNotWorsening,
  isReducing,
  marketOf,
  positionSize,
  ppmCeil,
  quoteValue,
  sideSign,
} from "./margin-requirement.ts";
import type { OpenOrder } from "./open-order.ts";
import { crosses, opposite } from "./order-book.ts";
import type { Account } from "./state.ts";
import type { CancelReason, Lots, MarketId, SelfTradeMode, Side, Ticks } from "./types.ts";

export interface Taker {
  readonly account: PublicKey;
  /** Undefined for a liquidation order, which pays its own fee (rule LADDER). */
  readonly clientId: number | undefined;
  readonly market: MarketId;
  readonly side: Side;
  readonly size: Lots;
  readonly limit: Ticks;
  readonly selfTrade: SelfTradeMode;
}

export interface Taken {
  readonly filled: Lots;
  /** Quote value of the fills at their own prices. */
  readonly notional: MicroUsd;
  /** Lots that may rest now: neither filled nor lost to the account's own orders. */
  readonly left: Lots;
}

/** Takes from the book up to the limit. Fills never move the index price. */
export function takeFromBook(draft: Draft, taker: Taker): Taken {
  const market = marketOf(draft.markets, taker.market);
  let left = taker.size;
  let filledLots = 0n;
  let notional = 0n;
  let charged = 0n;
  for (let step = 0; left > 0n; step += 1) {
    const maker = market.book.crossed(taker.side, taker.limit);
    if (maker === undefined) break;
    if (!mayStep(draft, taker, step)) return { filled: filledLots, notional, left: 0n };
    if (maker.account === taker.account) {
      left = meetOwn(draft, taker.selfTrade, maker, left);
      continue;
    }
    const lots = lotsGiven(draft, accountOf(draft, maker.account), maker, left);
    if (typeof lots === "string") {
      cancelByEngine(draft, maker, lots);
      continue;
    }
    left -= lots;
    filledLots += lots;
    notional += quoteValue(market.parameters, lots, maker.price);
    const fee = takerFeeDue(market, taker, notional) - charged;
    settle(draft, taker, maker, { lots, fee });
    charged += fee;
  }
  return { filled: filledLots, notional, left };
}

/** Bounds the work of an order, and counts it; the number of liquidations is bounded anyway. */
function mayStep(draft: Draft, taker: Taker, step: number): boolean {
  if (step >= STEPS_PER_ORDER_MAX) return false;
  if (taker.clientId === undefined) return true;
  draft.steps += 1;
  draft.stepsOf.set(taker.account, (draft.stepsOf.get(taker.account) ?? 0) + 1);
  return true;
}

/** The account's own order stands in the way. Returns the lots that are left of the taker. */
function meetOwn(draft: Draft, mode: SelfTradeMode, maker: OpenOrder, left: Lots): Lots {
  if (mode === "cancel-taker") return 0n;
  const lots = mode === "decrement" ? minimum(left, maker.size) : maker.size;
  cancelByEngine(draft, maker, "self-trade", lots);
  if (mode === "cancel-both") return 0n;
  return mode === "decrement" ? left - lots : left;
}

/**
 * Whether the book fills the order whole at this moment: goes through the book as `takeFromBook`
 * would, and changes nothing.
 */
export function wouldFill(draft: Draft, taker: Taker): boolean {
  const { book } = marketOf(draft.markets, taker.market);
  const after = new Map<PublicKey, Account>();
  let left = taker.size;
  let step = 0;
  let maker = book.best(opposite(taker.side));
  for (; maker !== undefined && left > 0n; maker = book.after(maker)) {
    if (!crosses(taker.side, taker.limit, maker) || !mayStep(draft, taker, step)) return false;
    step += 1;
    if (maker.account === taker.account) {
      if (taker.selfTrade === "cancel-maker") continue;
      return false;
    }
    const account = after.get(maker.account) ?? accountOf(draft, maker.account);
    const lots = lotsGiven(draft, account, maker, left);
    if (typeof lots === "string") continue;
    // What a reduce-only order has too much costs a step of its own when it is cancelled.
    if (lots < maker.size && lots < left) {
      if (!mayStep(draft, taker, step)) return false;
      step += 1;
    }
    const { market, price } = maker;
    const change = { market, delta: sideSign(maker.side) * lots, price };
    after.set(maker.account, filled(draft, account, change));
    left -= lots;
  }
  return left === 0n;
}

/** The lots that the maker order can give now, or why it is cancelled. */
function lotsGiven(
  draft: Draft,
  account: Account,
  maker: OpenOrder,
  wanted: Lots,
): Lots | CancelReason {
  if (isExpired(maker, draft.nowMs)) return "expired";
  const lots = makerLots(account, maker, wanted);
  if (lots === 0n) return "nothing-to-reduce";
  return carriesFill(draft, account, maker, lots) ? lots : "margin";
}

/** A reduce-only order gives at most what its account still holds on the other side. */
function makerLots(account: Account, maker: OpenOrder, wanted: Lots): Lots {
  const lots = minimum(wanted, maker.size);
  if (!maker.reduceOnly) return lots;
  const reducible = -sideSign(maker.side) * positionSize(account, maker.market);
  return reducible <= 0n ? 0n : minimum(lots, reducible);
}

/** The index may have moved since the maker was admitted: its margin is checked at the fill. */
function carriesFill(draft: Draft, account: Account, maker: OpenOrder, lots: Lots): boolean {
  const { parameters, oracle } = marketOf(draft.markets, maker.market);
  const delta = sideSign(maker.side) * lots;
  const cost = quoteValue(parameters, delta, maker.price - oracle.price);
  const change = { market: maker.market, delta, cost };
  if (carriesInitialMargin(account, draft.markets, change)) return true;
  const size = positionSize(account, maker.market);
  return isReducing(size, delta) && isNotWorsening(account, draft.markets, change);
}

/**
 * The fee of all fills of one order so far, rounded up once: rounded at each fill, many small fills
 * would cost more than the margin check admitted and put the account below 0.
 */
function takerFeeDue({ parameters }: MarketDraft, taker: Taker, notional: MicroUsd): MicroUsd {
  return taker.clientId === undefined ? 0n : ppmCeil(notional, parameters.takerFeePpm);
}

interface Settlement {
  readonly lots: Lots;
  readonly fee: MicroUsd;
}

function settle(draft: Draft, taker: Taker, maker: OpenOrder, { lots, fee }: Settlement): void {
  const { market, price } = maker;
  const delta = sideSign(taker.side) * lots;
  fill(draft, taker.account, { market, delta, price });
  fill(draft, maker.account, { market, delta: -delta, price });
  shrinkOrder(draft, maker, lots);
  payFund(draft, taker.account, fee);
  draft.events.push({
    kind: "fill",
    fill: {
      market,
      maker: maker.account,
      makerClientId: maker.clientId,
      taker: taker.account,
      takerClientId: taker.clientId,
      side: taker.side,
      size: lots,
      price,
      fee,
    },
  });
}
