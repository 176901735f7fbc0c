/** Any value of JSON; objects are plain. */
export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [field: string]: Json | undefined;
}

/** An OpenAPI v3 schema as it is published at /openapi/v3. */
export type JsonSchema = JsonObject;

export type SchemaType = "object" | "array" | "string" | "integer" | "number" | "boolean" | "any";

/** How server-side apply owns a list: whole, by value, or by the keys of its items. */
export type ListType = "atomic" | "set" | "map";

/** One `x-kubernetes-validations` rule as the CRD has it. */
export interface CelRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

/** What a value may be besides its type: the value validations of OpenAPI. */
export interface ValueChecks {
  enum?: readonly Json[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minProperties?: number;
  maxProperties?: number;
  required?: readonly string[];
  properties?: Readonly<Record<string, ValueChecks>>;
  items?: ValueChecks;
  additional?: ValueChecks;
  allOf?: readonly ValueChecks[];
  anyOf?: readonly ValueChecks[];
  oneOf?: readonly ValueChecks[];
  not?: ValueChecks;
}

/**
 * One node of a structural schema: the same form for built-in kinds and for CRDs. Built-in types
 * that contain themselves (JSONSchemaProps) make it a graph.
 */
export interface Schema {
  type: SchemaType;
  properties?: Record<string, Schema>;
  /** Schema of the values of a map. */
  additional?: Schema;
  items?: Schema;
  listType?: ListType;
  /** Keys of a `map` list, in the order of the declaration. */
  mapKeys?: readonly string[];
  /** The struct or map is owned as one value. */
  atomicMap?: boolean;
  /** Key by which a strategic merge patch matches items; it may differ from `mapKeys`. */
  patchMergeKey?: string;
  patchStrategy?: readonly ("merge" | "replace" | "retainKeys")[];
  intOrString?: boolean;
  quantity?: boolean;
  preserveUnknown?: boolean;
  embedded?: boolean;
  nullable?: boolean;
  default?: Json;
  checks: ValueChecks;
  rules: readonly CelRule[];
  description?: string;
  /** Go type behind a built-in struct, as OpenAPI names it. */
  openapiName?: string;
}
