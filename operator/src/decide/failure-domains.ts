import { compareText } from "@quorate/node/kernel/bytes";
import { faultyPower, powerOf } from "@quorate/node/kernel/validator-set";
import type { ChainView, Observation } from "../observe/observation.ts";

export interface QuorumSafety {
  readonly safe: boolean;
  /** CamelCase: DomainsHoldAtMostF, DomainAboveF. */
  readonly reason: "DomainsHoldAtMostF" | "DomainAboveF";
  readonly message: string;
}

interface Traits {
  readonly zone: string;
  readonly machine: string;
  readonly image: string;
}

/** Failure domains of one member; empty text where it is not known or the member is not ours. */
function traitsOf({ members, pods, nodes }: Observation, key: string): Traits {
  const member = members.find(({ consensusKey }) => consensusKey === key);
  const pod = pods.find((each) => member !== undefined && each.member === member.name);
  const machine = pod?.node ?? "";
  // Where the pod runs counts; where it was bound is only the next best knowledge.
  const zone = nodes.find(({ name }) => name === machine)?.zone ?? member?.zone ?? "";
  return { zone, machine, image: pod?.image ?? "" };
}

type Trait = keyof Traits;

function groupsBy(
  observation: Observation,
  keys: readonly string[],
  trait: Trait,
): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, readonly string[]>();
  for (const key of keys) {
    const value = traitsOf(observation, key)[trait];
    if (value !== "") groups.set(value, [...(groups.get(value) ?? []), key]);
  }
  return groups;
}

/** No machine and no zone may hold voters with more than f (rule S8, QuorumSafe). */
export function quorumSafety(observation: Observation, chain: ChainView): QuorumSafety {
  const keys = chain.set.members.map(({ key }) => key);
  const f = faultyPower(chain.set);
  const unsafe = (["zone", "machine"] as const).flatMap((trait) =>
    [...groupsBy(observation, keys, trait)]
      .filter(([, held]) => powerOf(chain.set, held) > f)
      .map(([value, held]) => `${trait} ${value} holds ${held.length} voters`),
  );
  if (unsafe.length === 0) {
    const message = `no machine and no zone holds more than f = ${f}`;
    return { safe: true, reason: "DomainsHoldAtMostF", message };
  }
  const message = `${unsafe.join(", ")}: more than f = ${f}; add machines in other zones`;
  return { safe: false, reason: "DomainAboveF", message };
}

/**
 * What members that went bad together share and the whole set does not: a property of all members
 * says nothing (rule S8). For people.
 */
export function commonTraits(
  observation: Observation,
  chain: ChainView,
  bad: readonly string[],
): readonly string[] {
  const all = chain.set.members.map(({ key }) => key);
  return (["zone", "machine", "image"] as const)
    .flatMap((trait) => {
      const whole = groupsBy(observation, all, trait);
      return [...groupsBy(observation, bad, trait)]
        .filter(([value, held]) => held.length >= 2 && whole.get(value)?.length !== all.length)
        .map(([value, held]) => `${held.length} share ${trait} ${value}`);
    })
    .toSorted(compareText);
}
