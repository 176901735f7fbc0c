import type { CompiledKind } from "../schema/kinds.ts";
import type { Json, JsonObject } from "../schema/schema.ts";
import { difference, type FieldSet, intersection, union } from "./field-set.ts";
import {
  capManagers,
  identityOf,
  type Managers,
  managerOf,
  ownable,
  readManagers,
  resetFields,
  withManagers,
} from "./managed-fields.ts";
import { isObject } from "./merge-patch.ts";
import { type Comparison, compare } from "./typed-value.ts";
import { zeroObject } from "./zero-objects.ts";

export interface TrackRequest {
  /** What was stored; absent for a create. */
  readonly before?: JsonObject;
  /** The admitted object, which may carry managedFields as the client sent them. */
  readonly after: JsonObject;
  readonly fieldManager: string;
  readonly subresource?: "status" | "scale";
  readonly now: string;
}

/** `after` with the managedFields that a create, update or patch (not an apply) leaves. */
export function trackUpdate(kind: CompiledKind, request: TrackRequest): JsonObject {
  const managers = currentManagers(request);
  // Whoever cleared the list switched tracking off, until the next apply.
  if (request.before !== undefined && managers.size === 0) {
    return withManagers(request.after, managers);
  }
  const before = request.before ?? zeroObject(kind);
  const changes = changesOf(kind, before, request.after, request.subresource);
  yieldFields(managers, changes, undefined);
  const manager = managerOf(kind, request, "Update");
  const identity = identityOf(manager);
  const own = managers.get(identity);
  const taken = resetFields(kind, request.subresource, union(changes.modified, changes.added));
  const set = union(difference(own?.set ?? new Map(), changes.removed), taken);
  if (set.size === 0) managers.delete(identity);
  else {
    const time = taken.size > 0 ? timeOf(request) : own?.time;
    managers.set(identity, { ...manager, time, set });
  }
  capManagers(managers);
  return withManagers(request.after, managers);
}

/**
 * Who writes through `scale` has no time there: the entry is carried over from the Scale object.
 */
function timeOf({ subresource, now }: TrackRequest): string | undefined {
  return subresource === "scale" ? undefined : now;
}

/** A client may clear or set managedFields by an update; leaving them out keeps what is stored. */
function currentManagers(request: TrackRequest): Managers {
  const stored = readManagers(listOf(request.before));
  if (request.subresource !== undefined) return stored;
  const sent = listOf(request.after);
  if (isReset(sent)) return new Map();
  const given = readManagers(sent);
  return given.size === 0 ? stored : given;
}

function listOf(object: JsonObject | undefined): Json | undefined {
  const metadata = object?.["metadata"];
  return isObject(metadata) ? metadata["managedFields"] : undefined;
}

function isReset(list: Json | undefined): boolean {
  if (!Array.isArray(list)) return false;
  const [first] = list;
  return list.length === 0 || (isObject(first) && Object.keys(first).length === 0);
}

export function changesOf(
  kind: CompiledKind,
  before: JsonObject,
  after: JsonObject,
  subresource: string | undefined,
): Comparison {
  const { added, modified, removed } = compare(kind.schema, ownable(before), ownable(after));
  return {
    added: resetFields(kind, subresource, added),
    modified: resetFields(kind, subresource, modified),
    removed: resetFields(kind, subresource, removed),
  };
}

/** What the others hold of the fields that changed; it is the conflicts of an apply. */
export function conflictsOf(
  managers: Managers,
  changes: Comparison,
  acting: string,
): Map<string, FieldSet> {
  const touched = union(changes.modified, changes.added);
  const conflicts = new Map<string, FieldSet>();
  for (const [identity, entry] of managers) {
    if (identity === acting) continue;
    const both = intersection(entry.set, touched);
    if (both.size > 0) conflicts.set(identity, both);
  }
  return conflicts;
}

/** Takes changed and removed fields from all managers but the acting one. */
export function yieldFields(
  managers: Managers,
  changes: Comparison,
  acting: string | undefined,
): void {
  const gone = union(union(changes.modified, changes.added), changes.removed);
  if (gone.size === 0) return;
  for (const [identity, entry] of managers) {
    if (identity === acting) continue;
    const set = difference(entry.set, gone);
    if (set.size === 0) managers.delete(identity);
    else managers.set(identity, { ...entry, set });
  }
}
