import type { Json, JsonObject } from "../schema/schema.ts";
import { isObject } from "./merge-patch.ts";

/**
 * A set of fields as `fieldsV1` writes it. Keys are path elements: `f:name` (field or map key),
 * `k:{"name":"c"}` (list item by keys), `v:"x"` (list item by value).
 */
export type FieldSet = Map<string, FieldNode>;

export interface FieldNode {
  /** The element itself is in the set, not only something below it. */
  readonly member: boolean;
  readonly below: FieldSet;
}

const NOTHING: FieldNode = { member: false, below: new Map() };

/** Adds the element at `path`. */
export function insert(set: FieldSet, path: readonly string[]): void {
  let place = set;
  for (const [index, element] of path.entries()) {
    const last = index === path.length - 1;
    let node = place.get(element);
    if (node === undefined || (last && !node.member)) {
      node = { member: last || (node?.member ?? false), below: node?.below ?? new Map() };
      place.set(element, node);
    }
    place = node.below;
  }
}

type Combine = (left: boolean, right: boolean) => boolean;

function combine(left: FieldSet, right: FieldSet, keep: Combine): FieldSet {
  const result: FieldSet = new Map();
  for (const element of new Set([...left.keys(), ...right.keys()])) {
    const a = left.get(element) ?? NOTHING;
    const b = right.get(element) ?? NOTHING;
    const below = combine(a.below, b.below, keep);
    const member = keep(a.member, b.member);
    if (member || below.size > 0) result.set(element, { member, below });
  }
  return result;
}

export function union(left: FieldSet, right: FieldSet): FieldSet {
  return combine(left, right, (a, b) => a || b);
}

/** Members of `left` that are no members of `right`, element by element. */
export function difference(left: FieldSet, right: FieldSet): FieldSet {
  return combine(left, right, (a, b) => a && !b);
}

export function intersection(left: FieldSet, right: FieldSet): FieldSet {
  return combine(left, right, (a, b) => a && b);
}

export function sameSet(left: FieldSet, right: FieldSet): boolean {
  return combine(left, right, (a, b) => a !== b).size === 0;
}

/** Without the elements named and all below them. */
export function without(set: FieldSet, paths: readonly (readonly string[])[]): FieldSet {
  let result = set;
  for (const path of paths) result = cut(result, path);
  return result;
}

function cut(set: FieldSet, path: readonly string[]): FieldSet {
  const [element = "", ...rest] = path;
  const node = set.get(element);
  if (node === undefined) return set;
  const result = new Map(set);
  const below = rest.length === 0 ? new Map() : cut(node.below, rest);
  if (rest.length > 0 && (node.member || below.size > 0)) {
    result.set(element, { member: node.member, below });
  } else result.delete(element);
  return result;
}

/** All members, in the order in which conflicts are listed. */
export function members(set: FieldSet): string[][] {
  const elements = sorted(set);
  const own = elements.filter((element) => set.get(element)?.member === true);
  const below = elements.flatMap((element) =>
    members(set.get(element)?.below ?? new Map()).map((path) => [element, ...path]),
  );
  return [...own.map((element) => [element]), ...below];
}

const KIND_ORDER = ["f", "k", "v", "i"];

function sorted(set: FieldSet): string[] {
  return [...set.keys()].sort((left, right) => {
    const order = KIND_ORDER.indexOf(left[0] ?? "") - KIND_ORDER.indexOf(right[0] ?? "");
    return order !== 0 ? order : left < right ? -1 : 1;
  });
}

/** `.spec.containers[name="c"].image` */
export function showPath(path: readonly string[]): string {
  return path
    .map((element) => {
      const text = element.slice(2);
      if (element.startsWith("f:")) return `.${text}`;
      if (element.startsWith("v:")) return `[=${text}]`;
      if (element.startsWith("i:")) return `[${text}]`;
      const keys = Object.entries(JSON.parse(text) as JsonObject);
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(",")}]`;
    })
    .join("");
}

export function toFieldsV1(set: FieldSet): JsonObject {
  const fields: JsonObject = {};
  for (const element of sorted(set)) {
    const node = set.get(element) ?? NOTHING;
    const below = toFieldsV1(node.below);
    fields[element] = node.member && node.below.size > 0 ? { ".": {}, ...below } : below;
  }
  return fields;
}

export function fromFieldsV1(fields: Json | undefined): FieldSet {
  const set: FieldSet = new Map();
  if (!isObject(fields)) return set;
  for (const [element, value] of Object.entries(fields)) {
    if (element === "." || !isObject(value)) continue;
    const below = fromFieldsV1(value);
    set.set(element, { member: below.size === 0 || value["."] !== undefined, below });
  }
  return set;
}
