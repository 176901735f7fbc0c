import type { KubeObject } from "@quorate/runtime/objects";
import { LABELS } from "../api/v1alpha1/labels.ts";
import type { Desired, PodRemoval } from "../build/desired.ts";
import { isForeign } from "./foreign.ts";

/** The set's live objects as the cache has them: whole API objects of every kind that is built. */
export interface Actual {
  readonly objects: readonly KubeObject[];
}

/** What one pass writes, in this order: creates, applies, then at most one removal. */
export interface Changes {
  /** POST, Services first. AlreadyExists: where it is the set's, the next pass compares it. */
  readonly creates: readonly KubeObject[];
  /**
   * Server-side apply, field manager `quorate-operator`, force. Of pods and volume claims the
   * metadata alone: their specs are immutable.
   */
  readonly applies: readonly KubeObject[];
  /** Objects of wanted names that are not the set's; of their members nothing is written. */
  readonly foreign: readonly KubeObject[];
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

/** The member that an object belongs to. */
export function memberOf({ metadata }: KubeObject): string {
  return metadata.labels?.[LABELS.member] ?? "";
}

/** What differs between what should exist and what does. Pure; empty when equal. */
export function diff(desired: Desired, actual: Actual): Changes {
  const live = new Map(actual.objects.map((object) => [keyOf(object), object]));
  const creates: KubeObject[] = [];
  const applies: KubeObject[] = [];
  const foreign: KubeObject[] = [];
  const { budget, services, configMaps, claims, pods } = desired;
  // The budget first: a pod is labelled voter only after it was raised for it.
  const first = budget === undefined ? [] : [budget];
  for (const wanted of [...first, ...services, ...configMaps, ...claims, ...pods]) {
    const there = live.get(keyOf(wanted));
    if (there === undefined) {
      creates.push(wanted);
      continue;
    }
    // One that goes away is left in peace; once it is gone, it is made again.
    if (there.metadata.deletionTimestamp !== undefined) continue;
    if (isForeign(there, wanted)) {
      foreign.push(wanted);
      continue;
    }
    const part = mutablePart(wanted);
    if (!covers(there, part)) applies.push(part);
  }
  const spoilt = new Set(foreign.map(memberOf));
  const isClean = (object: KubeObject): boolean => !spoilt.has(memberOf(object));
  return {
    creates: creates.filter(isClean),
    applies: applies.filter(isClean),
    foreign,
    removal: desired.removals[0],
  };
}

export function isEmpty({ creates, applies, removal }: Changes): boolean {
  return creates.length === 0 && applies.length === 0 && removal === undefined;
}
