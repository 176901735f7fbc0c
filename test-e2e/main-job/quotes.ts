/** One order of the market maker's ladder. */
export interface Quote {
  readonly side: "buy" | "sell";
  readonly price: bigint;
  readonly size: bigint;
}

const LEVELS = 4n;
/** Distance of the first level, and between levels, in ppm of the price: 0.1 %. */
const STEP_PPM = 1_000n;
const LOTS_PER_LEVEL = 150n;

/** Bounded in spread and in size, on both sides of the price the market maker sees. */
export function quotesAround(price: bigint): Quote[] {
  const quotes: Quote[] = [];
  for (let level = 1n; level <= LEVELS; level += 1n) {
    const distance = (price * STEP_PPM * level) / 1_000_000n + 1n;
    const size = LOTS_PER_LEVEL * level;
    quotes.push({ side: "buy", price: price - distance, size });
    quotes.push({ side: "sell", price: price + distance, size });
  }
  return quotes.filter((quote) => quote.price > 0n);
}
