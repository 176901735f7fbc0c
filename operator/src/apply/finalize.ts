import type { KubeClient } from "@quorate/runtime/kube-client";
import type { KubeObject, ResourceType } from "@quorate/runtime/objects";
import {
  configMaps,
  persistentVolumeClaims,
  podDisruptionBudgets,
  pods,
  services,
} from "@quorate/runtime/resources";
import { ApiError } from "@quorate/runtime/transport";
import { FINALIZER, LABELS } from "../api/v1alpha1/labels.ts";
import type { ValidatorSet } from "../api/v1alpha1/types.ts";
import { genesisName } from "../build/objects.ts";
import type { SetObjects } from "../observe/cluster-cache.ts";
import { validatorSets } from "../observe/resources.ts";

/** How far a deletion has come. */
export type Farewell = "stopping" | "gone";

function isGoing({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

async function drop(
  kube: KubeClient,
  type: ResourceType,
  objects: readonly KubeObject[],
): Promise<void> {
  for (const object of objects) {
    if (isGoing(object)) continue;
    const { namespace = "", name, uid = "" } = object.metadata;
    await kube.delete(type, { namespace, name }, { uid });
  }
}

/** Puts the finalizer on a set before the first of its parts is made. */
export async function holdForFarewell(kube: KubeClient, set: ValidatorSet): Promise<void> {
  const { namespace = "", name, finalizers = [], resourceVersion } = set.metadata;
  if (finalizers.includes(FINALIZER)) return;
  const metadata = { finalizers: [...finalizers, FINALIZER], resourceVersion };
  await kube.mergePatch(validatorSets, { namespace, name }, { metadata });
}

/**
 * A person deleted the set. Its nodes stop, each with its own grace; then `Retain` leaves volumes,
 * keys, genesis and the Services with the addresses that are on the chain, and `Delete` leaves
 * nothing. One pod is asked to go in a pass, none by force (rule S14); those labelled voter by an
 * eviction, and where a person's budget refuses it, it is asked again (rule STOLEN).
 */
export async function farewell(
  kube: KubeClient,
  set: ValidatorSet,
  objects: SetObjects,
): Promise<Farewell> {
  if (set.metadata.finalizers?.includes(FINALIZER) !== true) return "gone";
  // It would refuse the last of the evictions that the deletion itself asks for.
  await drop(kube, podDisruptionBudgets, objects.budgets);
  await stopNext(kube, objects.pods);
  const genesis = genesisName(set);
  const parts = objects.configMaps.filter(({ metadata }) => metadata.name !== genesis);
  if (objects.pods.length > 0) return "stopping";
  await drop(kube, configMaps, parts);
  if (set.spec.deletionPolicy === "Delete") {
    await drop(kube, services, objects.services);
    await drop(kube, configMaps, objects.configMaps);
    await drop(kube, persistentVolumeClaims, objects.claims);
  }
  await release(kube, set);
  return "gone";
}

async function stopNext(kube: KubeClient, all: SetObjects["pods"]): Promise<void> {
  const pod = all.find((each) => !isGoing(each));
  if (pod === undefined) return;
  const { namespace = "", name, uid = "", labels } = pod.metadata;
  if (labels?.[LABELS.voter] !== "true") {
    await kube.delete(pods, { namespace, name }, { uid });
    return;
  }
  try {
    await kube.evict({ namespace, name }, { uid });
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== "TooManyRequests") throw error;
  }
}

async function release(kube: KubeClient, set: ValidatorSet): Promise<void> {
  const { namespace = "", name, finalizers = [], resourceVersion } = set.metadata;
  const left = finalizers.filter((finalizer) => finalizer !== FINALIZER);
  try {
    const metadata = { finalizers: left, resourceVersion };
    await kube.mergePatch(validatorSets, { namespace, name }, { metadata });
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== "NotFound") throw error;
  }
}
