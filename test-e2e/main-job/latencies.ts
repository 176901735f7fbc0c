/** Times of many calls, for their percentiles. */
export class Latencies {
  readonly #ms: number[] = [];

  add(ms: number): void {
    this.#ms.push(ms);
  }

  get all(): readonly number[] {
    return this.#ms;
  }

  /** Nearest rank, rounded to 0.1 ms; 0 without any call. */
  percentile(percent: number): number {
    const sorted = this.#ms.toSorted((left, right) => left - right);
    const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
    return Math.round((sorted[rank - 1] ?? 0) * 10) / 10;
  }
}
