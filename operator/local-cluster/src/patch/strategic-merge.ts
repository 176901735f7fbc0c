import { ApiStatus } from "../apiserver/api-status.ts";
import { badRequest } from "../schema/field-errors.ts";
import type { Json, JsonObject, Schema } from "../schema/schema.ts";
import { sameJson } from "../schema/values.ts";
import { isObject } from "./merge-patch.ts";

const ORDER = "$setElementOrder/";
const DELETE = "$deleteFromPrimitiveList/";
const RETAIN = "$retainKeys";
const DIRECTIVE = "$patch";

/**
 * Kubernetes' strategic merge patch: lists merge by key where the type says so, and directives
 * delete, replace, retain and order.
 *
 * @throws ApiStatus (500, as a real server) where an item lacks its merge key.
 */
export function strategicMerge(
  schema: Schema,
  original: JsonObject,
  patch: JsonObject,
): JsonObject {
  const directive = patch[DIRECTIVE];
  if (directive === "replace") {
    const { [DIRECTIVE]: _directive, ...rest } = patch;
    return rest;
  }
  if (directive === "delete") return {};
  if (directive !== undefined) {
    throw badRequest(`Unknown patch type found: ${JSON.stringify(directive)}`);
  }
  const result = retained(original, patch);
  for (const [field, value] of Object.entries(patch)) {
    if (value === undefined || field.startsWith("$")) continue;
    const below = schema.properties?.[field] ?? schema.additional;
    // As there: a replacement of what does not exist is dropped.
    const replacesNothing = isObject(value) && value[DIRECTIVE] === "replace";
    if (result[field] === undefined && replacesNothing) continue;
    if (value === null) delete result[field];
    else result[field] = mergeField(below, result[field], value);
  }
  listDirectives(schema, result, { original, patch });
  return result;
}

/** `$retainKeys`: fields of the original that it does not name go. */
function retained(original: JsonObject, patch: JsonObject): JsonObject {
  const keys = patch[RETAIN];
  if (!Array.isArray(keys)) return { ...original };
  return Object.fromEntries(Object.entries(original).filter(([field]) => keys.includes(field)));
}

function mergeField(schema: Schema | undefined, original: Json | undefined, value: Json): Json {
  if (isObject(value)) {
    const replaced = schema?.patchStrategy?.includes("replace") === true;
    if (replaced) return withoutDirectives(value);
    return strategicMerge(schema ?? FREE, isObject(original) ? original : {}, value);
  }
  if (!Array.isArray(value)) return value;
  const list = Array.isArray(original) ? original : [];
  if (schema?.patchStrategy?.includes("merge") !== true) return value.map(withoutDirectives);
  const key = schema.patchMergeKey;
  return key === undefined ? mergePrimitives(list, value) : mergeItems(schema, key, list, value);
}

const FREE: Schema = { type: "any", preserveUnknown: true, checks: {}, rules: [] };

function withoutDirectives(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutDirectives);
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(([field]) => !isDirective(field));
  return Object.fromEntries(
    kept.map(([field, entry]) => [field, entry === undefined ? entry : withoutDirectives(entry)]),
  );
}

function isDirective(field: string): boolean {
  return (
    field === DIRECTIVE || field === RETAIN || field.startsWith(ORDER) || field.startsWith(DELETE)
  );
}

function mergePrimitives(original: readonly Json[], patch: readonly Json[]): Json[] {
  const added = patch.filter((value) => !original.some((have) => sameJson(have, value)));
  return inOrder([...original, ...added], { order: patch, server: original, key: undefined });
}

function mergeItems(
  schema: Schema,
  key: string,
  original: readonly Json[],
  patch: readonly Json[],
): Json[] {
  const items = patch.filter(isObject);
  const replace = items.some((item) => item[DIRECTIVE] === "replace");
  let result = replace ? [] : [...original];
  for (const item of items) {
    if (item[DIRECTIVE] === "replace") continue;
    const value = item[key];
    if (value === undefined) {
      const missing = `map: ${goMap(item)} does not contain declared merge key: ${key}`;
      throw new ApiStatus({ code: 500, reason: "", message: missing });
    }
    const fits = (have: Json) => isObject(have) && sameJson(have[key], value);
    if (item[DIRECTIVE] === "delete") {
      result = result.filter((have) => !fits(have));
      continue;
    }
    const index = result.findIndex(fits);
    const before = result[index];
    const merged = strategicMerge(schema.items ?? FREE, isObject(before) ? before : {}, item);
    if (index < 0) result.push(merged);
    else result[index] = merged;
  }
  return replace ? result : inOrder(result, { order: items, server: original, key });
}

function goMap(item: JsonObject): string {
  const fields = Object.entries(item).sort(([left], [right]) => (left < right ? -1 : 1));
  return `map[${fields.map(([field, value]) => `${field}:${value}`).join(" ")}]`;
}

/** `$setElementOrder/x` and `$deleteFromPrimitiveList/x` speak of the list `x` beside them. */
function listDirectives(
  schema: Schema,
  result: JsonObject,
  merge: { readonly original: JsonObject; readonly patch: JsonObject },
): void {
  for (const [word, value] of Object.entries(merge.patch)) {
    if (!Array.isArray(value)) continue;
    if (word.startsWith(DELETE)) {
      const list = result[word.slice(DELETE.length)];
      if (Array.isArray(list)) {
        result[word.slice(DELETE.length)] = list.filter(
          (entry) => !value.some((gone) => sameJson(gone, entry)),
        );
      }
    } else if (word.startsWith(ORDER)) {
      const field = word.slice(ORDER.length);
      const list = result[field];
      const before = merge.original[field];
      const key = schema.properties?.[field]?.patchMergeKey;
      if (Array.isArray(list)) {
        const server = Array.isArray(before) ? before : [];
        result[field] = inOrder(list, { order: value, server, key });
      }
    }
  }
}

interface ItemOrder {
  /** What the patch names, in its order. */
  readonly order: readonly Json[];
  /** The list as it was stored. */
  readonly server: readonly Json[];
  readonly key: string | undefined;
}

/**
 * Items that the patch names come in its order, the others keep theirs. Where the two meet, the
 * stored order decides; an item that was not stored comes first.
 */
function inOrder(list: readonly Json[], { order, server, key }: ItemOrder): Json[] {
  const identity = (item: Json) =>
    JSON.stringify(key !== undefined && isObject(item) ? (item[key] ?? null) : item);
  const wanted = order.map(identity);
  const stored = server.map(identity);
  const byPlace = (places: readonly string[]) => (left: Json, right: Json) =>
    places.indexOf(identity(left)) - places.indexOf(identity(right));
  const named = list.filter((item) => wanted.includes(identity(item))).sort(byPlace(wanted));
  const others = list.filter((item) => !wanted.includes(identity(item))).sort(byPlace(stored));
  const result: Json[] = [];
  for (const item of named) {
    const place = stored.indexOf(identity(item));
    let next = others[0];
    while (place >= 0 && next !== undefined && stored.indexOf(identity(next)) < place) {
      result.push(next);
      others.shift();
      next = others[0];
    }
    result.push(item);
  }
  return [...result, ...others];
}
