/** A sample older than this many intervals of its source is stale (rule S9). */
export const STALE_INTERVALS = 3;
/**
 * No chain of ours makes more blocks in a second: rounds take three message delays, and the
 * fastest measured loopback chain made 60.
 */
export const BLOCKS_PER_SECOND_MAX = 100;
/** Observation intervals by which a read of metrics and a read of the chain may lie apart. */
export const READ_APART_INTERVALS = 2;
/**
 * Share of a silence window for which a claimed silence must overlap with votes that the chain
 * has: 1/2. Less is the time that a vote needs to be included, or a member that came back.
 */
export const OVERLAP_DIVISOR = 2;
/**
 * The chain counts a member silent for so many windows, and peers say they hear it: somebody lies.
 */
export const LONG_SILENCE_WINDOWS = 2;
/** A single report far from the median is noise. */
export const OUTLIERS_MIN = 3;
