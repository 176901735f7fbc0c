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
import { LABELS } from "../api/v1alpha1/labels.ts";
import type { PodRemoval } from "../build/desired.ts";
import { type Changes, memberOf } from "../diff/diff.ts";
import { isForeign } from "../diff/foreign.ts";

/** What was written, for events and metrics. */
export interface Applied {
  /** Objects of wanted names that are somebody else's: kind and name. */
  readonly foreign: readonly string[];
  readonly created: readonly KubeObject[];
  readonly applied: readonly KubeObject[];
  /** The pod whose removal was asked for; `refusal` where a disruption budget said no. */
  readonly removed: { readonly name: string; readonly refusal?: string } | undefined;
}

const TYPES: Readonly<Record<string, ResourceType>> = {
  Service: services,
  ConfigMap: configMaps,
  PersistentVolumeClaim: persistentVolumeClaims,
  Pod: pods,
  PodDisruptionBudget: podDisruptionBudgets,
};

export function typeOf({ kind, metadata }: KubeObject): ResourceType {
  const type = TYPES[kind];
  if (type === undefined)
    throw new RangeError(`${kind} ${metadata.name}: no kind of a set's parts`);
  return type;
}

function isReason(error: unknown, reason: string): boolean {
  return error instanceof ApiError && error.reason === reason;
}

/** Writes a pass's changes: creates, applies, then at most one removal of a pod. */
export async function apply(kube: KubeClient, changes: Changes): Promise<Applied> {
  const created: KubeObject[] = [];
  const foreign: KubeObject[] = [];
  for (const object of changes.foreign) {
    // The copy may be of an earlier set of the name, and gone by now.
    if (await isTaken(kube, object)) foreign.push(object);
    else if ((await create(kube, object)) === "created") created.push(object);
  }
  for (const object of changes.creates) {
    // A member's pod never runs on what another put under its names.
    if (foreign.some((other) => memberOf(other) === memberOf(object))) continue;
    const came = await create(kube, object);
    if (came === "created") created.push(object);
    if (came === "foreign") foreign.push(object);
  }
  for (const object of changes.applies) await kube.apply(typeOf(object), object, { force: true });
  const { removal } = changes;
  const removed = removal === undefined ? undefined : await removePod(kube, removal);
  const names = foreign.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  return { created, applied: changes.applies, removed, foreign: names };
}

async function create(
  kube: KubeClient,
  object: KubeObject,
): Promise<"created" | "there" | "foreign"> {
  try {
    await kube.create(typeOf(object), object);
    return "created";
  } catch (error) {
    if (!isReason(error, "AlreadyExists")) throw error;
  }
  // Either the cache was behind, and the next pass compares it, or it is not the set's.
  return (await isTaken(kube, object)) ? "foreign" : "there";
}

/** Somebody else has an object of this name now. */
async function isTaken(kube: KubeClient, object: KubeObject): Promise<boolean> {
  const { namespace = "", name } = object.metadata;
  const there = await kube.get(typeOf(object), { namespace, name });
  return there !== undefined && isForeign(there, object);
}

/** Undefined where it is gone already; a pod labelled voter is evicted in any case (STOLEN). */
export async function removePod(
  kube: KubeClient,
  { namespace, name, uid, how }: Pick<PodRemoval, "namespace" | "name" | "uid" | "how">,
): Promise<Applied["removed"]> {
  const live = await kube.get(pods, { namespace, name });
  if (live === undefined || live.metadata.uid !== uid) return undefined;
  const votes = live.metadata.labels?.[LABELS.voter] === "true";
  if (how === "Delete" && !votes) {
    await kube.delete(pods, { namespace, name }, { uid });
    return { name };
  }
  try {
    await kube.evict({ namespace, name }, { uid });
    return { name };
  } catch (error) {
    if (!isReason(error, "TooManyRequests")) throw error;
    return { name, refusal: error instanceof Error ? error.message : String(error) };
  }
}
