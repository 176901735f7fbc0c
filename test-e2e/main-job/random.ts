import { createHash } from "node:crypto";

/**
 * Numbers drawn from the seed, one independent stream per purpose: a draw that is added for one
 * purpose does not shift the others.
 */
export class Random {
  readonly #seed: number;
  readonly #purpose: string;
  #drawn = 0;

  constructor(seed: number, purpose: string) {
    this.#seed = seed;
    this.#purpose = purpose;
  }

  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number {
    const text = `quorate/main-job/${this.#seed}/${this.#purpose}/${this.#drawn}`;
    this.#drawn += 1;
    const drawn = createHash("sha256").update(text).digest().readUIntBE(0, 6);
    return min + (drawn % (max - min + 1));
  }

  shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, key: this.between(0, 2 ** 46) }))
      .sort((left, right) => left.key - right.key)
      .map(({ item }) => item);
  }
}
