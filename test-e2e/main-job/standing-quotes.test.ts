import { expect, test } from "vitest";
import { StandingQuotes } from "./standing-quotes.ts";

const OK = { code: "OK" };
const NOT_FOUND = { code: "ORDER_NOT_FOUND" };

test("an order stays known until a later block shows that it is gone", () => {
  const quotes = new StandingQuotes();
  for (const clientId of [1, 2, 3, 4]) quotes.sent(clientId);
  expect(quotes.oldest(3)).toEqual([1, 2, 3]);
  quotes.placed(1, OK, 10);
  quotes.cancelled(1, OK, 11);
  // The cancel overtook the order, or came in the same block, where cancels are first.
  quotes.cancelled(2, NOT_FOUND, 9);
  quotes.placed(2, OK, 10);
  quotes.cancelled(2, NOT_FOUND, 10);
  // Refused: it never stood. Filled: a later cancel finds nothing.
  quotes.placed(3, { code: "PRICE_NOT_FRESH" }, 10);
  quotes.placed(4, OK, 10);
  quotes.cancelled(4, NOT_FOUND, 12);
  expect(quotes.oldest(9)).toEqual([2]);
  quotes.cancelled(2, OK, 13);
  expect(quotes.size).toBe(0);
});
