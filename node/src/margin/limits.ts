import type { MicroUsd } from "../kernel/scalars.ts";

/** A report further than this from the median is an outlier event, ppm of the median. */
export const OUTLIER_PPM = 100_000n;
/** Open orders of one account over all markets: bounds the work of one margin check. */
export const OPEN_ORDERS_MAX = 256;
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
