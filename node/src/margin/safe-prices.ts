import type { Survey } from "../kernel/digest-map.ts";
import { absolute, divFloor, maximum, PPM } from "../kernel/fixed-point.ts";
import { equityOf, initialMargin, marketOf, type PricedMarket } from "./margin-requirement.ts";
import type { Account, Position } from "./state.ts";
import type { MarketId, MarketParameters, Ticks } from "./types.ts";

/** Inclusive. */
interface Range {
  low: Ticks;
  high: Ticks;
}

const LOWEST: Ticks = 0n;
/** Above every price that an oracle can report. */
const HIGHEST: Ticks = 1n << 128n;

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
    for (const [market, { low, high }] of this.ranges) {
      const { price } = marketOf(markets, market).oracle;
      if (price < low || price > high) return false;
    }
    return true;
  }
}

/**
 * Prices around those of the moment at which the account stands as well. Each position may lose an
 * equal share of what equity has above the initial margin; a unit each is left for the rounding of
 * the margin. What moves in a position's favour cannot hurt: margin grows by less than the value.
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
  const ranges = new Map<MarketId, Range>();
  for (const position of positions) {
    const { parameters, oracle } = marketOf(markets, position.market);
    const range =
      slack < count
        ? { low: oracle.price, high: oracle.price }
        : rangeOf(position, { parameters, oracle }, (slack - count) / count);
    ranges.set(position.market, range);
  }
  return new SafePrices(rates, ranges);
}

/** Prices at which the position loses at most `share`, and a unit of rounding. */
function rangeOf({ size }: Position, { parameters, oracle }: PricedMarket, share: bigint): Range {
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
