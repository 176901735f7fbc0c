import { divCeil, maximum, minimum, PPM } from "../kernel/fixed-point.ts";
import type { Millis } from "../kernel/scalars.ts";
import type { Draft, MarketDraft } from "./draft.ts";
import { isExpired } from "./expiry.ts";
import { IMPACT_ORDERS_MAX } from "./limits.ts";
import { quoteValue } from "./margin-requirement.ts";
import type { OrderBook } from "./order-book.ts";
import type { Funding } from "./state.ts";
import type { Lots, MarketParameters, Side, Ticks } from "./types.ts";

export const GENESIS_FUNDING: Funding = {
  index: 0n,
  lastRate: 0n,
  interval: 0,
  sampleSlot: -1,
  samples: [],
};

/**
 * Pays the interval that is over, then takes the sample that is due (node/spec/margin.md §5.1). On
 * a price that is not fresh neither happens: what is due waits (rule STALE). However long the gap
 * was, one interval is paid, by the samples taken in it.
 */
export function stepFunding(draft: Draft): void {
  const elapsedMs = draft.clockMs - draft.before.genesisTimeMs;
  for (const market of draft.markets) {
    const { fundingIntervalMs, fundingSampleMs } = market.parameters;
    if (fundingIntervalMs === 0n || market.oracle.state !== "fresh") continue;
    payInterval(draft, market, numberAt(elapsedMs, fundingIntervalMs));
    takeSample(draft, market, numberAt(elapsedMs, fundingSampleMs));
  }
}

/**
 * Funding under other spans: the intervals count anew and nothing is paid for the one that runs,
 * whose samples were taken for another span.
 */
export function restartedFunding(
  { index, lastRate }: Funding,
  { fundingIntervalMs, fundingSampleMs }: MarketParameters,
  elapsedMs: Millis,
): Funding {
  if (fundingIntervalMs === 0n) return { ...GENESIS_FUNDING, index, lastRate };
  const interval = numberAt(elapsedMs, fundingIntervalMs);
  const sampleSlot = numberAt(elapsedMs, fundingSampleMs);
  return { index, lastRate, interval, sampleSlot, samples: [] };
}

function numberAt(elapsedMs: Millis, spanMs: bigint): number {
  return Number(BigInt(elapsedMs) / spanMs);
}

/**
 * Accounts are paid when they are next touched: the index says what each owes until then, and their
 * equity counts it at once.
 */
function payInterval(draft: Draft, market: MarketDraft, interval: number): void {
  const { funding, parameters, oracle } = market;
  if (interval <= funding.interval) return;
  const rate = fundingRate(funding.samples, parameters);
  const index = funding.index + rate * quoteValue(parameters, 1n, oracle.price);
  market.funding = { ...funding, index, lastRate: rate, interval, samples: [] };
  draft.events.push({
    kind: "funding",
    market: parameters.id,
    interval: funding.interval,
    rate,
    price: oracle.price,
    samples: funding.samples.length,
    index,
  });
}

function takeSample(draft: Draft, market: MarketDraft, sampleSlot: number): void {
  const { funding, parameters, oracle, book } = market;
  if (sampleSlot <= funding.sampleSlot) return;
  const sample = premiumOf(book, parameters, { price: oracle.price, nowMs: draft.nowMs });
  market.funding = { ...funding, sampleSlot, samples: [...funding.samples, sample] };
}

/**
 * Rate of an interval, ppm of the index: the median of its samples within the cap. Samples that are
 * missing count as 0, and one more 0 makes their number odd: so the rate is above 0 only where more
 * than half of all samples that there could be are at least as high, and below 0 likewise.
 */
export function fundingRate(samples: readonly bigint[], parameters: MarketParameters): bigint {
  const { fundingIntervalMs, fundingSampleMs, fundingCapPpm } = parameters;
  if (fundingIntervalMs === 0n) return 0n;
  const possible = Number(fundingIntervalMs / fundingSampleMs);
  const missing = Math.max(0, possible - samples.length);
  const zeros: readonly bigint[] = Array.from({ length: missing + ((possible + 1) % 2) }, () => 0n);
  const sorted = [...samples, ...zeros].sort((one, two) => (one < two ? -1 : Number(one > two)));
  const median = sorted[sorted.length >> 1] ?? 0n;
  return maximum(-fundingCapPpm, minimum(fundingCapPpm, median));
}

/**
 * By how much the book trades above or below the index, ppm, rounded towards 0: what selling into
 * the bids, or buying from the asks, of `fundingImpactNotional` would bring against the index. 0
 * where the index is between them, and of a side with too few orders.
 */
export function premiumOf(
  book: OrderBook,
  parameters: MarketParameters,
  { price, nowMs }: { readonly price: Ticks; readonly nowMs: Millis },
): bigint {
  const perLot = quoteValue(parameters, 1n, price);
  const lots = maximum(1n, divCeil(parameters.fundingImpactNotional, perLot));
  const fair = lots * price;
  const bids = impactOf(book, "buy", { lots, nowMs }) ?? fair;
  const asks = impactOf(book, "sell", { lots, nowMs }) ?? fair;
  return ((maximum(bids - fair, 0n) - maximum(fair - asks, 0n)) * PPM) / fair;
}

/** Sum of lots x price of the best orders that hold so many lots; undefined where they do not. */
function impactOf(
  book: OrderBook,
  side: Side,
  { lots, nowMs }: { readonly lots: Lots; readonly nowMs: Millis },
): bigint | undefined {
  let left = lots;
  let total = 0n;
  let order = book.best(side);
  for (let step = 0; step < IMPACT_ORDERS_MAX && order !== undefined; step += 1) {
    const part = isExpired(order, nowMs) ? 0n : minimum(left, order.size);
    total += part * order.price;
    left -= part;
    if (left === 0n) return total;
    order = book.after(order);
  }
  return undefined;
}
