import { assert } from "../kernel/assert.ts";
import type { Book, OpenOrder } from "./state.ts";
import type { Side, Ticks } from "./types.ts";

/** Both sides as arrays that one block may change; worst first, the best order is the last. */
export interface BookDraft {
  readonly bids: OpenOrder[];
  readonly asks: OpenOrder[];
}

export const EMPTY_BOOK: Book = { bids: [], asks: [] };

function sideOf(book: BookDraft, side: Side): OpenOrder[] {
  return side === "buy" ? book.bids : book.asks;
}

export function opposite(side: Side): Side {
  return side === "buy" ? "sell" : "buy";
}

/** Price-time priority: a better price first, then the older order. */
export function isBefore(one: OpenOrder, two: OpenOrder): boolean {
  if (one.price === two.price) return one.sequence < two.sequence;
  return one.side === "buy" ? one.price > two.price : one.price < two.price;
}

/** First index whose order does not come after `order` in priority. */
function indexOf(orders: readonly OpenOrder[], order: OpenOrder): number {
  let low = 0;
  let high = orders.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = orders[middle];
    assert(other !== undefined, `order ${middle} of ${orders.length}`);
    if (isBefore(order, other)) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function insertOrder(book: BookDraft, order: OpenOrder): void {
  const orders = sideOf(book, order.side);
  orders.splice(indexOf(orders, order), 0, order);
}

export function removeOrder(book: BookDraft, order: OpenOrder): void {
  const orders = sideOf(book, order.side);
  const index = indexOf(orders, order);
  assert(orders[index]?.sequence === order.sequence, `order ${order.sequence} is not in the book`);
  orders.splice(index, 1);
}

/** Puts a partly filled order back in its own place. */
export function replaceOrder(book: BookDraft, order: OpenOrder): void {
  const orders = sideOf(book, order.side);
  const index = indexOf(orders, order);
  assert(orders[index]?.sequence === order.sequence, `order ${order.sequence} is not in the book`);
  orders[index] = order;
}

export function bestOrder(book: Book, side: Side): OpenOrder | undefined {
  return side === "buy" ? book.bids.at(-1) : book.asks.at(-1);
}

/** An order of `side` with limit `price` would trade against `maker`. */
export function crosses(side: Side, price: Ticks, maker: OpenOrder): boolean {
  return side === "buy" ? maker.price <= price : maker.price >= price;
}
