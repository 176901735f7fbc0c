import { faultyPower, powerOf } from "@quorate/node/kernel/validator-set";
import type { ValidatorRotation, ValidatorSet } from "../../src/api/v1alpha1/types.ts";
import { NAMESPACE, SET } from "./names.ts";
import type { World } from "./world.ts";

/** What is not yet as it should be once all faults are over; empty: the set has converged. */
export function unsettled(world: World): readonly string[] {
  const { chain, cluster, store } = world;
  if (chain === undefined) return ["there is no chain"];
  const set = store.get("validatorsets", NAMESPACE, SET) as unknown as ValidatorSet | undefined;
  if (set === undefined) return ["there is no set"];
  const problems: string[] = [];
  if (waitsForItsOwner(world)) {
    world.counts.add("ticks with a seat that no spare may take");
    return [];
  }
  const live = cluster.live(chain.id);
  const { members } = chain.set;
  if (members.length !== set.spec.replicas) problems.push(`${members.length} voters`);
  for (const { key, muted } of members) {
    if (!live.has(key)) problems.push(`${world.memberOf(key)} does not live`);
    if (muted) problems.push(`${world.memberOf(key)} is muted`);
    if (chain.tombstones.has(key)) problems.push(`${world.memberOf(key)} is condemned and sits`);
  }
  const spares = chain.view().spares.filter(({ key, fit }) => fit && live.has(key));
  if (spares.length < set.spec.spares) problems.push(`${spares.length} live spares are fit`);
  const rotations = store.list("validatorrotations") as unknown as readonly ValidatorRotation[];
  for (const { metadata, status } of rotations) {
    const open = status?.phase === "Submitted" || status?.phase === "Effective";
    if (open) problems.push(`${metadata.name} is ${status?.phase}`);
  }
  for (const pod of cluster.memberPods()) {
    const { containers } = pod["spec"] as { readonly containers: readonly { image: string }[] };
    const image = containers[0]?.image;
    if (image !== set.spec.image) problems.push(`${pod.metadata.name} runs ${image}`);
  }
  return [...problems, ...conditionProblems(world, set)];
}

/** A seat waits for a spare of its own owner, which the operator cannot choose. */
function waitsForItsOwner({ chain }: World): boolean {
  return (
    chain?.set.members.some(({ key }) => chain.tombstones.has(key) && chain.isStuck(key)) === true
  );
}

function conditionProblems(world: World, { status, spec }: ValidatorSet): readonly string[] {
  if (status === undefined) return ["no status"];
  const wanted: Readonly<Record<string, string>> = {
    Ready: "True",
    Reconciling: "False",
    Stalled: "False",
    SignalsTrusted: "True",
    QuorumSafe: isSafe(world) ? "True" : "False",
    RotationInProgress: "False",
    Held: "False",
  };
  const wrong = Object.entries(wanted).flatMap(([type, value]) => {
    const found = status.conditions.find((condition) => condition.type === type);
    if (found?.status === value) return [];
    return [`${type} is ${found?.status} (${found?.reason}: ${found?.message}), not ${value}`];
  });
  const counts: string[] = [];
  if (status.voters !== spec.replicas) counts.push(`status.voters is ${status.voters}`);
  if (status.spares < spec.spares) counts.push(`status.spares is ${status.spares}`);
  if (status.birth.phase !== "Alive") counts.push(`birth is ${status.birth.phase}`);
  return [...wrong, ...counts];
}

/** No machine and no zone holds more than f, by the world's truth. */
function isSafe({ chain, cluster }: World): boolean {
  if (chain === undefined) return false;
  const f = faultyPower(chain.set);
  const places = new Map<string, string[]>();
  for (const { machine, volume } of cluster.processes.values()) {
    for (const place of [machine.name, machine.zone]) {
      places.set(place, [...(places.get(place) ?? []), volume.key]);
    }
  }
  return [...places.values()].every((keys) => powerOf(chain.set, keys) <= f);
}
