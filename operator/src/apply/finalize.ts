import type { KubeClient } from "@quorate/runtime/kube-client";
import type { KubeObject, ObjectKey, ResourceType } from "@quorate/runtime/objects";
import {
  configMaps,
  type Pod,
  persistentVolumeClaims,
  podDisruptionBudgets,
  pods,
  services,
} from "@quorate/runtime/resources";
import { ApiError } from "@quorate/runtime/transport";
import { FINALIZER, LABELS } from "../api/v1alpha1/labels.ts";
import type { ValidatorSet } from "../api/v1alpha1/types.ts";
import { genesisName } from "../build/objects.ts";
import { keysMayDie, missingWord } from "../decide/keys-die.ts";
import type { SetObjects } from "../observe/cluster-cache.ts";
import { validatorSets } from "../observe/resources.ts";
import { removePod } from "./apply.ts";

/** How far a deletion has come. */
export type Farewell =
  | { readonly kind: "gone" }
  | {
      /** Held: it goes on only after somebody did something. */
      readonly kind: "stopping" | "held";
      readonly reason: "Stopping" | "AwaitingWord" | "EvictionRefused" | "StopOverdue";
      /** For people: what it waits for, and what to do. */
      readonly message: string;
    };

/** A pod that still stands so long after its own grace does not stop by itself. */
const OVERDUE_MS = 30_000;
const GONE = { kind: "gone" } as const;

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
 * nothing: therefore nothing is stopped and nothing goes before its keys may die (`keysMayDie`).
 * One pod is asked to go in a pass, by an eviction, never by force (rules S14, STOLEN); where a
 * person's budget refuses it, it is asked again.
 */
export async function farewell(
  kube: KubeClient,
  known: ValidatorSet,
  { objects, nowMs }: { readonly objects: SetObjects; readonly nowMs: number },
): Promise<Farewell> {
  if (!hasFinalizer(known)) return GONE;
  const unsaid = awaitsWord(known);
  if (unsaid !== undefined) return unsaid;
  // The copies may be late: a word may be taken back, another set may have the name.
  const set = await kube.get(validatorSets, keyOf(known));
  if (set?.metadata.uid !== known.metadata.uid || !hasFinalizer(set)) return GONE;
  const unsaidNow = awaitsWord(set);
  if (unsaidNow !== undefined) return unsaidNow;
  // It would refuse the last of the evictions that the deletion itself asks for.
  await drop(kube, podDisruptionBudgets, objects.budgets);
  const refusal = await stopNext(kube, objects.pods);
  if (refusal !== undefined) return { kind: "held", reason: "EvictionRefused", message: refusal };
  const running = objects.pods.length > 0 ? objects.pods : await livePods(kube, set);
  if (running.length > 0) return stopping(running, nowMs);
  const genesis = genesisName(set);
  const parts = objects.configMaps.filter(({ metadata }) => metadata.name !== genesis);
  await drop(kube, configMaps, parts);
  if (keysMayDie(set)) {
    await drop(kube, services, objects.services);
    await drop(kube, configMaps, objects.configMaps);
    await drop(kube, persistentVolumeClaims, objects.claims);
  }
  await release(kube, set);
  return GONE;
}

function hasFinalizer(set: ValidatorSet | undefined): set is ValidatorSet {
  return set?.metadata.finalizers?.includes(FINALIZER) === true;
}

function keyOf({ metadata: { namespace = "", name } }: KubeObject): ObjectKey {
  return { namespace, name };
}

function awaitsWord(set: ValidatorSet): Farewell | undefined {
  const message = missingWord(set);
  return message === undefined ? undefined : { kind: "held", reason: "AwaitingWord", message };
}

/** Pods that no watch has told of: whoever lets go of the set has them deleted, voters as well. */
async function livePods(kube: KubeClient, set: ValidatorSet): Promise<readonly Pod[]> {
  const { namespace = "", name } = set.metadata;
  const labelSelector = `${LABELS.set}=${name}`;
  const found = await kube.list(pods, { namespace, labelSelector });
  return found.filter(({ metadata }) => metadata.labels?.[LABELS.set] === name);
}

function stopping(running: readonly Pod[], nowMs: number): Farewell {
  const overdue = running.filter(({ metadata: { deletionTimestamp } }) => {
    return deletionTimestamp !== undefined && nowMs - Date.parse(deletionTimestamp) > OVERDUE_MS;
  });
  const named = (all: readonly Pod[]) =>
    all
      .map(({ metadata, spec }) => `${metadata.name} on ${spec?.nodeName ?? "no machine"}`)
      .join(", ");
  if (overdue.length === 0) {
    return { kind: "stopping", reason: "Stopping", message: `pods to stop: ${named(running)}` };
  }
  const fix = "once its machine is off, taint it node.kubernetes.io/out-of-service";
  const message = `pods that do not stop: ${named(overdue)}: ${fix}; none is stopped by force`;
  return { kind: "held", reason: "StopOverdue", message };
}

/** Asks one pod to go; what a disruption budget said, where it refused. */
async function stopNext(kube: KubeClient, all: SetObjects["pods"]): Promise<string | undefined> {
  const pod = all.find((each) => !isGoing(each));
  if (pod === undefined) return undefined;
  const { namespace = "", name, uid = "" } = pod.metadata;
  // Spares too: who got a seat since the last pass is not labelled voter yet.
  const removed = await removePod(kube, { namespace, name, uid, how: "Evict" });
  if (removed?.refusal === undefined) return undefined;
  return `${name}: ${removed.refusal}; the set's own budget is gone: delete or widen yours`;
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
