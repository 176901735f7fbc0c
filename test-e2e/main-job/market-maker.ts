import type { AccountKey } from "@quorate/client/account-key";
import type { Orders } from "./orders.ts";
import type { PriceTick } from "./price-file.ts";
import { type Quote, quotesAround } from "./quotes.ts";
import { StandingQuotes } from "./standing-quotes.ts";
import type { TickClock } from "./tick-clock.ts";

export interface MarketMakerOptions {
  readonly key: AccountKey;
  readonly orders: Orders;
  readonly clock: TickClock;
  readonly prices: readonly PriceTick[];
  readonly signal: AbortSignal;
  /** Signed lots that it holds; undefined where nobody answers. */
  readonly held: () => Promise<bigint | undefined>;
}

/** Bundles that may wait for their certificate at once; beyond that a tick is left out. */
const OUTSTANDING_MAX = 8;
/** Cancels in one bundle; what is more goes with the next. */
const CANCELS_MAX = 48;

/**
 * Stands on both sides of the price throughout: at every tick it takes its quotes back and gives
 * new ones, in one bundle. It does not wait for one bundle before it sends the next.
 */
export async function makeMarket(options: MarketMakerOptions): Promise<void> {
  const { clock, prices, signal } = options;
  const outstanding = new Set<Promise<unknown>>();
  const standing = new StandingQuotes();
  let nextClientId = 1;
  let held = 0n;
  for (const tick of prices) {
    if (tick.index < clock.now) continue;
    await clock.reach(tick.index, signal);
    if (outstanding.size >= OUTSTANDING_MAX) continue;
    if (tick.index % HELD_EVERY_TICKS === 0) {
      const asked = options.held().then((lots) => {
        held = lots ?? held;
      });
      outstanding.add(asked);
      void asked.finally(() => outstanding.delete(asked));
    }
    const quotes = quotesAround(tick.price, held);
    const sent = requote(options, standing, { quotes, firstClientId: nextClientId });
    nextClientId += CLIENT_IDS_PER_TICK;
    outstanding.add(sent);
    void sent.finally(() => outstanding.delete(sent));
  }
  await Promise.all(outstanding);
}

const CLIENT_IDS_PER_TICK = 16;
const HELD_EVERY_TICKS = 4;

async function requote(
  { key, orders }: MarketMakerOptions,
  standing: StandingQuotes,
  around: { readonly quotes: readonly Quote[]; readonly firstClientId: number },
): Promise<void> {
  const bundle = orders.bundle(key);
  const cancels = standing.oldest(CANCELS_MAX);
  for (const clientId of cancels) bundle.cancel({ market: 0, clientId });
  const quotes = around.quotes.map((quote, at) => ({
    ...quote,
    clientId: around.firstClientId + at,
  }));
  for (const quote of quotes) {
    bundle.place({ market: 0, ...quote, timeInForce: "post-only" });
    standing.sent(quote.clientId);
  }
  const certified = await orders.send(bundle);
  if (certified === undefined) return;
  const { receipt, height } = certified;
  for (const [at, outcome] of receipt.outcomes.entries()) {
    const cancelled = cancels[at];
    const placed = quotes[at - cancels.length];
    if (cancelled !== undefined) standing.cancelled(cancelled, outcome, height);
    if (placed !== undefined) standing.placed(placed.clientId, outcome, height);
  }
}
