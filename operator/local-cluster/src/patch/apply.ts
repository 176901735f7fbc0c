import { ApiStatus, type StatusCause } from "../apiserver/api-status.ts";
import { badRequest } from "../schema/field-errors.ts";
import { apiVersionOf, type CompiledKind } from "../schema/kinds.ts";
import type { Json, JsonObject } from "../schema/schema.ts";
import { sameJson } from "../schema/values.ts";
import { difference, type FieldSet, members, showPath, union } from "./field-set.ts";
import {
  identityOf,
  type ManagerEntry,
  type Managers,
  managerOf,
  ownable,
  readManagers,
  resetFields,
  sameButTimes,
  withManagers,
} from "./managed-fields.ts";
import { isObject } from "./merge-patch.ts";
import type { PatchRequest } from "./patch-request.ts";
import { changesOf, conflictsOf, trackUpdate, yieldFields } from "./track.ts";
import { type Comparison, fieldsOf, mergeTyped, removeUnowned, TypedError } from "./typed-value.ts";
import { zeroObject } from "./zero-objects.ts";

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";
/** The manager whose applies keep the annotation of client-side apply up to date. */
const KUBECTL = "kubectl";

/** Server-side apply: the merged object with its managers. */
export function serverSideApply(kind: CompiledKind, request: PatchRequest): JsonObject {
  const applied = checkedPatch(kind, request);
  const live = request.live;
  const managers = startingManagers(kind, request);
  const fields = appliedFields(kind, applied, request.subresource);
  const merged = mergeApplied(kind, { live, applied, fields, managers, request });
  const identity = identityOf(managerOf(kind, request, "Apply"));
  const changes = changesOf(kind, live ?? zeroObject(kind), merged, request.subresource);
  const conflicts = conflictsOf(managers, changes, identity);
  const migrates = request.fieldManager === KUBECTL && isMigration(kind, live, conflicts);
  if (!request.force && conflicts.size > 0 && !migrates) {
    throw conflictStatus(managers, conflicts);
  }
  const before = live === undefined ? undefined : ownable(live);
  const changed = before === undefined || !sameJson(before, ownable(merged));
  const next = nextManagers(kind, { request, managers, fields, changes, changed });
  if (live !== undefined && !changed && sameButTimes(readLive(live), next)) return live;
  return withManagers(withLastApplied(live, merged, applied, request.fieldManager), next);
}

function readLive(live: JsonObject): Managers {
  const metadata = live["metadata"];
  return readManagers(isObject(metadata) ? metadata["managedFields"] : undefined);
}

/** A live object without managers was made before: all it has belongs to a manager of that name. */
function startingManagers(kind: CompiledKind, request: PatchRequest): Managers {
  if (request.live === undefined) return new Map();
  const managers = readLive(request.live);
  if (managers.size > 0) return managers;
  const tracked = trackUpdate(kind, {
    after: request.live,
    fieldManager: "before-first-apply",
    now: request.now,
  });
  return readLive(tracked);
}

function checkedPatch(kind: CompiledKind, request: PatchRequest): JsonObject {
  const { patch } = request;
  if (!isObject(patch)) throw badRequest("error decoding YAML: the patch must be an object");
  const apiVersion = patch["apiVersion"] ?? "";
  if (apiVersion !== apiVersionOf(kind) || patch["kind"] !== kind.kind) {
    throw badRequest(`invalid object type: ${goKind(`${apiVersion}`, `${patch["kind"] ?? ""}`)}`);
  }
  const metadata = isObject(patch["metadata"]) ? patch["metadata"] : {};
  if (metadata["managedFields"] !== undefined) {
    throw badRequest("metadata.managedFields must be nil");
  }
  return structuredClone(patch);
}

/** `apps/v1, Kind=Deployment`; the core group's part is empty. */
function goKind(apiVersion: string, kind: string): string {
  return `${apiVersion.includes("/") ? apiVersion : `/${apiVersion}`}, Kind=${kind}`;
}

function untyped(kind: CompiledKind, patch: JsonObject, why: string): ApiStatus {
  const metadata = isObject(patch["metadata"]) ? patch["metadata"] : {};
  const name = `${metadata["namespace"] ?? ""}/${metadata["name"] ?? ""}`;
  const type = goKind(apiVersionOf(kind), kind.kind);
  const message = `failed to create typed patch object (${name}; ${type}): ${why}`;
  // A plain error there: the answer has no reason.
  return new ApiStatus({ code: 500, reason: "", message });
}

function appliedFields(
  kind: CompiledKind,
  applied: JsonObject,
  subresource: string | undefined,
): FieldSet {
  try {
    return resetFields(kind, subresource, fieldsOf(kind.schema, ownable(applied)));
  } catch (error) {
    if (error instanceof TypedError) throw untyped(kind, applied, error.message);
    throw error;
  }
}

interface Applying {
  readonly live: JsonObject | undefined;
  readonly applied: JsonObject;
  readonly fields: FieldSet;
  readonly managers: Managers;
  readonly request: PatchRequest;
}

function mergeApplied(kind: CompiledKind, applying: Applying): JsonObject {
  const { live, applied, fields, managers, request } = applying;
  if (live === undefined) return applied;
  const merged = mergeTyped(kind.schema, live, applied) as JsonObject;
  const identity = identityOf(managerOf(kind, request, "Apply"));
  const last = managers.get(identity)?.set;
  if (last === undefined) return merged;
  let owned = fields;
  for (const [other, entry] of managers) {
    if (other !== identity) owned = union(owned, entry.set);
  }
  return removeUnowned(kind.schema, merged, last, owned) as JsonObject;
}

interface Next {
  readonly request: PatchRequest;
  readonly managers: Managers;
  readonly fields: FieldSet;
  readonly changes: Comparison;
  readonly changed: boolean;
}

function nextManagers(kind: CompiledKind, next: Next): Managers {
  const { request, fields, changes } = next;
  const managers = new Map(next.managers);
  const manager = managerOf(kind, request, "Apply");
  const identity = identityOf(manager);
  const own = managers.get(identity);
  yieldFields(managers, changes, identity);
  if (fields.size === 0) managers.delete(identity);
  else {
    const time = next.changed ? request.now : own?.time;
    managers.set(identity, { ...manager, time, set: fields });
  }
  return managers;
}

/**
 * Fields whose value came by client-side apply: its annotation allows `kubectl` to take them, which
 * is how a first server-side apply after client-side ones has no conflicts.
 */
function isMigration(
  kind: CompiledKind,
  live: JsonObject | undefined,
  conflicts: ReadonlyMap<string, FieldSet>,
): boolean {
  const text = annotationsOf(live)[LAST_APPLIED];
  if (live === undefined || typeof text !== "string") return false;
  const last = parseObject(text);
  if (last === undefined) return false;
  const allowed = fieldsOf(kind.schema, ownable(last));
  const { added, modified, removed } = changesOf(kind, last, live, undefined);
  const unchanged = difference(difference(difference(allowed, added), modified), removed);
  return [...conflicts.values()].every((set) => difference(set, unchanged).size === 0);
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : undefined;
  } catch {
    // Anyone may write the annotation: what does not parse allows nothing.
    return undefined;
  }
}

function annotationsOf(object: JsonObject | undefined): JsonObject {
  const metadata = object?.["metadata"];
  const annotations = isObject(metadata) ? metadata["annotations"] : undefined;
  return isObject(annotations) ? annotations : {};
}

function withLastApplied(
  live: JsonObject | undefined,
  merged: JsonObject,
  applied: JsonObject,
  manager: string,
): JsonObject {
  if (manager !== KUBECTL || annotationsOf(live)[LAST_APPLIED] === undefined) return merged;
  const text = `${JSON.stringify(sortKeys(applied))}\n`;
  const metadata = merged["metadata"] as JsonObject;
  const annotations = { ...annotationsOf(merged), [LAST_APPLIED]: text };
  return { ...merged, metadata: { ...metadata, annotations } };
}

function sortKeys(value: Json): Json {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  entries.sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, entry]) => [key, sortKeys(entry as Json)]));
}

function conflictStatus(managers: Managers, conflicts: ReadonlyMap<string, FieldSet>): ApiStatus {
  const causes: StatusCause[] = [];
  const groups: string[] = [];
  const named = [...conflicts].map(([identity, set]) => {
    return { who: nameOf(managers.get(identity)), paths: members(set).map(showPath) };
  });
  named.sort((left, right) => (left.who < right.who ? -1 : 1));
  for (const { who, paths } of named) {
    for (const field of paths) {
      causes.push({ reason: "FieldManagerConflict", message: `conflict with ${who}`, field });
    }
    groups.push([`conflicts with ${who}:`, ...paths.map((path) => `- ${path}`)].join("\n"));
  }
  const [first] = causes;
  const one = causes.length === 1 && first !== undefined;
  const text = one
    ? `Apply failed with 1 conflict: ${first.message}: ${first.field}`
    : `Apply failed with ${causes.length} conflicts: ${groups.join("\n")}`;
  return new ApiStatus({ code: 409, reason: "Conflict", message: text, details: {}, causes });
}

function nameOf(entry: ManagerEntry | undefined): string {
  if (entry === undefined) return '""';
  const subresource =
    entry.subresource === undefined ? "" : ` with subresource "${entry.subresource}"`;
  const version = entry.operation === "Update" ? ` using ${entry.apiVersion}` : "";
  return `${JSON.stringify(entry.manager)}${subresource}${version}`;
}
