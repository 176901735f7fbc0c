import { honestPowerMin } from "@quorate/node/kernel/threshold";
import { powerOf, totalPower, type ValidatorSet } from "@quorate/node/kernel/validator-set";
import type { Observation, PeerSample, PeersReading } from "../observe/observation.ts";
import { BLOCKS_PER_SECOND_MAX, READ_APART_INTERVALS, STALE_INTERVALS } from "./tolerances.ts";

/** One path to the peers' view, with the interval in which it is refreshed. */
export interface PeersPath {
  readonly name: "Prometheus" | "Scrape";
  readonly reading: PeersReading;
  readonly staleMs: number;
}

/**
 * The path that verdicts rest on: Prometheus where the spec names one (rule S9: a direct scrape
 * does not replace it), else the scrape. Both are one kind of signal (rule S7).
 */
export function mainPath(observation: Observation): PeersPath {
  const { set, prometheus, scrape } = observation;
  const { prometheus: named, healing } = set.spec;
  const scraped = STALE_INTERVALS * healing.intervalSeconds * 1_000;
  if (named === undefined) {
    return credible({ name: "Scrape", reading: scrape, staleMs: scraped }, observation);
  }
  const missing = { kind: "blind", reason: "PrometheusUnreachable", message: "not asked" } as const;
  const staleMs = STALE_INTERVALS * named.scrapeIntervalSeconds * 1_000;
  return credible({ name: "Prometheus", reading: prometheus ?? missing, staleMs }, observation);
}

/** Every path that answered: a lie is a lie also on the path that verdicts do not rest on. */
export function allPaths(observation: Observation): readonly PeersPath[] {
  const main = mainPath(observation);
  if (main.name === "Scrape") return [main];
  const staleMs = STALE_INTERVALS * observation.set.spec.healing.intervalSeconds * 1_000;
  return [main, credible({ name: "Scrape", reading: observation.scrape, staleMs }, observation)];
}

/** Blocks by which a sample's height and the verified one may differ for honest reasons. */
export function blocksApart(ageMs: number, intervalMs: number): number {
  const ms = READ_APART_INTERVALS * intervalMs + Math.max(0, ageMs);
  return Math.ceil((ms / 1_000) * BLOCKS_PER_SECOND_MAX);
}

/** A height that the chain cannot have reached since it was read. */
export function isAhead(sample: PeerSample, height: number, intervalMs: number): boolean {
  return (sample.certifiedHeight ?? 0) > height + blocksApart(sample.ageMs, intervalMs);
}

/**
 * The path without the observers that tell of heights that cannot be, as long as they hold less
 * than f+1: one liar must not blind the operator. Where more say so, the path itself is doubted.
 */
function credible(path: PeersPath, { chain: reading, set }: Observation): PeersPath {
  if (reading.kind !== "verified" || path.reading.kind === "blind") return path;
  const { chain } = reading;
  const intervalMs = set.spec.healing.intervalSeconds * 1_000;
  const { samples, dropped = [] } = path.reading;
  const isLie = (sample: PeerSample): boolean => isAhead(sample, chain.height, intervalMs);
  const lies = samples.filter(isLie);
  if (lies.length === 0 || powerSaying(chain.set, lies, isLie) >= honestPower(chain.set)) {
    return path;
  }
  const out = lies.map(({ observer, certifiedHeight }) => ({
    observer,
    reason: `height ${certifiedHeight}, verified is ${chain.height}`,
  }));
  const others = samples.filter((sample) => !isLie(sample));
  return { ...path, reading: { kind: "read", samples: others, dropped: [...dropped, ...out] } };
}

/** As far in the future as in the past: a clock that is wrong says nothing of now (rule S9). */
export function isFresh({ ageMs }: PeerSample, { staleMs }: PeersPath): boolean {
  return Math.abs(ageMs) <= staleMs;
}

/** A sample with a height and at least one member in it: NaN and missing samples are no view. */
export function isWhole({ certifiedHeight, lastSeenMs }: PeerSample): boolean {
  return certifiedHeight !== undefined && lastSeenMs.size > 0;
}

export function usableSamples(path: PeersPath): readonly PeerSample[] {
  if (path.reading.kind === "blind") return [];
  return path.reading.samples.filter((sample) => isFresh(sample, path) && isWhole(sample));
}

/** Power of the distinct observers that say so; the accused is not counted (rule S7). */
export function powerSaying(
  set: ValidatorSet,
  samples: readonly PeerSample[],
  says: (sample: PeerSample) => boolean,
  accused?: string,
): bigint {
  const saying = samples.filter((sample) => sample.observer !== accused && says(sample));
  return powerOf(
    set,
    saying.map(({ observer }) => observer),
  );
}

/** f+1 in power: at least one honest observer is among them. */
export function honestPower(set: ValidatorSet): bigint {
  return honestPowerMin(totalPower(set));
}
