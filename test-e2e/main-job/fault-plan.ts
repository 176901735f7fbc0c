import { Random } from "./random.ts";

export type FaultKind = "gone" | "crash" | "equivocation";

export interface PlannedFault {
  readonly kind: FaultKind;
  /** Index of the validator, 0 to 3. */
  readonly validator: number;
  /**
   * Not before this tick of the price series. A fault also waits until the swap before it is
   * effective and its newcomer has voted.
   */
  readonly notBeforeTick: number;
}

export interface SourcePlan {
  readonly noisePpm: number;
  readonly delayMs: number;
  readonly outages: readonly { readonly fromTick: number; readonly toTick: number }[];
}

/** Everything that chance decides, drawn once from the seed and printed before it happens. */
export interface FaultPlan {
  readonly faults: readonly PlannedFault[];
  /** Index of the validator whose price file is false. No other fault strikes it. */
  readonly falseReporter: number;
  /** The false prices, in per mille of the true ones. */
  readonly falsePerMille: bigint;
  /** Price sources by ordinal: validators, then spares. */
  readonly sources: readonly SourcePlan[];
}

export const VALIDATORS = 4;
/** Price sources that are drawn: one for each founder and the spares that follow. */
export const SOURCES = 6;

/**
 * Three of the four validators are struck, each by another fault, in drawn order. The faults stand
 * in separate parts of the series, so that each has time to heal before the next.
 */
export function drawFaultPlan(seed: number, ticks: number): FaultPlan {
  const roles = new Random(seed, "roles").shuffled([0, 1, 2, 3]);
  const kinds = new Random(seed, "order").shuffled<FaultKind>(["gone", "crash", "equivocation"]);
  const moments = new Random(seed, "moments");
  const faults = kinds.map((kind, at) => {
    const start = Math.floor((ticks * (15 + at * 25)) / 100);
    const width = Math.floor((ticks * 12) / 100);
    const notBeforeTick = start + moments.between(0, width);
    return { kind, validator: roles[at] ?? at, notBeforeTick };
  });
  const scale = new Random(seed, "false-prices");
  return {
    faults,
    falseReporter: roles[3] ?? 3,
    falsePerMille: BigInt(scale.between(0, 1) === 0 ? 850 : 1_150),
    sources: drawSources(seed, ticks),
  };
}

/**
 * Outages of the sources never overlap: more than one missing source is another test's business.
 */
function drawSources(seed: number, ticks: number): SourcePlan[] {
  const count = SOURCES;
  const turns = new Random(seed, "outage-turns").shuffled(
    Array.from({ length: count }, (_, i) => i),
  );
  return turns.map((turn, node) => {
    const random = new Random(seed, `source-${node}`);
    const slice = Math.floor(ticks / count);
    const fromTick = turn * slice + random.between(0, Math.floor(slice / 2));
    const toTick = fromTick + random.between(2, 6);
    return {
      noisePpm: random.between(20, 150),
      delayMs: random.between(20, 90),
      outages: [{ fromTick, toTick }],
    };
  });
}
