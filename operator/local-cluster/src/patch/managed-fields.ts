import { apiVersionOf, type CompiledKind } from "../schema/kinds.ts";
import type { Json, JsonObject } from "../schema/schema.ts";
import { sameJson } from "../schema/values.ts";
import { type FieldSet, fromFieldsV1, toFieldsV1, union, without } from "./field-set.ts";
import { isObject } from "./merge-patch.ts";

export interface ManagerEntry {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly subresource?: string | undefined;
  /** Absent where an apply changed nothing but who owns it. */
  readonly time?: string | undefined;
  readonly set: FieldSet;
}

/** Managers by identity: an apply is one manager whatever version it used. */
export type Managers = Map<string, ManagerEntry>;

export function identityOf(entry: Omit<ManagerEntry, "set" | "time">): string {
  const version = entry.operation === "Apply" ? "" : entry.apiVersion;
  return JSON.stringify([entry.manager, entry.operation, version, entry.subresource ?? ""]);
}

export function readManagers(list: Json | undefined): Managers {
  const managers: Managers = new Map();
  for (const entry of Array.isArray(list) ? list : []) {
    if (!isObject(entry) || typeof entry["manager"] !== "string") continue;
    const read: ManagerEntry = {
      manager: entry["manager"],
      operation: entry["operation"] === "Apply" ? "Apply" : "Update",
      apiVersion: `${entry["apiVersion"]}`,
      subresource: text(entry["subresource"]),
      time: text(entry["time"]),
      set: fromFieldsV1(entry["fieldsV1"]),
    };
    managers.set(identityOf(read), read);
  }
  return managers;
}

function text(value: Json | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Applies first, then by time, then by name, as the API server sorts them. */
export function writeManagers(managers: Managers): Json[] {
  return [...managers.values()].sort(byOrder).map((entry) => ({
    apiVersion: entry.apiVersion,
    fieldsType: "FieldsV1",
    fieldsV1: toFieldsV1(entry.set),
    manager: entry.manager,
    operation: entry.operation,
    ...(entry.subresource === undefined ? {} : { subresource: entry.subresource }),
    ...(entry.time === undefined ? {} : { time: entry.time }),
  }));
}

function byOrder(left: ManagerEntry, right: ManagerEntry): number {
  return (
    order(left.operation, right.operation) ||
    order(left.time ?? "", right.time ?? "") ||
    order(left.manager, right.manager) ||
    order(left.apiVersion, right.apiVersion) ||
    order(left.subresource ?? "", right.subresource ?? "")
  );
}

function order(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** More managers that update than this are merged into one, oldest first. */
const UPDATE_MANAGERS_MAX = 10;
const MERGED_MANAGER = "ancient-changes";

export function capManagers(managers: Managers): void {
  const updates = [...managers].filter(([, entry]) => entry.operation === "Update");
  if (updates.length <= UPDATE_MANAGERS_MAX) return;
  updates.sort(([, left], [, right]) => byOrder(left, right));
  const surplus = updates.slice(0, updates.length - UPDATE_MANAGERS_MAX + 1);
  for (const [identity, entry] of surplus) {
    managers.delete(identity);
    const merged = { ...entry, manager: MERGED_MANAGER };
    const key = identityOf(merged);
    const set = union(managers.get(key)?.set ?? new Map(), entry.set);
    managers.set(key, { ...merged, set });
  }
}

/** Fields of `metadata` that belong to nobody. */
const SERVER_METADATA = [
  "name",
  "namespace",
  "creationTimestamp",
  "selfLink",
  "uid",
  "clusterName",
  "generation",
  "managedFields",
  "resourceVersion",
];

/** A copy without what belongs to nobody: type, name, and what the server sets. */
export function ownable(object: JsonObject): JsonObject {
  const { apiVersion: _version, kind: _kind, metadata, ...rest } = object;
  if (!isObject(metadata)) return rest;
  const kept = { ...metadata };
  for (const field of SERVER_METADATA) delete kept[field];
  return { ...rest, metadata: kept };
}

/** Without fields that this endpoint does not write: status here, all but status there. */
export function resetFields(
  kind: CompiledKind,
  subresource: string | undefined,
  set: FieldSet,
): FieldSet {
  const cleaned = withoutEmptyMetadata(set);
  if (!kind.subresources.status) return cleaned;
  if (subresource !== "status") return without(cleaned, [["f:status"]]);
  if (kind.builtin) {
    return without(cleaned, [
      ["f:spec"],
      ["f:metadata", "f:ownerReferences"],
      ["f:metadata", "f:deletionTimestamp"],
    ]);
  }
  return new Map([...cleaned].filter(([element]) => element !== "f:spec"));
}

/** `metadata` itself belongs to nobody, only what is in it. */
function withoutEmptyMetadata(set: FieldSet): FieldSet {
  const metadata = set.get("f:metadata");
  if (metadata?.member !== true) return set;
  const result = new Map(set);
  if (metadata.below.size === 0) result.delete("f:metadata");
  else result.set("f:metadata", { member: false, below: metadata.below });
  return result;
}

/** `object` with these managers; the list disappears when it is empty. */
export function withManagers(object: JsonObject, managers: Managers): JsonObject {
  const { managedFields: _old, ...metadata } = isObject(object["metadata"])
    ? object["metadata"]
    : {};
  const list = writeManagers(managers);
  return {
    ...object,
    metadata: { ...metadata, ...(list.length === 0 ? {} : { managedFields: list }) },
  };
}

export function sameButTimes(left: Managers, right: Managers): boolean {
  if (left.size !== right.size) return false;
  return [...left].every(([identity, entry]) => {
    const other = right.get(identity);
    return other !== undefined && sameJson(toFieldsV1(entry.set), toFieldsV1(other.set));
  });
}

export function managerOf(
  kind: CompiledKind,
  request: {
    readonly fieldManager: string;
    readonly subresource?: string | undefined;
    readonly now: string;
  },
  operation: "Apply" | "Update",
): Omit<ManagerEntry, "set"> {
  return {
    manager: request.fieldManager,
    operation,
    apiVersion: apiVersionOf(kind),
    subresource: request.subresource,
    time: request.now,
  };
}
