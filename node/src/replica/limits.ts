/** Bounds of what a replica holds in memory; older is in the shell's chain log (pitfall 11). */
export const LEDGERS_MAX = 64;
export const BLOCKS_MAX = 4_096;
export const RECEIPTS_MAX = 20_000;
export const PLACES_MAX = 100_000;
export const QUEUED_MAX = 10_000;
/** Calls that may wait for one transaction. */
export const WAITERS_MAX = 16;
export const PROOFS_MAX = 128;
/** Proofs that the chain has, kept for whoever asks what happened. */
export const SETTLED_PROOFS_MAX = 16;
/** A receipt whose height got no certificate within this many heights is answered by a refusal. */
export const AWAITED_HEIGHTS_MAX = 64;
