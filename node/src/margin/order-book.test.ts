import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { OpenOrder } from "./open-order.ts";
import { OrderBook } from "./order-book.ts";
import type { Side } from "./types.ts";

type Terms = Omit<OpenOrder, "slot">;

/** As dumb as it can be: one list, sorted anew at every question. */
function bestFirst(orders: readonly OpenOrder[], side: Side): Terms[] {
  const better = side === "buy" ? -1 : 1;
  return orders
    .filter((order) => order.side === side)
    .map(({ slot: _, ...terms }) => terms)
    .sort((one, two) => Number(one.price - two.price) * better || one.sequence - two.sequence);
}

function listed(book: OrderBook, side: Side): Terms[] {
  const orders: Terms[] = [];
  let order = book.best(side);
  while (order !== undefined) {
    const { slot: _, ...terms } = order;
    orders.push(terms);
    order = book.after(order);
  }
  return orders;
}

const SIDES = ["buy", "sell"] as const;

const stepDrawn = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("insert" as const),
      side: fc.constantFrom(...SIDES),
      price: fc.oneof(fc.bigInt(1n, 40n), fc.bigInt(2n ** 53n - 3n, 2n ** 53n - 1n)),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("remove" as const), pick: fc.nat() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("shrink" as const), pick: fc.nat() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("copy" as const) }) },
);

function insert(
  book: OrderBook,
  orders: readonly OpenOrder[],
  { side, price, sequence }: { side: Side; price: bigint; sequence: number },
): OpenOrder[] {
  const terms = { account: "a", market: 0, clientId: sequence, size: 9n, sequence };
  const kind = { timeInForce: "gtc", reduceOnly: false, untilMs: 0 } as const;
  return [...orders, book.insert({ ...terms, ...kind, side, price })];
}

/** Some order leaves, or loses a lot. */
function lose(
  book: OrderBook,
  orders: readonly OpenOrder[],
  { kind, pick }: { kind: "remove" | "shrink"; pick: number },
): OpenOrder[] {
  const picked = orders[pick % Math.max(1, orders.length)];
  if (picked === undefined) return [];
  const left = { ...picked, size: picked.size - 1n };
  if (kind === "remove") book.remove(picked);
  else book.replace(left);
  const others = orders.filter((order) => order !== picked);
  return kind === "remove" ? others : [...others, left];
}

describe("the order book", () => {
  test("is a list sorted by price, then by age; a copy leaves the older book as it was", () => {
    const property = fc.property(fc.array(stepDrawn, { maxLength: 400 }), (steps) => {
      let book = new OrderBook();
      let orders: OpenOrder[] = [];
      const versions: { book: OrderBook; orders: OpenOrder[] }[] = [];
      steps.forEach((step, sequence) => {
        if (step.kind === "copy") {
          versions.push({ book, orders });
          book = book.copy();
        } else {
          orders =
            step.kind === "insert"
              ? insert(book, orders, { ...step, sequence })
              : lose(book, orders, step);
        }
      });
      for (const version of [...versions, { book, orders }]) {
        for (const side of SIDES) {
          expect(listed(version.book, side)).toEqual(bestFirst(version.orders, side));
        }
      }
    });
    fc.assert(property, { numRuns: 200, seed: 20_260_101 });
  });

  test("uses the slots of orders that left again", () => {
    const book = new OrderBook();
    const terms = { account: "a", market: 0, clientId: 1, side: "buy", price: 5n } as const;
    const rest = { size: 1n, timeInForce: "gtc", reduceOnly: false, untilMs: 0 } as const;
    let order = book.insert({ ...terms, ...rest, sequence: 0 });
    for (let sequence = 1; sequence < 100; sequence += 1) {
      book.remove(order);
      order = book.insert({ ...terms, ...rest, sequence });
    }
    expect(order.slot).toBe(0);
  });
});
