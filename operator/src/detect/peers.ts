import { honestPowerMin } from "@quorate/node/kernel/threshold";
import { powerOf, totalPower, type ValidatorSet } from "@quorate/node/kernel/validator-set";
import type { Observation, PeerSample, PeersReading } from "../observe/observation.ts";
import { CLOCK_SKEW_MS, STALE_INTERVALS } from "./tolerances.ts";

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
export function mainPath({ set, prometheus, scrape }: Observation): PeersPath {
  const { prometheus: named, healing } = set.spec;
  const scraped = STALE_INTERVALS * healing.intervalSeconds * 1_000;
  if (named === undefined) return { name: "Scrape", reading: scrape, staleMs: scraped };
  const missing = { kind: "blind", reason: "PrometheusUnreachable", message: "not asked" } as const;
  const staleMs = STALE_INTERVALS * named.scrapeIntervalSeconds * 1_000;
  return { name: "Prometheus", reading: prometheus ?? missing, staleMs };
}

/** Every path that answered: a lie is a lie also on the path that verdicts do not rest on. */
export function allPaths(observation: Observation): readonly PeersPath[] {
  const main = mainPath(observation);
  if (main.name === "Scrape") return [main];
  const staleMs = STALE_INTERVALS * observation.set.spec.healing.intervalSeconds * 1_000;
  return [main, { name: "Scrape", reading: observation.scrape, staleMs }];
}

export function isFresh({ ageMs }: PeerSample, { staleMs }: PeersPath): boolean {
  return ageMs <= staleMs && ageMs >= -CLOCK_SKEW_MS;
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
