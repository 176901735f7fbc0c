import type { KubeClient } from "@quorate/runtime/kube-client";
import { type Service, services } from "@quorate/runtime/resources";
import { LABELS } from "../api/v1alpha1/labels.ts";
import type { ValidatorRotation, ValidatorSet } from "../api/v1alpha1/types.ts";
import { memberView } from "../observe/cluster-view.ts";
import type { Observed } from "../observe/observe.ts";
import { validatorRotations, validatorSets } from "../observe/resources.ts";

/** What the API server itself says, where the copies of the watches may be late. */
export interface Live {
  readonly set: ValidatorSet;
  readonly rotations: readonly ValidatorRotation[];
  readonly services: readonly Service[];
}

/** Undefined where the set is gone, goes away, is another one of the name, or is paused. */
export async function readLive(kube: KubeClient, known: ValidatorSet): Promise<Live | undefined> {
  const { namespace = "", name, uid } = known.metadata;
  const labelSelector = `${LABELS.set}=${name}`;
  const [set, rotations, found] = await Promise.all([
    kube.get(validatorSets, { namespace, name }),
    kube.list(validatorRotations, { namespace }),
    kube.list(services, { namespace, labelSelector }),
  ]);
  if (set === undefined || set.metadata.uid !== uid) return undefined;
  if (set.metadata.deletionTimestamp !== undefined || set.spec.paused) return undefined;
  return {
    set,
    rotations: rotations.filter(({ spec }) => spec.set === name),
    services: found.filter(({ metadata }) => metadata.labels?.[LABELS.set] === name),
  };
}

/** The pass's knowledge with what is live instead of the copies; members are never forgotten. */
export function withLive(observed: Observed, { set, rotations, services: live }: Live): Observed {
  const { observation, objects } = observed;
  const known = new Set(observation.members.map(({ name }) => name));
  const more = live
    .map((service) => memberView(service, set.metadata.name))
    .filter((member) => member !== undefined)
    .filter(({ name }) => !known.has(name));
  const members = [...observation.members, ...more].toSorted(
    (left, right) => left.ordinal - right.ordinal,
  );
  const names = new Set(live.map(({ metadata }) => metadata.name));
  const others = objects.filter(
    ({ kind, metadata }) => kind !== "Service" || !names.has(metadata.name),
  );
  return {
    ...observed,
    observation: { ...observation, set, rotations, members },
    objects: [...live, ...others],
  };
}
