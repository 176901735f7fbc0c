import { defined } from "../kernel/assert.ts";
import type { Side, Ticks } from "./types.ts";

/** No slot, no level. */
export const NONE = -1;
const CAPACITY_MIN = 16;

/** A typed array of twice the length with the same beginning. */
export function grown<T extends Float64Array | Int32Array>(array: T, make: (size: number) => T): T {
  const larger = make(array.length * 2);
  larger.set(array);
  return larger;
}

/**
 * The price levels of one side as sorted flat arrays, worst first: most orders come near the best
 * price, where little has to move. A level has the first and the last slot of its queue.
 */
export class PriceLevels {
  readonly side: Side;
  /** Rank of a price: the higher, the better for whoever takes. */
  #ranks = new Float64Array(CAPACITY_MIN);
  #heads = new Int32Array(CAPACITY_MIN);
  #tails = new Int32Array(CAPACITY_MIN);
  #count = 0;

  constructor(side: Side) {
    this.side = side;
  }

  copy(): PriceLevels {
    const copy = new PriceLevels(this.side);
    copy.#ranks = this.#ranks.slice();
    copy.#heads = this.#heads.slice();
    copy.#tails = this.#tails.slice();
    copy.#count = this.#count;
    return copy;
  }

  /** Prices are below 2^53 (PRICE_TICKS_MAX), so that a double holds them exactly. */
  #rankOf(price: Ticks): number {
    return this.side === "buy" ? Number(price) : -Number(price);
  }

  /** First level whose price is at least as good. */
  #find(rank: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (at(this.#ranks, middle) < rank) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The level of the price, which has to be there. */
  of(price: Ticks): number {
    const rank = this.#rankOf(price);
    const level = this.#find(rank);
    return level < this.#count && this.#ranks[level] === rank ? level : NONE;
  }

  /** The level of the price; a new and empty one where there is none. */
  open(price: Ticks): number {
    const rank = this.#rankOf(price);
    const level = this.#find(rank);
    if (level < this.#count && this.#ranks[level] === rank) return level;
    if (this.#count === this.#ranks.length) this.#grow();
    this.#move(level, level + 1);
    this.#count += 1;
    this.#ranks[level] = rank;
    this.#heads[level] = NONE;
    this.#tails[level] = NONE;
    return level;
  }

  close(level: number): void {
    this.#move(level + 1, level);
    this.#count -= 1;
  }

  /** Shifts the levels from `from` on, so that they begin at `to`. */
  #move(from: number, to: number): void {
    this.#ranks.copyWithin(to, from, this.#count);
    this.#heads.copyWithin(to, from, this.#count);
    this.#tails.copyWithin(to, from, this.#count);
  }

  #grow(): void {
    this.#ranks = grown(this.#ranks, (size) => new Float64Array(size));
    this.#heads = grown(this.#heads, (size) => new Int32Array(size));
    this.#tails = grown(this.#tails, (size) => new Int32Array(size));
  }

  /** The best level, or NONE. */
  get best(): number {
    return this.#count - 1;
  }

  head(level: number): number {
    return at(this.#heads, level);
  }

  tail(level: number): number {
    return at(this.#tails, level);
  }

  setHead(level: number, slot: number): void {
    this.#heads[level] = slot;
  }

  setTail(level: number, slot: number): void {
    this.#tails[level] = slot;
  }
}

export function at(array: Float64Array | Int32Array, index: number): number {
  return defined(array[index], "an index inside the array");
}
