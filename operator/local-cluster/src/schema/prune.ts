import { child } from "./field-errors.ts";
import type { Json, JsonObject, Schema } from "./schema.ts";

/**
 * Drops, in place, what the schema does not know. Returns the paths that were dropped, e.g.
 * `spec.owners[0].zz`, sorted.
 */
export function prune(schema: Schema, object: JsonObject): string[] {
  const dropped: string[] = [];
  pruneValue(schema, object, "", dropped);
  return dropped.sort();
}

function pruneValue(schema: Schema, value: Json | undefined, path: string, out: string[]): void {
  if (Array.isArray(value)) {
    if (schema.items === undefined) return;
    for (const [index, item] of value.entries()) {
      pruneValue(schema.items, item, `${path}[${index}]`, out);
    }
    return;
  }
  if (!isObject(value) || schema.type === "any") return;
  for (const field of Object.keys(value)) {
    const below = schema.properties?.[field] ?? schema.additional;
    if (below !== undefined) {
      pruneValue(below, value[field], child(path, field), out);
    } else if (schema.preserveUnknown !== true && !isEmbeddedField(schema, field)) {
      delete value[field];
      out.push(child(path, field));
    }
  }
}

function isEmbeddedField(schema: Schema, field: string): boolean {
  return (
    schema.embedded === true && (field === "apiVersion" || field === "kind" || field === "metadata")
  );
}

/** Fills in the defaults of a CRD, in place; a null that is not allowed gives way to one. */
export function fillDefaults(schema: Schema, value: Json | undefined): void {
  if (Array.isArray(value)) {
    for (const item of value) {
      if (schema.items !== undefined) fillDefaults(schema.items, item);
    }
  } else if (isObject(value)) {
    fillProperties(schema, value);
    fillMap(schema, value);
  }
}

function fillProperties(schema: Schema, value: JsonObject): void {
  for (const [field, below] of Object.entries(schema.properties ?? {})) {
    if (value[field] === null && below.nullable !== true) delete value[field];
    if (value[field] === undefined && below.default !== undefined) {
      value[field] = structuredClone(below.default);
    }
    if (value[field] !== undefined) fillDefaults(below, value[field]);
  }
}

function fillMap(schema: Schema, value: JsonObject): void {
  const { additional } = schema;
  if (additional === undefined) return;
  for (const [field, entry] of Object.entries(value)) {
    if (entry === null && additional.nullable !== true) delete value[field];
    else fillDefaults(additional, entry);
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
