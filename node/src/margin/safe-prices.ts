import type { Survey } from "../kernel/digest-map.ts";
import { absolute, divFloor, maximum, PPM } from "../kernel/fixed-point.ts";
import { equityOf, initialMargin, marketOf, type PricedMarket } from "./margin-requirement.ts";
import type { Account, Position } from "./state.ts";
import type { Lots, MarketId, MarketParameters, Ticks } from "./types.ts";

/** Inclusive. */
interface Range {
  low: Ticks;
  high: Ticks;
  /** The same of the market's funding index. */
  fundingLow: bigint;
  fundingHigh: bigint;
}

const LOWEST: Ticks = 0n;
/** Above every price that an oracle can report. */
const HIGHEST: Ticks = 1n << 128n;
/** Beyond every funding index that a leaf can hold. */
const FUNDING_HIGHEST = 1n << 128n;
/** Of what a position may lose, an eighth is for funding: prices move by far more. */
const FUNDING_SHARE = 8n;

/**
 * Prices at which every account of a group stands well: equity covers the initial margin, the stage
 * is healthy. A market that is not named may have any price. It follows from the accounts and the
 * rates of the markets; which of the possible ranges is taken, from the prices of the moment.
 */
export class SafePrices {
  readonly rates: string;
  /** Undefined: none are safe. */
  readonly ranges: ReadonlyMap<MarketId, Readonly<Range>> | undefined;

  constructor(rates: string, ranges: SafePrices["ranges"]) {
    this.rates = rates;
    this.ranges = ranges;
  }

  covers(markets: readonly PricedMarket[]): boolean {
    if (this.ranges === undefined) return false;
    for (const [market, { low, high, fundingLow, fundingHigh }] of this.ranges) {
      const { oracle, funding } = marketOf(markets, market);
      if (oracle.price < low || oracle.price > high) return false;
      if (funding.index < fundingLow || funding.index > fundingHigh) return false;
    }
    return true;
  }
}

/**
 * Prices around those of the moment at which the account stands as well. Each position may lose an
 * equal share of what equity has above the initial margin; two units each are left for the rounding
 * of the margin and of its funding. What moves in a position's favour cannot hurt: margin grows by
 * less than the value.
 */
export function safePricesOf(
  account: Account,
  markets: readonly PricedMarket[],
  rates: string,
): SafePrices {
  const { positions, stage } = account;
  const slack = equityOf(account, markets) - initialMargin(account, markets);
  if (stage !== "healthy" || slack < 0n) return new SafePrices(rates, undefined);
  const count = BigInt(positions.length);
  const units = 2n * count;
  const ranges = new Map<MarketId, Range>();
  for (const position of positions) {
    const market = marketOf(markets, position.market);
    const { price } = market.oracle;
    const { index } = market.funding;
    const range =
      slack < units
        ? { low: price, high: price, fundingLow: index, fundingHigh: index }
        : rangeOf(position, market, (slack - units) / count);
    ranges.set(position.market, range);
  }
  return new SafePrices(rates, ranges);
}

/** Where the position loses at most `share`, and two units of rounding. */
function rangeOf({ size }: Position, market: PricedMarket, share: bigint): Range {
  const { parameters, oracle, funding } = market;
  const forFunding = share / FUNDING_SHARE;
  const room = (forFunding * PPM) / absolute(size);
  const paid =
    size > 0n
      ? { fundingLow: -FUNDING_HIGHEST, fundingHigh: funding.index + room }
      : { fundingLow: funding.index - room, fundingHigh: FUNDING_HIGHEST };
  return { ...priceRangeOf(size, { parameters, oracle }, share - forFunding), ...paid };
}

function priceRangeOf(
  size: Lots,
  { parameters, oracle }: Pick<PricedMarket, "parameters" | "oracle">,
  share: bigint,
): Pick<Range, "low" | "high"> {
  const { microUsdPerLotTick, initialMarginPpm } = parameters;
  const { price } = oracle;
  const value = absolute(size) * microUsdPerLotTick;
  if (size > 0n) {
    const high = initialMarginPpm <= PPM ? HIGHEST : price;
    return { low: maximum(LOWEST, price - divFloor(share, value)), high };
  }
  // Margin grows with the price, on top of the loss.
  const perTick = value * (PPM + initialMarginPpm);
  return { low: LOWEST, high: price + divFloor(share * PPM, perTick) };
}

function joined(notes: readonly SafePrices[], rates: string): SafePrices {
  const ranges = new Map<MarketId, Range>();
  for (const note of notes) {
    if (note.ranges === undefined) return note;
    for (const [market, range] of note.ranges) {
      const known = ranges.get(market);
      if (known === undefined) {
        ranges.set(market, { ...range });
        continue;
      }
      if (range.low > known.low) known.low = range.low;
      if (range.high < known.high) known.high = range.high;
      if (range.fundingLow > known.fundingLow) known.fundingLow = range.fundingLow;
      if (range.fundingHigh < known.fundingHigh) known.fundingHigh = range.fundingHigh;
    }
  }
  return new SafePrices(rates, ranges);
}

function ratesOf(markets: readonly { readonly parameters: MarketParameters }[]): string {
  return markets
    .map(({ parameters: { microUsdPerLotTick, initialMarginPpm } }) => {
      return `${microUsdPerLotTick}/${initialMarginPpm}`;
    })
    .join();
}

/**
 * Finds the accounts that may stand badly at these prices without a look at all: millions stand
 * well, and stay so while no price leaves the range that is safe for them.
 */
export function safePriceSurvey(markets: readonly PricedMarket[]): Survey<Account, SafePrices> {
  const rates = ratesOf(markets);
  return {
    of: (account) => safePricesOf(account, markets, rates),
    join: (notes) => joined(notes, rates),
    read: (note) => (note instanceof SafePrices && note.rates === rates ? note : undefined),
    settles: (note) => note.covers(markets),
  };
}
