import type { CelRule, Json, JsonObject, ListType, Schema, ValueChecks } from "./schema.ts";

/** A CRD's `openAPIV3Schema`, whose structure was checked before, in the form of this server. */
export function compileSchema(source: JsonObject): Schema {
  const preserve = source["x-kubernetes-preserve-unknown-fields"] === true;
  const intOrString = source["x-kubernetes-int-or-string"] === true;
  const type = (source["type"] ?? "any") as Schema["type"];
  const schema: Schema = { type, checks: checksOf(source), rules: rulesOf(source) };
  if (intOrString) schema.intOrString = true;
  if (preserve) schema.preserveUnknown = true;
  if (source["nullable"] === true) schema.nullable = true;
  if (source["x-kubernetes-embedded-resource"] === true) schema.embedded = true;
  if (source["default"] !== undefined) schema.default = source["default"];
  if (typeof source["description"] === "string") schema.description = source["description"];
  if (type === "object" && source["x-kubernetes-map-type"] === "atomic") schema.atomicMap = true;
  const properties = source["properties"] as Record<string, JsonObject> | undefined;
  if (properties !== undefined) {
    schema.properties = Object.fromEntries(
      Object.entries(properties).map(([field, below]) => [field, compileSchema(below)]),
    );
  }
  const additional = source["additionalProperties"];
  if (isJsonObject(additional)) schema.additional = compileSchema(additional);
  if (additional === true) schema.preserveUnknown = true;
  const items = source["items"];
  if (isJsonObject(items)) schema.items = compileSchema(items);
  if (type === "array") addListType(schema, source);
  return schema;
}

function addListType(schema: Schema, source: JsonObject): void {
  schema.listType = (source["x-kubernetes-list-type"] as ListType | undefined) ?? "atomic";
  const keys = source["x-kubernetes-list-map-keys"] as string[] | undefined;
  if (schema.listType === "map" && keys !== undefined) schema.mapKeys = keys;
}

const PLAIN_CHECKS = [
  "enum",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "pattern",
  "format",
  "minItems",
  "maxItems",
  "minProperties",
  "maxProperties",
  "required",
] as const;

function checksOf(source: JsonObject): ValueChecks {
  const checks: Record<string, unknown> = {};
  for (const word of PLAIN_CHECKS) {
    if (source[word] !== undefined) checks[word] = source[word];
  }
  if (source["x-kubernetes-int-or-string"] !== true) {
    for (const word of ["allOf", "anyOf", "oneOf"]) {
      const branches = source[word];
      if (Array.isArray(branches)) {
        checks[word] = branches.map((branch) => branchOf(branch as JsonObject));
      }
    }
    if (isJsonObject(source["not"])) checks["not"] = branchOf(source["not"]);
  }
  return checks;
}

/** Checks inside a junctor, which may look below the value. */
function branchOf(source: JsonObject): ValueChecks {
  const checks = checksOf(source) as Record<string, unknown>;
  const properties = source["properties"] as Record<string, JsonObject> | undefined;
  if (properties !== undefined) {
    checks["properties"] = Object.fromEntries(
      Object.entries(properties).map(([field, below]) => [field, branchOf(below)]),
    );
  }
  if (isJsonObject(source["items"])) checks["items"] = branchOf(source["items"]);
  if (isJsonObject(source["additionalProperties"])) {
    checks["additional"] = branchOf(source["additionalProperties"]);
  }
  return checks;
}

function rulesOf(source: JsonObject): readonly CelRule[] {
  return (source["x-kubernetes-validations"] as CelRule[] | undefined) ?? [];
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
