import type { TrustReason } from "../api/v1alpha1/conditions.ts";
import type { ChainView, Observation, PeerSample } from "../observe/observation.ts";
import {
  allPaths,
  blocksApart,
  honestPower,
  isAhead,
  isFresh,
  isWhole,
  mainPath,
  type PeersPath,
  powerSaying,
  usableSamples,
} from "./peers.ts";
import { LONG_SILENCE_WINDOWS, OVERLAP_DIVISOR } from "./tolerances.ts";
import type { SignalTrust } from "./verdict.ts";

/** So many observers that are not heard are named in the message. */
const DROPPED_TOLD_MAX = 4;

function distrust(reason: TrustReason, message: string): SignalTrust {
  return { trusted: false, reason, message };
}

/** Blind, stale, empty, NaN, fewer observers than f+1 (rule S9). */
function sightProblem(path: PeersPath, chain: ChainView): SignalTrust | undefined {
  const { reading, name, staleMs } = path;
  if (reading.kind === "blind") return distrust(reading.reason, reading.message);
  const { samples } = reading;
  if (samples.length === 0) return distrust(`${name}Empty`, `${name} has no sample of the set`);
  const fresh = samples.filter((sample) => isFresh(sample, path));
  // A scrape is as old as the pass: of those that Prometheus has, none may be young enough.
  if (fresh.length === 0 && name === "Prometheus") {
    const youngest = Math.min(...samples.map(({ ageMs }) => ageMs));
    const message = `${name}: the youngest sample is ${youngest} ms old, at most ${staleMs} count`;
    return distrust("PrometheusStale", message);
  }
  if (fresh.length > 0 && !fresh.some(isWhole)) {
    return distrust(`${name}Malformed`, `${name}: every fresh sample is NaN or lacks its numbers`);
  }
  const seen = powerSaying(chain.set, fresh, isWhole);
  const needed = honestPower(chain.set);
  if (seen >= needed) return undefined;
  const message = `${name}: fresh observers hold power ${seen}, f+1 is ${needed}`;
  return distrust("TooFewObservers", message);
}

/** How long ago, by our clock, the chain saw the span of a member's unbroken votes. */
function votingSpan(chain: ChainView, key: string): { fromMs: number; toMs: number } | undefined {
  const liveness = chain.liveness.get(key);
  if (liveness?.count.votingSinceMs === undefined) return undefined;
  const { count, msSilent } = liveness;
  const clockMs = count.sinceMs + msSilent;
  // A chain that stands still ages with our clock, not with its own.
  const fromMs = clockMs - (count.votingSinceMs ?? clockMs) + chain.sinceProgressMs;
  return { fromMs, toMs: clockMs - count.votedMs + chain.sinceProgressMs };
}

/** The observer says "silent" for a window in which the chain has the member's votes. */
function deniesVotes(chain: ChainView, key: string, sample: PeerSample): boolean {
  const windowMs = chain.parameters.rotation.silenceMs;
  const span = votingSpan(chain, key);
  if (span === undefined) return false;
  const claimed = sample.lastSeenMs.get(key) ?? 0;
  const unheardMs = sample.silent.get(key) === true ? Math.max(claimed, windowMs) : claimed;
  if (unheardMs < windowMs) return false;
  const overlapMs =
    Math.min(sample.ageMs + unheardMs, span.fromMs) - Math.max(sample.ageMs, span.toMs);
  return overlapMs >= windowMs / OVERLAP_DIVISOR;
}

/** The observer says that it hears a member that the chain has been counting silent for long. */
function deniesSilence(chain: ChainView, key: string, sample: PeerSample): boolean {
  const liveness = chain.liveness.get(key);
  const seenMs = sample.lastSeenMs.get(key);
  if (liveness === undefined || seenMs === undefined || liveness.isAbsent) return false;
  const windowMs = chain.parameters.rotation.silenceMs;
  if (!liveness.isSilent || liveness.msSilent < LONG_SILENCE_WINDOWS * windowMs) return false;
  return sample.ageMs + seenMs < windowMs / OVERLAP_DIVISOR;
}

function memberProblem(path: PeersPath, chain: ChainView): SignalTrust | undefined {
  const samples = usableSamples(path);
  const needed = honestPower(chain.set);
  for (const { key } of chain.set.members) {
    const name = key.slice(0, 8);
    if (powerSaying(chain.set, samples, (each) => deniesVotes(chain, key, each), key) >= needed) {
      const message = `${path.name} says ${name} is silent; the verified chain has its votes`;
      return distrust("ContradictsChain", message);
    }
    if (powerSaying(chain.set, samples, (each) => deniesSilence(chain, key, each), key) >= needed) {
      const message = `${path.name} says ${name} is heard; the verified chain counts it silent`;
      return distrust("ContradictsChain", message);
    }
  }
  return undefined;
}

/**
 * Heights that cannot be, said by f+1: above the verified one by more than a chain makes in the
 * time between two reads; or that far below, though all but f have attested the verified one.
 */
function heightProblem(
  path: PeersPath,
  chain: ChainView,
  intervalMs: number,
): SignalTrust | undefined {
  const samples = usableSamples(path);
  const ahead = samples.filter((sample) => isAhead(sample, chain.height, intervalMs));
  if (powerSaying(chain.set, ahead, () => true) >= honestPower(chain.set)) {
    const height = ahead[0]?.certifiedHeight;
    const message = `${path.name}: f+1 say height ${height}, verified is ${chain.height}`;
    return distrust("ContradictsChain", message);
  }
  const behind = powerSaying(
    chain.set,
    samples,
    ({ certifiedHeight, ageMs }) =>
      (certifiedHeight ?? chain.height) < chain.height - blocksApart(ageMs, intervalMs),
  );
  if (behind < honestPower(chain.set)) return undefined;
  const message = `${path.name}: f+1 are far below the verified height ${chain.height}`;
  return distrust("ContradictsChain", message);
}

/** Who is not heard, for people; each observer once. */
function droppedOf(observation: Observation): string {
  const dropped = allPaths(observation).flatMap(({ reading }) =>
    reading.kind === "blind" ? [] : (reading.dropped ?? []),
  );
  const said = new Map(dropped.map(({ observer, reason }) => [observer.slice(0, 8), reason]));
  const words = [...said].slice(0, DROPPED_TOLD_MAX).map(([who, why]) => `${who}: ${why}`);
  return words.length === 0 ? "" : `; not heard: ${words.join("; ")}`;
}

/** Whether the sources can be believed at all (rule S9). The verified chain is the measure. */
export function judgeTrust(observation: Observation): SignalTrust {
  const { chain: reading, set } = observation;
  if (reading.kind === "unborn") {
    return { trusted: true, reason: "NotBorn", message: "the chain has no genesis yet" };
  }
  if (reading.kind !== "verified") {
    return distrust("ChainNotVerified", "no verified chain state to hold the signals against");
  }
  const { chain } = reading;
  const sight = sightProblem(mainPath(observation), chain);
  if (sight !== undefined) return sight;
  for (const path of allPaths(observation)) {
    const intervalMs = set.spec.healing.intervalSeconds * 1_000;
    const lie = heightProblem(path, chain, intervalMs) ?? memberProblem(path, chain);
    if (lie !== undefined) return lie;
  }
  const agree = "the sources are fresh and agree with the verified chain";
  const message = `${agree}${droppedOf(observation)}`;
  return { trusted: true, reason: "SignalsAgree", message };
}
