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
import type { Changes } from "../diff/diff.ts";

/** What was written, for events and metrics. */
export interface Applied {
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
  for (const object of changes.creates) {
    try {
      await kube.create(typeOf(object), object);
      created.push(object);
    } catch (error) {
      // The cache was behind: what is there is compared in the next pass.
      if (!isReason(error, "AlreadyExists")) throw error;
    }
  }
  for (const object of changes.applies) await kube.apply(typeOf(object), object, { force: true });
  const removed = await remove(kube, changes.removal);
  return { created, applied: changes.applies, removed };
}

async function remove(kube: KubeClient, removal: Changes["removal"]): Promise<Applied["removed"]> {
  if (removal === undefined) return undefined;
  const { namespace, name, uid, how } = removal;
  if (how === "Delete") {
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
