import type { KubeObject } from "@quorate/runtime/objects";
import type { Desired, PodRemoval } from "../build/desired.ts";

/** The set's live objects as the cache has them: whole API objects of every kind that is built. */
export interface Actual {
  readonly objects: readonly KubeObject[];
}

/** What one pass writes, in this order: creates, applies, then at most one removal. */
export interface Changes {
  /** POST, Services first. AlreadyExists: take what is there, the next pass compares it. */
  readonly creates: readonly KubeObject[];
  /**
   * Server-side apply, field manager `quorate-operator`, force. Of pods and volume claims the
   * metadata alone: their specs are immutable.
   */
  readonly applies: readonly KubeObject[];
  /** At most one a pass; a precondition names the uid. */
  readonly removal: PodRemoval | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether `live` has every field of `wanted`; what others or the API server added is theirs. */
export function covers(live: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(live) || live.length !== wanted.length) return false;
    return wanted.every((each, index) => covers(live[index], each));
  }
  if (!isFields(wanted)) return live === wanted;
  if (!isFields(live)) return false;
  return Object.entries(wanted).every(([name, value]) => covers(live[name], value));
}

/** The part that may change after the creation. */
function mutablePart(object: KubeObject): KubeObject {
  if (object.kind !== "Pod" && object.kind !== "PersistentVolumeClaim") return object;
  const { apiVersion, kind, metadata } = object;
  return { apiVersion, kind, metadata };
}

const keyOf = ({ kind, metadata }: KubeObject): string =>
  `${kind}/${metadata.namespace ?? ""}/${metadata.name}`;

/** What differs between what should exist and what does. Pure; empty when equal. */
export function diff(desired: Desired, actual: Actual): Changes {
  const live = new Map(actual.objects.map((object) => [keyOf(object), object]));
  const creates: KubeObject[] = [];
  const applies: KubeObject[] = [];
  const { services, configMaps, claims, pods } = desired;
  for (const wanted of [...services, ...configMaps, ...claims, ...pods]) {
    const there = live.get(keyOf(wanted));
    if (there === undefined) {
      creates.push(wanted);
      continue;
    }
    // One that goes away is left in peace; once it is gone, it is made again.
    if (there.metadata.deletionTimestamp !== undefined) continue;
    const part = mutablePart(wanted);
    if (!covers(there, part)) applies.push(part);
  }
  return { creates, applies, removal: desired.removals[0] };
}

export function isEmpty({ creates, applies, removal }: Changes): boolean {
  return creates.length === 0 && applies.length === 0 && removal === undefined;
}
