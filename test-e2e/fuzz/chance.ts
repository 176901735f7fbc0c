/** A seeded source of chance, fast enough for bytes (xorshift32). */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1;
  }

  #next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state;
  }

  /** A whole number from 0 on, below `count`; 0 where `count` is 0. */
  below(count: number): number {
    return count === 0 ? 0 : this.#next() % count;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as (typeof items)[number];
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#next() & 0xff);
  }
}
