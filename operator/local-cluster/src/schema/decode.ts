import { badRequest, child } from "./field-errors.ts";
import { isFormat } from "./formats.ts";
import type { CompiledKind } from "./kinds.ts";
import { isObject } from "./prune.ts";
import { parseQuantity, QUANTITY_ERROR } from "./quantity.ts";
import type { Json, JsonObject, Schema } from "./schema.ts";

/**
 * What Go's typed decoding does to the body of a built-in kind: wrong types are a 400, null and
 * empty lists and maps disappear.
 *
 * @throws ApiStatus BadRequest, e.g. `json: cannot unmarshal string into Go struct field ...`.
 */
export function decodeBuiltin(kind: CompiledKind, object: JsonObject): void {
  decodeStruct(kind, { schema: kind.schema, name: kind.kind }, object, "");
}

/** The same for `metadata` of a custom resource. */
export function decodeMetadata(kind: CompiledKind, object: JsonObject): void {
  const schema = kind.schema.properties?.["metadata"];
  const metadata = object["metadata"];
  if (schema !== undefined && isObject(metadata)) {
    decodeStruct(kind, { schema, name: "ObjectMeta" }, metadata, "");
  }
}

interface Struct {
  readonly schema: Schema;
  readonly name: string;
}

function decodeStruct(kind: CompiledKind, struct: Struct, object: JsonObject, path: string): void {
  for (const [field, value] of Object.entries(object)) {
    const below = struct.schema.properties?.[field];
    if (below === undefined || value === undefined) continue;
    const place = child(path, field);
    if (value === null) {
      if (below.type !== "any") delete object[field];
      continue;
    }
    const fieldOf = `${struct.name}.${place}`;
    decodeValue(kind, { schema: below, name: fieldOf }, value, place);
    // An empty list of managers is a request to clear them.
    if (isEmptied(below, value) && field !== "managedFields") delete object[field];
    else if (below.type === "integer" && typeof value === "number")
      object[field] = Math.trunc(value);
  }
}

/** Lists that Go writes even when they are empty. */
function isEmptied(schema: Schema, value: Json): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return schema.additional !== undefined && isObject(value) && Object.keys(value).length === 0;
}

function decodeValue(kind: CompiledKind, field: Struct, value: Json, path: string): void {
  const { schema } = field;
  if (schema.type === "any" && schema.intOrString !== true) return;
  if (!hasType(schema, value)) {
    // A quantity has its own decoder: numbers are quantities too.
    if (schema.quantity === true && typeof value === "number") return;
    const text = `cannot unmarshal ${jsonName(value)} into Go struct field ${field.name}`;
    throw cannotHandle(kind, `json: ${text} of type ${goType(schema)}`);
  }
  if (typeof value === "string") decodeText(kind, schema, value);
  else if (Array.isArray(value)) decodeItems(kind, { ...field, schema: schema.items }, value, path);
  else if (isObject(value)) {
    if (schema.properties !== undefined) decodeStruct(kind, named(schema), value, path);
    else {
      const entries = Object.values(value).filter((entry) => entry !== undefined && entry !== null);
      decodeItems(kind, { ...field, schema: schema.additional }, entries as Json[], path);
    }
  }
}

const MICRO_TIME = "2006-01-02T15:04:05.000000Z07:00";

/** Strings that Go decodes further. */
function decodeText(kind: CompiledKind, schema: Schema, text: string): void {
  if (schema.quantity === true && parseQuantity(text) === undefined) {
    throw cannotHandle(kind, QUANTITY_ERROR);
  }
  const { format } = schema.checks;
  if (format === "byte" && !isFormat("byte", text)) {
    const at = /[^A-Za-z0-9+/]/.exec(text)?.index ?? text.length;
    throw cannotHandle(kind, `illegal base64 data at input byte ${at}`);
  }
  if (format === "micro-time" && !/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}(Z|[+-]\d\d:\d\d)$/.test(text)) {
    const rest = text.replace(/^\d{4}-\d\d-\d\dT[\d:]{8}/, "");
    const layout = rest === text ? "2006" : ".000000";
    const parsing = `parsing time ${JSON.stringify(text)} as "${MICRO_TIME}"`;
    throw cannotHandle(kind, `${parsing}: cannot parse ${JSON.stringify(rest)} as "${layout}"`);
  }
}

function decodeItems(
  kind: CompiledKind,
  field: { readonly schema: Schema | undefined; readonly name: string },
  items: readonly Json[],
  path: string,
): void {
  const { schema, name } = field;
  if (schema === undefined) return;
  for (const item of items) decodeValue(kind, { schema, name }, item, path);
}

function named(schema: Schema): Struct {
  return { schema, name: schema.openapiName?.split(".").at(-1) ?? "" };
}

function hasType(schema: Schema, value: Json): boolean {
  if (schema.intOrString === true) return typeof value === "string" || typeof value === "number";
  switch (schema.type) {
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "integer":
      return Number.isInteger(value);
    case "number":
      return typeof value === "number";
    case "string":
    case "boolean":
      return typeof value === schema.type;
    default:
      return true;
  }
}

function jsonName(value: Json): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return Number.isInteger(value) ? "number" : `number ${value}`;
  return typeof value;
}

function goType(schema: Schema): string {
  if (schema.quantity === true) return "resource.Quantity";
  if (schema.intOrString === true) return "intstr.IntOrString";
  switch (schema.type) {
    case "array":
      return `[]${schema.items === undefined ? "" : goType(schema.items)}`;
    case "integer":
      return schema.checks.format ?? "int64";
    case "number":
      return "float64";
    case "boolean":
      return "bool";
    case "object":
      if (schema.additional !== undefined) return `map[string]${goType(schema.additional)}`;
      return `v1.${named(schema).name}`;
    default:
      return schema.type;
  }
}

/** `Pod in version "v1" cannot be handled as a Pod: ...` */
export function cannotHandle(kind: CompiledKind, why: string): Error {
  const { version } = kind;
  return badRequest(
    `${kind.kind} in version "${version}" cannot be handled as a ${kind.kind}: ${why}`,
  );
}
