import type { Json, JsonObject, Schema } from "../schema/schema.ts";
import { sameJson, typeName } from "../schema/values.ts";
import { type FieldSet, insert, showPath } from "./field-set.ts";
import { isObject } from "./merge-patch.ts";

const ANY: Schema = { type: "any", preserveUnknown: true, checks: {}, rules: [] };

/** Whether server-side apply owns a value as a whole. */
export function isLeaf(schema: Schema, value: Json | undefined): boolean {
  if (Array.isArray(value))
    return schema.type !== "array" || (schema.listType ?? "atomic") === "atomic";
  if (isObject(value)) return schema.atomicMap === true || isAtomicAny(schema);
  return true;
}

/** Untyped objects of built-in kinds are owned whole; free parts of custom resources by field. */
function isAtomicAny(schema: Schema): boolean {
  return (
    schema.type === "any" && schema.openapiName === undefined && schema.preserveUnknown !== true
  );
}

export function fieldSchema(schema: Schema, field: string): Schema {
  return schema.properties?.[field] ?? schema.additional ?? ANY;
}

export function isNamed(schema: Schema, field: string): boolean {
  return schema.properties?.[field] !== undefined;
}

function isDeclared(schema: Schema, field: string): boolean {
  if (schema.type === "any" || schema.preserveUnknown === true) return true;
  return schema.embedded === true || isNamed(schema, field) || schema.additional !== undefined;
}

/** An item by its path element. */
export interface Item {
  readonly element: string;
  readonly value: Json;
}

export class TypedError extends Error {}

/** Items of a list that is a set or a map. */
export function itemsOf(schema: Schema, list: readonly Json[], path: string): Item[] {
  return list.map((value, index) => ({ element: elementOf(schema, value, index, path), value }));
}

function elementOf(schema: Schema, value: Json, index: number, path: string): string {
  if (schema.listType === "set") return `v:${JSON.stringify(value)}`;
  const place = `${path}: element ${index}: associative list with keys`;
  if (!isObject(value)) throw new TypedError(`${place} may not have non-map elements`);
  const keys: JsonObject = {};
  for (const key of [...(schema.mapKeys ?? [])].sort()) {
    const given = value[key] ?? keyDefault(schema.items, key);
    if (given !== undefined) keys[key] = given;
  }
  if (Object.keys(keys).length === 0) {
    const names = (schema.mapKeys ?? []).map((key) => JSON.stringify(key)).join(" ");
    const text = `has an element that omits all key fields [${names}]`;
    throw new TypedError(`${place} ${text} (and doesn't have default values for any key fields)`);
  }
  return `k:${JSON.stringify(keys)}`;
}

/** Required strings of built-in types count as empty where they are left out. */
function keyDefault(items: Schema | undefined, key: string): Json | undefined {
  const field = items?.properties?.[key];
  if (field?.default !== undefined) return field.default;
  return items?.openapiName !== undefined && field?.type === "string" ? "" : undefined;
}

/** The fields that a value sets: what an apply of it owns. */
export function fieldsOf(schema: Schema, value: Json): FieldSet {
  const set: FieldSet = new Map();
  collect(schema, value, [], set);
  return set;
}

function collect(schema: Schema, value: Json, path: readonly string[], set: FieldSet): void {
  expectForm(schema, value, path);
  if (isLeaf(schema, value)) {
    if (path.length > 0) insert(set, path);
  } else if (Array.isArray(value)) collectItems(schema, value, path, set);
  else if (isObject(value)) {
    for (const [field, entry] of Object.entries(value)) {
      if (entry === undefined) continue;
      const place = [...path, `f:${field}`];
      if (!isDeclared(schema, field)) {
        throw new TypedError(`${showPath(place)}: field not declared in schema`);
      }
      const empty = entry === null || (isObject(entry) && Object.keys(entry).length === 0);
      if (empty || !isNamed(schema, field)) insert(set, place);
      collect(fieldSchema(schema, field), entry, place, set);
    }
  }
}

function collectItems(
  schema: Schema,
  value: readonly Json[],
  path: readonly string[],
  set: FieldSet,
): void {
  const seen = new Set<string>();
  for (const item of itemsOf(schema, value, showPath(path))) {
    if (seen.has(item.element)) {
      const key = showPath([item.element]);
      throw new TypedError(`${showPath(path)}: duplicate entries for key ${key}`);
    }
    seen.add(item.element);
    const place = [...path, item.element];
    insert(set, place);
    collect(schema.items ?? ANY, item.value, place, set);
  }
}

/** Form only: values are validated after the merge. */
function expectForm(schema: Schema, value: Json, path: readonly string[]): void {
  if (value === null || schema.type === "any") return;
  const say = (wanted: string, got: string) => {
    throw new TypedError(`${showPath(path)}: expected ${wanted}, got ${got}`);
  };
  const shown = Array.isArray(value) || isObject(value) ? typeName(value) : `&{${value}}`;
  switch (schema.type) {
    case "array":
      if (!Array.isArray(value)) say("list", shown);
      return;
    case "object":
      if (!isObject(value)) say("map", shown);
      return;
    case "string":
      if (typeof value !== "string" && schema.quantity !== true) say("string", typeName(value));
      return;
    case "boolean":
      if (typeof value !== "boolean") say("boolean", typeName(value));
      return;
    default:
      if (typeof value !== "number") say("numeric (int or float)", typeName(value));
  }
}

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** What differs between two values of one type, as sets of fields. */
export function compare(schema: Schema, left: Json, right: Json): Comparison {
  const result = { added: new Map(), modified: new Map(), removed: new Map() };
  compareAt(schema, left, right, [], result);
  return result;
}

function compareAt(
  schema: Schema,
  left: Json | undefined,
  right: Json | undefined,
  path: readonly string[],
  out: Comparison,
): void {
  const leaf = leafLike(schema, left) && leafLike(schema, right);
  const empty = isEmpty(left) && isEmpty(right);
  if (leaf || empty) {
    if (left === undefined) note(out.added, path);
    else if (right === undefined) note(out.removed, path);
    else if (!sameJson(left, right)) note(out.modified, path);
    return;
  }
  // One side is a leaf (null, another form), the other not: the leaf's part changed whole.
  if (Array.isArray(left) || Array.isArray(right)) compareLists(schema, left, right, path, out);
  else compareMaps(schema, left, right, path, out);
  if (left === undefined) note(out.added, path);
  else if (right === undefined) note(out.removed, path);
}

function note(set: FieldSet, path: readonly string[]): void {
  if (path.length > 0) insert(set, path);
}

function leafLike(schema: Schema, value: Json | undefined): boolean {
  return value === undefined || value === null || isLeaf(schema, value);
}

function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function compareLists(
  schema: Schema,
  left: Json | undefined,
  right: Json | undefined,
  path: readonly string[],
  out: Comparison,
): void {
  const before = byElement(schema, left);
  const after = byElement(schema, right);
  for (const element of new Set([...before.keys(), ...after.keys()])) {
    const place = [...path, element];
    compareAt(schema.items ?? ANY, before.get(element), after.get(element), place, out);
  }
}

function byElement(schema: Schema, value: Json | undefined): Map<string, Json> {
  if (!Array.isArray(value)) return new Map();
  return new Map(itemsOf(schema, value, "").map((item) => [item.element, item.value]));
}

function compareMaps(
  schema: Schema,
  left: Json | undefined,
  right: Json | undefined,
  path: readonly string[],
  out: Comparison,
): void {
  const before = isObject(left) ? left : {};
  const after = isObject(right) ? right : {};
  for (const field of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (before[field] === undefined && after[field] === undefined) continue;
    const place = [...path, `f:${field}`];
    compareAt(fieldSchema(schema, field), before[field], after[field], place, out);
  }
}

/** What an applied configuration makes of the live value; nothing is removed. */
export function mergeTyped(schema: Schema, live: Json | undefined, applied: Json): Json {
  if (live === undefined || live === null || isLeaf(schema, applied)) return applied;
  if (Array.isArray(applied)) {
    return Array.isArray(live) ? mergeLists(schema, live, applied) : applied;
  }
  if (!isObject(applied) || !isObject(live)) return applied;
  const merged: JsonObject = { ...live };
  for (const [field, value] of Object.entries(applied)) {
    if (value !== undefined) {
      merged[field] = mergeTyped(fieldSchema(schema, field), live[field], value);
    }
  }
  return merged;
}

/** Order: the applied one; live items keep their place between their neighbours. */
function mergeLists(schema: Schema, live: readonly Json[], applied: readonly Json[]): Json[] {
  const left = itemsOf(schema, live, "");
  const right = itemsOf(schema, applied, "");
  const before = new Map(left.map((item) => [item.element, item.value]));
  const wanted = new Set(right.map((item) => item.element));
  const shared = right.map((item) => item.element).filter((element) => before.has(element));
  const merged = new Set<string>();
  const result: Json[] = [];
  let l = 0;
  let r = 0;
  const takeRight = (item: Item) => {
    merged.add(item.element);
    result.push(mergeTyped(schema.items ?? ANY, before.get(item.element), item.value));
    if (shared[0] === item.element) shared.shift();
    r += 1;
  };
  while (l < left.length || r < right.length) {
    const mine = left[l];
    const theirs = right[r];
    if (mine !== undefined && theirs !== undefined && mine.element === theirs.element) {
      takeRight(theirs);
      l += 1;
    } else if (mine !== undefined && !wanted.has(mine.element)) {
      result.push(mine.value);
      l += 1;
    } else if (mine !== undefined && (merged.has(mine.element) || isLater(mine, theirs, shared))) {
      l += 1;
    } else if (theirs !== undefined) takeRight(theirs);
    else l += 1;
  }
  return result;
}

/** A shared item whose turn comes later in the applied order. */
function isLater(mine: Item, theirs: Item | undefined, shared: readonly string[]): boolean {
  return theirs !== undefined && shared[0] !== undefined && shared[0] !== mine.element;
}

/** Takes away what was in `last` and is owned by nobody now. */
export function removeUnowned(schema: Schema, value: Json, last: FieldSet, owned: FieldSet): Json {
  if (last.size === 0 || isLeaf(schema, value)) return value;
  if (Array.isArray(value)) {
    return itemsOf(schema, value, "").flatMap((item) => {
      const before = last.get(item.element);
      const now = owned.get(item.element);
      if (before?.member === true && now?.member !== true) return [];
      if (before === undefined) return [item.value];
      return [
        removeUnowned(schema.items ?? ANY, item.value, before.below, now?.below ?? new Map()),
      ];
    });
  }
  if (!isObject(value)) return value;
  const result: JsonObject = { ...value };
  for (const [element, before] of last) {
    const field = element.slice(2);
    const entry = value[field];
    if (entry === undefined) continue;
    const now = owned.get(element);
    const named = isNamed(schema, field);
    const was = before.member || named;
    const is = now !== undefined && (now.member || named);
    // Names and uid are nobody's, so `metadata` outlives its last owned field.
    if (was && !is && field !== "metadata") delete result[field];
    else {
      const below = now?.below ?? new Map();
      result[field] = removeUnowned(fieldSchema(schema, field), entry, before.below, below);
    }
  }
  return result;
}
