import type { AccountKey } from "@quorate/client/account-key";
import { lotsFor, MICRO_USD_PER_USD, type TraderPlan } from "./cast.ts";
import type { Orders } from "./orders.ts";
import type { PriceTick } from "./price-file.ts";
import type { TickClock } from "./tick-clock.ts";

export interface TraderOptions {
  readonly plan: TraderPlan;
  readonly key: AccountKey;
  readonly orders: Orders;
  readonly clock: TickClock;
  readonly prices: readonly PriceTick[];
  readonly signal: AbortSignal;
  /** Told once, with what it got and the last refusal if it got less than it wanted. */
  readonly opened: (position: Opened) => void;
}

export interface Opened {
  readonly name: string;
  readonly side: "buy" | "sell";
  readonly lots: bigint;
  readonly wanted: bigint;
  /** Why it is less than wanted; empty where the book was merely too thin. */
  readonly refusal: string;
}

/** A trader that did not get its size within this many ticks goes on with what it has. */
const PATIENCE_TICKS = 16;
/** How far from the price it takes what stands in the book: 1 %, and less at high leverage. */
const REACH_PPM_MAX = 10_000;
/** What it would lose at once at its limit counts against its margin: at most 8 % of collateral. */
const REACH_COLLATERAL_PPM = 80_000;

/**
 * Opens its position by orders that take from the book, and never adds collateral: what becomes of
 * it is up to the prices.
 */
export async function trade(options: TraderOptions): Promise<void> {
  const { plan, clock, prices, signal } = options;
  if (plan.opensAtTick >= prices.length) return;
  await clock.reach(plan.opensAtTick, signal);
  options.opened(await open(options));
  const { withdraws } = plan;
  if (withdraws === undefined || withdraws.atTick >= prices.length) return;
  await clock.reach(withdraws.atTick, signal);
  const amount = BigInt(withdraws.usd) * MICRO_USD_PER_USD;
  await options.orders.send(options.orders.bundle(options.key).withdraw(amount));
}

function reachPpm({ leverage }: TraderPlan): bigint {
  return BigInt(Math.min(REACH_PPM_MAX, Math.floor(REACH_COLLATERAL_PPM / leverage)));
}

async function open(options: TraderOptions): Promise<Opened> {
  const { plan, key, orders, clock, prices, signal } = options;
  let wanted = 0n;
  let held = 0n;
  let refusal = "";
  for (let attempt = 0; attempt < PATIENCE_TICKS; attempt += 1) {
    // In the middle of a tick the market maker's quotes for it stand in the book.
    await clock.reach(Math.max(0, clock.now) + 0.5, signal);
    const price = prices[Math.max(0, clock.now)]?.price;
    if (price === undefined) break;
    if (wanted === 0n) wanted = lotsFor(plan, price);
    const reach = (price * reachPpm(plan)) / 1_000_000n;
    const bundle = orders.bundle(key).place({
      market: 0,
      clientId: attempt,
      side: plan.side,
      size: wanted - held,
      price: plan.side === "buy" ? price + reach : price - reach,
      timeInForce: "ioc",
    });
    const certified = await orders.send(bundle);
    const outcome = certified?.receipt.outcomes[0];
    held += outcome?.filled ?? 0n;
    refusal = outcome === undefined ? "NO_ANSWER" : outcome.code === "OK" ? "" : outcome.code;
    if (held >= wanted) break;
    await clock.reach(clock.now + 1, signal);
  }
  return { name: plan.name, side: plan.side, lots: held, wanted, refusal };
}
