/** Values per doubling: a bucket is at most 1.6 % wide. */
const STEPS = 64;
/** Up to 2^20 ms. */
const DOUBLINGS = 31;
/** The smallest value told apart: 2^-10 ms. */
const SHIFT = 10;

/**
 * Latencies in ms by logarithmic buckets: millions of them take as much memory as one, so that the
 * client of a long run stays flat itself.
 */
export class Histogram {
  readonly #counts = new Float64Array(STEPS * DOUBLINGS);
  #count = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  get max(): number {
    return round(this.#max);
  }

  add(ms: number): void {
    const place = Math.floor((Math.log2(Math.max(ms, 2 ** -SHIFT)) + SHIFT) * STEPS);
    const bucket = Math.min(place, this.#counts.length - 1);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#max = Math.max(this.#max, ms);
  }

  /** Nearest rank, as the upper edge of its bucket; 0 without any value. */
  percentile(percent: number): number {
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#count));
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= rank) return round(Math.min(this.#max, 2 ** ((bucket + 1) / STEPS - SHIFT)));
    }
    return 0;
  }
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
