import { maximum } from "../kernel/fixed-point.ts";
import type { MicroUsd } from "../kernel/scalars.ts";
import { openInterestCap, outflowEpoch } from "./caps.ts";
import type { Draft, MarketDraft } from "./draft.ts";
import {
  marketOf,
  openLots,
  positionSize,
  ppmCeil,
  quoteValue,
  sideSign,
} from "./margin-requirement.ts";
import { type RefusedOutcome, refused } from "./outcome.ts";
import type { Account } from "./state.ts";
import type { Lots, OutcomeBound, Place } from "./types.ts";

/**
 * The limit on one account's position, as it would be if all its orders of this side filled. What
 * only reduces is on the other side of 0, below every limit.
 */
export function checkPositionLimit(draft: Draft, account: Account, order: Place): RefusedOutcome {
  const { positionLotsMax } = marketOf(draft.markets, order.market).parameters;
  const held = sideSign(order.side) * positionSize(account, order.market);
  const room = positionLotsMax - held - openLots(account.orders, order.market, order.side);
  if (order.size <= room) return undefined;
  const bound = boundOf(draft, positionLotsMax, room);
  const fix = `at most ${positionLotsMax} lots of one account: place at most ${bound.remainder}`;
  return { ...refused("POSITION_LIMIT_REACHED", "size", fix), bound };
}

/**
 * Rule CAPS: what a corrupt quorum could move between accounts by printing a price stays within its
 * part of the budget. Only an order that opens and takes can raise open interest: what rests waits
 * for a taker, and what closes is always taken.
 */
export function checkOpenInterest(draft: Draft, account: Account, order: Place): RefusedOutcome {
  const market = marketOf(draft.markets, order.market);
  if (market.parameters.corruptMovePpm === 0n) return undefined;
  const opening = openingLots(positionSize(account, order.market), order);
  if (opening === 0n || !mayTake(market, order)) return undefined;
  const cap = openInterestCap(draft.caps, draft.before.parameters);
  let others = 0n;
  for (const each of draft.markets) if (each !== market) others += atRisk(each, each.openInterest);
  if (others + atRisk(market, market.openInterest + opening) <= cap) return undefined;
  const bound = boundOf(draft, cap, cap - others - atRisk(market, market.openInterest));
  const fix = "reduce, rest in the book, or wait until open interest or the cap has changed";
  return { ...refused("OPEN_INTEREST_CAP_REACHED", "size", fix), bound };
}

function boundOf(draft: Draft, cap: bigint, room: bigint): OutcomeBound {
  const epoch = outflowEpoch(draft.clockMs, draft.before.parameters);
  return { cap, epoch, remainder: maximum(0n, room) };
}

/** Lots by which the order could make the position of its account larger. */
function openingLots(size: Lots, { side, size: lots }: Place): Lots {
  return maximum(0n, lots - maximum(0n, -sideSign(side) * size));
}

function mayTake({ book }: MarketDraft, { side, price, timeInForce }: Place): boolean {
  return timeInForce !== "post-only" && book.crossed(side, price) !== undefined;
}

/** What these lots would move between longs and shorts by the move that is thought possible. */
function atRisk({ parameters, oracle }: MarketDraft, lots: Lots): MicroUsd {
  return ppmCeil(quoteValue(parameters, lots, oracle.price), parameters.corruptMovePpm);
}
