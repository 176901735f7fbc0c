import type { AccountKey } from "@quorate/client/account-key";
import type { Orders } from "./orders.ts";
import type { PriceTick } from "./price-file.ts";
import { quotesAround } from "./quotes.ts";
import type { TickClock } from "./tick-clock.ts";

export interface MarketMakerOptions {
  readonly key: AccountKey;
  readonly orders: Orders;
  readonly clock: TickClock;
  readonly prices: readonly PriceTick[];
  readonly signal: AbortSignal;
}

/** Bundles that may wait for their certificate at once; beyond that a tick is left out. */
const OUTSTANDING_MAX = 8;

/**
 * Stands on both sides of the price throughout: at every tick it takes its quotes back and gives
 * new ones, in one bundle. It does not wait for one bundle before it sends the next.
 */
export async function makeMarket(options: MarketMakerOptions): Promise<void> {
  const { key, orders, clock, prices, signal } = options;
  const outstanding = new Set<Promise<unknown>>();
  let standing: readonly number[] = [];
  let nextClientId = 1;
  for (const tick of prices) {
    if (tick.index < clock.now) continue;
    await clock.reach(tick.index, signal);
    if (outstanding.size >= OUTSTANDING_MAX) continue;
    const bundle = orders.bundle(key);
    for (const clientId of standing) bundle.cancel({ market: 0, clientId });
    const quotes = quotesAround(tick.price).map((quote, at) => ({
      ...quote,
      clientId: nextClientId + at,
    }));
    for (const quote of quotes) bundle.place({ market: 0, ...quote, timeInForce: "post-only" });
    standing = quotes.map(({ clientId }) => clientId);
    nextClientId += quotes.length;
    const sent = orders.send(bundle).finally(() => outstanding.delete(sent));
    outstanding.add(sent);
  }
  await Promise.all(outstanding);
}
