import { compareText } from "@quorate/node/kernel/bytes";
import { quorumPower } from "@quorate/node/kernel/threshold";
import { hasQuorum, powerOf, totalPower } from "@quorate/node/kernel/validator-set";
import { allPaths, isFresh } from "../detect/peers.ts";
import type { ChainView, Observation } from "../observe/observation.ts";
import { type Hold, nameOf, powerOfMember } from "./policy-input.ts";

/** `spec.paused`: a person said stop (rule S19). */
export const paused: Hold = {
  id: "S19",
  refuse: ({ observation }) => {
    if (!observation.set.spec.paused) return undefined;
    const message = "spec.paused is true: set it to false to let the operator act";
    return { rule: "S19", reason: "Paused", message };
  },
};

/** S10: an operator whose own lease was not renewed in time may not be the only one. */
export const leaseIsFresh: Hold = {
  id: "S10",
  refuse: ({ observation }) => {
    if (observation.leaseIsFresh) return undefined;
    const message = "the operator's lease was not renewed in time: another one may act";
    return { rule: "S10", reason: "LeaseStale", message };
  },
};

/**
 * VERIFIED-READ: acts rest on verified chain state only, from a checkpoint that is young enough.
 */
export const chainIsVerified: Hold = {
  id: "VERIFIED-READ",
  refuse: ({ observation: { chain } }) => {
    if (chain.kind === "verified") return undefined;
    if (chain.kind === "checkpoint-expired") {
      const hours = Math.floor(chain.ageMs / 3_600_000);
      const fix = "verify a newer set out of band and name it in spec.checkpoint";
      const message = `the checkpoint is ${hours} h old, beyond spec.trustPeriodHours: ${fix}`;
      return { rule: "VERIFIED-READ", reason: "CheckpointExpired", message };
    }
    const message = chain.kind === "unborn" ? "the chain has no genesis yet" : chain.message;
    return { rule: "VERIFIED-READ", reason: "ChainUnreachable", message };
  },
};

/** S9: blind is no reason to act. Where `spec.prometheus` is named, its failure is blindness. */
export const signalsAreTrusted: Hold = {
  id: "S9",
  refuse: ({ findings: { trust } }) => {
    if (trust.trusted) return undefined;
    return { rule: "S9", reason: trust.reason, message: trust.message };
  },
};

/**
 * Members that the operator sees itself: a fresh sample by any path. Members of other clusters
 * (rule MANY) are seen through the chain: a sign of life within a silence window.
 */
export function seenMembers(observation: Observation, chain: ChainView): readonly string[] {
  const sampled = allPaths(observation).flatMap((path) =>
    path.reading.kind === "blind"
      ? []
      : path.reading.samples.filter((sample) => isFresh(sample, path)),
  );
  const direct = new Set(sampled.map(({ observer }) => observer));
  const ours = new Set(observation.members.map(({ consensusKey }) => consensusKey));
  const windowMs = chain.parameters.rotation.silenceMs;
  return chain.set.members
    .map(({ key }) => key)
    .filter((key) => {
      if (direct.has(key)) return true;
      return !ours.has(key) && (chain.liveness.get(key)?.msSilent ?? windowMs) < windowMs;
    });
}

/** S10: an operator that sees less than a quorum may be the one that is cut off. */
export const seesQuorum: Hold = {
  id: "S10",
  refuse: ({ observation, chain }) => {
    if (chain === undefined) return undefined;
    const seen = seenMembers(observation, chain);
    if (hasQuorum(chain.set, seen)) return undefined;
    const needed = quorumPower(totalPower(chain.set));
    const message = `sees members with power ${powerOf(chain.set, seen)}, a quorum is ${needed}`;
    return { rule: "S10", reason: "Partitioned", message };
  },
};

/** The fewest members, strongest first, whose return makes a quorum again; by name. */
export function membersToRestart(
  observation: Observation,
  chain: ChainView,
): { readonly least: number; readonly among: readonly string[] } {
  const seen = new Set(seenMembers(observation, chain));
  const down = chain.set.members
    .filter(({ key }) => !seen.has(key))
    .toSorted(
      (left, right) =>
        Number(right.power - left.power > 0n) - Number(right.power - left.power < 0n) ||
        compareText(left.key, right.key),
    );
  const quorum = quorumPower(totalPower(chain.set));
  let power = powerOf(chain.set, seen);
  let least = 0;
  for (const { key } of down) {
    if (power >= quorum) break;
    power += powerOfMember(chain, key);
    least += 1;
  }
  return { least, among: down.map(({ key }) => nameOf(observation, key)) };
}

/** S11: a chain that stands still cannot change its set; restarting members helps, swaps do not. */
export const chainCommits: Hold = {
  id: "S11",
  refuse: ({ observation, chain }) => {
    if (chain === undefined) return undefined;
    const intervalMs = observation.set.spec.healing.intervalSeconds * 1_000;
    const limitMs = chain.parameters.rotation.commitGapMs + intervalMs;
    if (chain.sinceProgressMs <= limitMs) return undefined;
    const { least, among } = membersToRestart(observation, chain);
    const fix =
      least === 0
        ? "a quorum answers: look at the nodes' logs"
        : `restart at least ${least} of ${among.join(", ")}`;
    const stands = `height ${chain.height} has stood for ${chain.sinceProgressMs} ms`;
    return { rule: "S11", reason: "ChainHalted", message: `${stands}: ${fix}` };
  },
};
