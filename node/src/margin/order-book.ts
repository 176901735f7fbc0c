import { assert, defined } from "../kernel/assert.ts";
import type { OpenOrder } from "./open-order.ts";
import { at, grown, NONE, PriceLevels } from "./price-levels.ts";
import type { Side, Ticks } from "./types.ts";

const CAPACITY_MIN = 16;

/**
 * The resting orders of one market by price-time priority, on flat arrays: a slab of orders whose
 * free slots form a list, queues of slots by two arrays of links, and the price levels of each
 * side. A book that belongs to a state is never changed: a block copies it before its first change.
 */
export class OrderBook {
  readonly #orders: (OpenOrder | undefined)[];
  /** Behind it in the queue of its level; of a free slot: the next free one. */
  #next = new Int32Array(CAPACITY_MIN);
  #previous = new Int32Array(CAPACITY_MIN);
  #free = NONE;
  readonly #bids: PriceLevels;
  readonly #asks: PriceLevels;

  constructor(
    orders: (OpenOrder | undefined)[] = [],
    bids = new PriceLevels("buy"),
    asks = new PriceLevels("sell"),
  ) {
    this.#orders = orders;
    this.#bids = bids;
    this.#asks = asks;
  }

  copy(): OrderBook {
    const copy = new OrderBook(this.#orders.slice(), this.#bids.copy(), this.#asks.copy());
    copy.#next = this.#next.slice();
    copy.#previous = this.#previous.slice();
    copy.#free = this.#free;
    return copy;
  }

  #levels(side: Side): PriceLevels {
    return side === "buy" ? this.#bids : this.#asks;
  }

  /** Takes a slot from the free list, or a new one at the end. */
  #takeSlot(): number {
    const slot = this.#free;
    if (slot !== NONE) {
      this.#free = at(this.#next, slot);
      return slot;
    }
    if (this.#orders.length === this.#next.length) {
      this.#next = grown(this.#next, (size) => new Int32Array(size));
      this.#previous = grown(this.#previous, (size) => new Int32Array(size));
    }
    return this.#orders.length;
  }

  /** Puts an order at the end of its level: it is younger than every order there. */
  insert(terms: Omit<OpenOrder, "slot">): OpenOrder {
    const slot = this.#takeSlot();
    const order = { ...terms, slot };
    this.#orders[slot] = order;
    const levels = this.#levels(order.side);
    const level = levels.open(order.price);
    const tail = levels.tail(level);
    this.#next[slot] = NONE;
    this.#previous[slot] = tail;
    if (tail === NONE) levels.setHead(level, slot);
    else {
      assert(this.#at(tail).sequence < order.sequence, `order ${order.sequence} comes too late`);
      this.#next[tail] = slot;
    }
    levels.setTail(level, slot);
    return order;
  }

  remove(order: OpenOrder): void {
    this.#check(order);
    const { slot } = order;
    const levels = this.#levels(order.side);
    const level = levels.of(order.price);
    const next = at(this.#next, slot);
    const previous = at(this.#previous, slot);
    if (next === NONE) levels.setTail(level, previous);
    else this.#previous[next] = previous;
    if (previous === NONE) levels.setHead(level, next);
    else this.#next[previous] = next;
    if (next === NONE && previous === NONE) levels.close(level);
    this.#orders[slot] = undefined;
    this.#next[slot] = this.#free;
    this.#free = slot;
  }

  /** A partly filled order: it keeps its own place. */
  replace(order: OpenOrder): void {
    this.#check(order);
    this.#orders[order.slot] = order;
  }

  best(side: Side): OpenOrder | undefined {
    const levels = this.#levels(side);
    return levels.best === NONE ? undefined : this.#at(levels.head(levels.best));
  }

  /** The order that one of `side` with this limit would meet first, its own account's too. */
  crossed(side: Side, price: Ticks): OpenOrder | undefined {
    const best = this.best(opposite(side));
    return best !== undefined && crosses(side, price, best) ? best : undefined;
  }

  /** The next in priority behind an order of the book. */
  after(order: OpenOrder): OpenOrder | undefined {
    this.#check(order);
    const next = at(this.#next, order.slot);
    if (next !== NONE) return this.#at(next);
    const levels = this.#levels(order.side);
    const level = levels.of(order.price) - 1;
    return level < 0 ? undefined : this.#at(levels.head(level));
  }

  #at(slot: number): OpenOrder {
    return defined(this.#orders[slot], `order in slot ${slot}`);
  }

  #check({ slot, sequence }: OpenOrder): void {
    const stands = this.#orders[slot]?.sequence === sequence;
    if (!stands) assert(false, `order ${sequence} is not in slot ${slot} of the book`);
  }
}

export function opposite(side: Side): Side {
  return side === "buy" ? "sell" : "buy";
}

/** An order of `side` with limit `price` would trade against `maker`. */
export function crosses(side: Side, price: Ticks, maker: OpenOrder): boolean {
  return side === "buy" ? maker.price <= price : maker.price >= price;
}
