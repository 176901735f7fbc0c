import type { CompiledKind } from "./compiled-kind.ts";
import type { Json, JsonSchema, Schema } from "./schema.ts";

const OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/** `components.schemas` of the document of one group and version, for kinds of that version. */
export function openapiComponents(kinds: readonly CompiledKind[]): Record<string, JsonSchema> {
  const components: Record<string, JsonSchema> = {};
  for (const kind of kinds) {
    components[kind.openapiName] = kind.openapi;
    collect(kind.schema, components, new Set());
  }
  return components;
}

function collect(schema: Schema, into: Record<string, JsonSchema>, seen: Set<Schema>): void {
  if (seen.has(schema)) return;
  seen.add(schema);
  for (const child of children(schema)) {
    const name = child.openapiName;
    if (name !== undefined) {
      if (into[name] !== undefined) continue;
      into[name] = structOf(child);
    }
    collect(child, into, seen);
  }
}

function children(schema: Schema): Schema[] {
  const below = Object.values(schema.properties ?? {});
  if (schema.additional !== undefined) below.push(schema.additional);
  if (schema.items !== undefined) below.push(schema.items);
  return below;
}

/** The schema of a built-in kind itself; its structs are references. */
export function openapiReference(
  schema: Schema,
  gvk: { readonly group: string; readonly version: string; readonly kind: string },
): JsonSchema {
  return { ...structOf(schema), "x-kubernetes-group-version-kind": [{ ...gvk }] };
}

/** The schema of a CRD as published: the author's own, with the fields that every object has. */
export function openapiOfCrd(
  published: JsonSchema,
  gvk: { readonly group: string; readonly version: string; readonly kind: string },
): JsonSchema {
  const own = (published["properties"] ?? {}) as JsonSchema;
  const properties: JsonSchema = {
    apiVersion: { type: "string", description: API_VERSION_TEXT },
    kind: { type: "string", description: KIND_TEXT },
    metadata: {
      description: METADATA_TEXT,
      allOf: [{ $ref: `#/components/schemas/${OBJECT_META}` }],
    },
    ...own,
  };
  properties["metadata"] = {
    description: METADATA_TEXT,
    allOf: [{ $ref: `#/components/schemas/${OBJECT_META}` }],
  };
  return {
    ...published,
    type: "object",
    properties,
    "x-kubernetes-group-version-kind": [{ ...gvk }],
  };
}

function structOf(schema: Schema): JsonSchema {
  const properties: JsonSchema = {};
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    properties[name] = fieldOf(field);
  }
  return {
    type: "object",
    ...(schema.description === undefined ? {} : { description: schema.description }),
    ...(schema.checks.required === undefined ? {} : { required: [...schema.checks.required] }),
    ...(schema.properties === undefined ? {} : { properties }),
    ...(schema.atomicMap === true ? { "x-kubernetes-map-type": "atomic" } : {}),
  };
}

function fieldOf(schema: Schema): JsonSchema {
  const extra: JsonSchema = {};
  if (schema.description !== undefined) extra["description"] = schema.description;
  if (schema.default !== undefined) extra["default"] = schema.default;
  if (schema.listType !== undefined) extra["x-kubernetes-list-type"] = schema.listType;
  if (schema.mapKeys !== undefined) extra["x-kubernetes-list-map-keys"] = [...schema.mapKeys];
  if (schema.patchStrategy !== undefined) {
    extra["x-kubernetes-patch-strategy"] = schema.patchStrategy.join(",");
  }
  if (schema.patchMergeKey !== undefined) {
    extra["x-kubernetes-patch-merge-key"] = schema.patchMergeKey;
  }
  if (schema.openapiName !== undefined) {
    return { ...extra, allOf: [{ $ref: `#/components/schemas/${schema.openapiName}` }] };
  }
  if (schema.atomicMap === true) extra["x-kubernetes-map-type"] = "atomic";
  return { ...extra, ...plainOf(schema) };
}

function plainOf(schema: Schema): JsonSchema {
  if (schema.intOrString === true) {
    return { format: "int-or-string", oneOf: [{ type: "integer" }, { type: "string" }] };
  }
  if (schema.type === "any") return { type: "object" };
  if (schema.type === "array") {
    return { type: "array", items: schema.items === undefined ? {} : fieldOf(schema.items) };
  }
  if (schema.type === "object") {
    const additional: Json = schema.additional === undefined ? {} : fieldOf(schema.additional);
    return { type: "object", additionalProperties: additional };
  }
  const format = schema.checks.format;
  return { type: schema.type, ...(format === undefined ? {} : { format }) };
}

const API_VERSION_TEXT =
  "APIVersion defines the versioned schema of this representation of an object. Servers should " +
  "convert recognized schemas to the latest internal value, and may reject unrecognized values. " +
  "More info: https://git.k8s.io/community/contributors/devel/sig-architecture/" +
  "api-conventions.md#resources";
const KIND_TEXT =
  "Kind is a string value representing the REST resource this object represents. Servers may " +
  "infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. " +
  "More info: https://git.k8s.io/community/contributors/devel/sig-architecture/" +
  "api-conventions.md#types-kinds";
const METADATA_TEXT =
  "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/" +
  "sig-architecture/api-conventions.md#metadata";
