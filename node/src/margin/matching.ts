import { minimum } from "../kernel/fixed-point.ts";
import type { MicroUsd, PublicKey } from "../kernel/scalars.ts";
import {
  accountOf,
  cancelByEngine,
  type Draft,
  fill,
  type MarketDraft,
  payFund,
  shrinkOrder,
} from "./draft.ts";
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
import { bestOrder, crosses, opposite } from "./order-book.ts";
import type { OpenOrder } from "./state.ts";
import type { Lots, MarketId, Side, Ticks } from "./types.ts";

export interface Taker {
  readonly account: PublicKey;
  /** Undefined for a liquidation order, which pays its own fee (rule LADDER). */
  readonly clientId: number | undefined;
  readonly market: MarketId;
  readonly side: Side;
  readonly size: Lots;
  readonly limit: Ticks;
}

export interface Taken {
  readonly filled: Lots;
  /** Quote value of the fills at their own prices. */
  readonly notional: MicroUsd;
}

/** Takes from the book up to the limit. Fills never move the index price. */
export function takeFromBook(draft: Draft, taker: Taker): Taken {
  const market = marketOf(draft.markets, taker.market);
  let filled = 0n;
  let notional = 0n;
  let charged = 0n;
  while (filled < taker.size) {
    const maker = bestOrder(market.book, opposite(taker.side));
    if (maker === undefined || !crosses(taker.side, taker.limit, maker)) break;
    if (maker.account === taker.account) {
      cancelByEngine(draft, maker, "self-trade");
      continue;
    }
    const lots = makerLots(draft, maker, taker.size - filled);
    if (lots === 0n) {
      cancelByEngine(draft, maker, "nothing-to-reduce");
      continue;
    }
    if (!carriesFill(draft, market, maker, lots)) {
      cancelByEngine(draft, maker, "margin");
      continue;
    }
    filled += lots;
    notional += quoteValue(market.parameters, lots, maker.price);
    const fee = takerFeeDue(market, taker, notional) - charged;
    settle(draft, taker, maker, { lots, fee });
    charged += fee;
  }
  return { filled, notional };
}

/** A reduce-only order gives at most what its account still holds on the other side. */
function makerLots(draft: Draft, maker: OpenOrder, wanted: Lots): Lots {
  const lots = minimum(wanted, maker.size);
  if (!maker.reduceOnly) return lots;
  const held = positionSize(accountOf(draft, maker.account), maker.market);
  const reducible = -sideSign(maker.side) * held;
  return reducible <= 0n ? 0n : minimum(lots, reducible);
}

/** The index may have moved since the maker was admitted: its margin is checked at the fill. */
function carriesFill(draft: Draft, market: MarketDraft, maker: OpenOrder, lots: Lots): boolean {
  const account = accountOf(draft, maker.account);
  const delta = sideSign(maker.side) * lots;
  const cost = quoteValue(market.parameters, delta, maker.price - market.oracle.price);
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
