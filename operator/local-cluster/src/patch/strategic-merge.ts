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
  listDirectives(schema, result, patch);
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
  return [...original, ...added];
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
      throw new ApiStatus({ code: 500, reason: "InternalError", message: missing });
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
  return result;
}

function goMap(item: JsonObject): string {
  const fields = Object.entries(item).sort(([left], [right]) => (left < right ? -1 : 1));
  return `map[${fields.map(([field, value]) => `${field}:${value}`).join(" ")}]`;
}

/** `$setElementOrder/x` and `$deleteFromPrimitiveList/x` speak of the list `x` beside them. */
function listDirectives(schema: Schema, result: JsonObject, patch: JsonObject): void {
  for (const [word, value] of Object.entries(patch)) {
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
      const key = schema.properties?.[field]?.patchMergeKey;
      if (Array.isArray(list)) result[field] = inOrder(list, value, key);
    }
  }
}

/** Items that the order names come in it; others keep their place behind their neighbour. */
function inOrder(list: readonly Json[], order: readonly Json[], key: string | undefined): Json[] {
  const identity = (item: Json) =>
    JSON.stringify(key !== undefined && isObject(item) ? item[key] : item);
  const wanted = order.map(identity);
  const named = list.filter((item) => wanted.includes(identity(item)));
  named.sort((left, right) => wanted.indexOf(identity(left)) - wanted.indexOf(identity(right)));
  const result: Json[] = [];
  let next = 0;
  for (const item of list) {
    const place = wanted.includes(identity(item)) ? named[next] : item;
    if (wanted.includes(identity(item))) next += 1;
    if (place !== undefined) result.push(place);
  }
  return result;
}
