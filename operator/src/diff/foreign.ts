import type { KubeObject } from "@quorate/runtime/objects";
import { LABELS } from "../api/v1alpha1/labels.ts";

/** UID of the object that owns this one; undefined where nobody does. */
function controllerOf({ metadata }: KubeObject): string | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid;
}

/**
 * Whether an object that has a wanted one's name is somebody else's: it lacks the set's label, or
 * another object owns it. It is never taken over and never used.
 */
export function isForeign(there: KubeObject, wanted: KubeObject): boolean {
  if (there.metadata.labels?.[LABELS.set] !== wanted.metadata.labels?.[LABELS.set]) return true;
  const owner = controllerOf(wanted);
  return owner !== undefined && controllerOf(there) !== owner;
}

/** A pod that this set made: its name is its member's, and the set owns it. */
export function isOwnPod(pod: KubeObject, setUid: string | undefined): boolean {
  const { name, labels } = pod.metadata;
  return labels?.[LABELS.member] === name && controllerOf(pod) === setUid;
}
