import type { MicroUsd } from "../kernel/scalars.ts";

/** A report further than this from the median is an outlier event, ppm of the median. */
export const OUTLIER_PPM = 100_000n;
/** The highest price of an order: the book's levels are doubles, exact up to here. */
export const PRICE_TICKS_MAX = 2n ** 53n - 1n;
/** Open orders of one account over all markets: bounds the work of one margin check. */
export const OPEN_ORDERS_MAX = 256;
/** Orders of one mass quote. */
export const QUOTES_MAX = 32;
/** Accounts that one block serves; the others wait in turn (rule LADDER: no one starves). */
export const LIQUIDATIONS_PER_BLOCK_MAX = 256;
/** Close-outs of one block: each looks at every account. The others wait in turn. */
export const CLOSE_OUTS_PER_BLOCK_MAX = 64;
/** A position of at most this notional is liquidated whole. */
export const WHOLE_POSITION_NOTIONAL: MicroUsd = 1_000_000_000n;
/** After this many unfilled liquidation orders in a row a deep breach is closed out. */
export const CLOSE_OUT_AFTER_MISSES = 8;
/** Gains of one eighth of the lock time share one lock: bounds the list of locks. */
export const GAIN_LOCK_BUCKETS = 8;
/** Epochs of an outflow window: what left in one of them leaves the sum with the whole epoch. */
export const OUTFLOW_EPOCHS = 24;
/** Resting orders that one order meets at most; what is left of it then lapses. */
export const STEPS_PER_ORDER_MAX = 1_024;
/** Resting orders that the orders of one account in a block meet at most: no one takes it all. */
export const STEPS_PER_ACCOUNT_MAX = 4_096;
/** Resting orders that all orders of one block meet at most; later orders are refused. */
export const STEPS_PER_BLOCK_MAX = 131_072;
/** Orders of one side that a premium looks at: bounds the work of a sample. */
export const IMPACT_ORDERS_MAX = 256;
/** Samples of a funding interval: bounds its leaf. */
export const FUNDING_SAMPLES_MAX = 1_024;
/** Orders whose time is over that one block takes out of the book; the others wait. */
export const EXPIRIES_PER_BLOCK_MAX = 1_024;
