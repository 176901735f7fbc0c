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

/** For each lot that it holds, as far down as its second level at most: it wants to be flat. */
const LEAN_PPM_PER_LOT = 1n;
const LEAN_PPM_MAX = 1_500n;

/**
 * Bounded in spread and in size, on both sides of the price the market maker sees, leaning against
 * what it holds: where traders are long it is short and bids higher, which is what funding charges
 * longs for.
 */
export function quotesAround(index: bigint, held: bigint): Quote[] {
  const quotes: Quote[] = [];
  const wanted = -held * LEAN_PPM_PER_LOT;
  const lean =
    wanted > LEAN_PPM_MAX ? LEAN_PPM_MAX : wanted < -LEAN_PPM_MAX ? -LEAN_PPM_MAX : wanted;
  const price = index + (index * lean) / 1_000_000n;
  for (let level = 1n; level <= LEVELS; level += 1n) {
    const distance = (price * STEP_PPM * level) / 1_000_000n + 1n;
    const size = LOTS_PER_LEVEL * level;
    quotes.push({ side: "buy", price: price - distance, size });
    quotes.push({ side: "sell", price: price + distance, size });
  }
  return quotes.filter((quote) => quote.price > 0n);
}
