import { randomInt } from "node:crypto";
import type { CompiledKind } from "../schema/kinds.ts";
import { invalid } from "./failures.ts";
import type { ApiObject, Dictionary, Meta } from "./objects.ts";
import { sameJson, without } from "./objects.ts";

/** Built-in kinds whose objects count generations; custom ones all do. */
const WITH_GENERATION = new Set([
  "pods",
  "deployments.apps",
  "replicasets.apps",
  "statefulsets.apps",
  "daemonsets.apps",
  "poddisruptionbudgets.policy",
  "customresourcedefinitions.apiextensions.k8s.io",
  "networkpolicies.networking.k8s.io",
  "ingresses.networking.k8s.io",
  "jobs.batch",
  "cronjobs.batch",
  "priorityclasses.scheduling.k8s.io",
  "validatingadmissionpolicies.admissionregistration.k8s.io",
  "validatingadmissionpolicybindings.admissionregistration.k8s.io",
]);

export function countsGenerations(kind: CompiledKind): boolean {
  const key = kind.group === "" ? kind.plural : `${kind.plural}.${kind.group}`;
  return !kind.builtin || WITH_GENERATION.has(key);
}

// No vowels and nothing that looks alike, as the generator of a real server has it.
const SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789";

/** The name of an object that asked for one: five random letters after its prefix. */
export function generateName(prefix: string): string {
  let suffix = "";
  for (let i = 0; i < 5; i++) suffix += SUFFIX_LETTERS[randomInt(SUFFIX_LETTERS.length)];
  return prefix.slice(0, 58) + suffix;
}

/** `metadata` of a new object: what the server sets is set, what a client can't set is dropped. */
export function newMetadata(
  kind: CompiledKind,
  asked: Dictionary,
  given: { namespace: string; uid: string; now: string },
): Dictionary {
  const name = asked["name"];
  const prefix = asked["generateName"];
  const named =
    (typeof name !== "string" || name === "") && typeof prefix === "string" && prefix !== ""
      ? { name: generateName(prefix) }
      : {};
  const server = [
    "namespace",
    "selfLink",
    "resourceVersion",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
  ];
  return {
    ...without(asked, ...server),
    ...named,
    ...(kind.namespaced ? { namespace: given.namespace } : {}),
    uid: given.uid,
    creationTimestamp: given.now,
    ...(countsGenerations(kind) ? { generation: 1 } : {}),
  };
}

/** `metadata` of an update: the server's own fields stay as they are stored. */
export function updatedMetadata(asked: Dictionary, old: Meta): Dictionary {
  const server = without(asked, "selfLink", "generation", "deletionTimestamp");
  const kept: Record<string, unknown> = {
    ...without(server, "deletionGracePeriodSeconds"),
    name: old.name,
    uid: old.uid,
    creationTimestamp: old.creationTimestamp,
    resourceVersion: old.resourceVersion,
  };
  const stays = [
    "namespace",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
  ] as const;
  for (const field of stays) {
    if (old[field] !== undefined) kept[field] = old[field];
  }
  return kept;
}

/** A uid is a precondition of a PUT; a patch that changes it is refused by validation. */
export function checkUid(kind: CompiledKind, asked: Dictionary, old: Meta): void {
  const uid = asked["uid"];
  if (uid === undefined || uid === null || uid === "" || uid === old.uid) return;
  const message = `Invalid value: ${JSON.stringify(uid)}: field is immutable`;
  throw invalid(kind, old.name, [{ reason: "FieldValueInvalid", message, field: "metadata.uid" }]);
}

/** Throws where an object that is being deleted would get a new finalizer. */
export function checkNoNewFinalizers(kind: CompiledKind, object: ApiObject, old: ApiObject): void {
  if (old.metadata.deletionTimestamp === undefined) return;
  const before = old.metadata.finalizers ?? [];
  const added = (object.metadata.finalizers ?? []).filter((one) => !before.includes(one));
  if (added.length === 0) return;
  const found = `[]string{${added.map((one) => JSON.stringify(one)).join(", ")}}`;
  throw invalid(kind, object.metadata.name, [
    {
      reason: "FieldValueForbidden",
      message:
        "Forbidden: no new finalizers can be added if the object is being deleted, found new" +
        ` finalizers ${found}`,
      field: "metadata.finalizers",
    },
  ]);
}

/** Whether what the generation counts differs: everything but metadata and, where apart, status. */
export function specChanged(kind: CompiledKind, object: ApiObject, old: ApiObject): boolean {
  const apart = ["metadata", "apiVersion", "kind"];
  if (kind.subresources.status || kind.builtin) apart.push("status");
  return !sameJson(without(object, ...apart), without(old, ...apart));
}
