import { fillBuiltinDefaults, initialStatus } from "./builtin-defaults.ts";
import { validateBuiltin } from "./builtin-validation.ts";
import { evaluateRules, hasRules } from "./cel.ts";
import { cannotHandle, decodeBuiltin, decodeMetadata } from "./decode.ts";
import { type FieldError, invalid } from "./field-errors.ts";
import { apiVersionOf, type CompiledKind } from "./kinds.ts";
import { finalizerWarnings, metadataErrors } from "./names.ts";
import { fillDefaults, isObject, prune } from "./prune.ts";
import type { JsonObject } from "./schema.ts";
import { duplicates, validateValue } from "./values.ts";

export interface AdmitRequest {
  readonly object: JsonObject;
  /** What is stored; given for `update`. */
  readonly old?: JsonObject;
  readonly operation: "create" | "update";
  readonly subresource?: "status" | "scale";
  /** What happens to unknown fields: refused, told as warnings, or dropped in silence. */
  readonly fieldValidation: "Strict" | "Warn" | "Ignore";
}

export interface Admitted {
  readonly object: JsonObject;
  /** Texts for the `Warning` header of the answer. */
  readonly warnings: string[];
}

/**
 * What an API server does between decoding and storing: drop unknown fields, fill in defaults,
 * keep status apart, validate. The caller sets uid, times, generation and resourceVersion, and
 * calls `trackUpdate` afterwards unless the write was a server-side apply.
 *
 * @throws ApiStatus: BadRequest for unknown fields in Strict, Invalid with causes otherwise.
 */
export function admit(kind: CompiledKind, request: AdmitRequest): Admitted {
  const object = structuredClone(request.object);
  const warnings = decode(kind, object, request.fieldValidation);
  const prepared = separateStatus(kind, request, object);
  const errors = kind.builtin
    ? builtinErrors(kind, request, prepared)
    : customErrors(kind, request, prepared);
  if (errors.length > 0) throw invalid(kind, nameOf(prepared), errors);
  if (!kind.builtin && request.subresource !== "status") {
    warnings.push(...finalizerWarnings(prepared["metadata"], request.old?.["metadata"]));
  }
  return { object: prepared, warnings };
}

function decode(
  kind: CompiledKind,
  object: JsonObject,
  fieldValidation: AdmitRequest["fieldValidation"],
): string[] {
  if (kind.builtin) decodeBuiltin(kind, object);
  else decodeMetadata(kind, object);
  const unknown = prune(kind.schema, object);
  if (unknown.length > 0 && fieldValidation === "Strict") {
    const listed = unknown.map((path) => `unknown field "${path}"`).join(", ");
    throw cannotHandle(kind, `strict decoding error: ${listed}`);
  }
  if (!isObject(object["metadata"])) object["metadata"] = {};
  if (kind.builtin) fillBuiltinDefaults(kind, object);
  else fillDefaults(kind.schema, object);
  return fieldValidation === "Warn" ? unknown.map((path) => `unknown field "${path}"`) : [];
}

/** Fields of `metadata` that a write to a status subresource may not touch. */
const STATUS_KEEPS = ["labels", "annotations", "finalizers", "ownerReferences", "generateName"];

/** Status is written through its subresource only, and nothing else through that. */
function separateStatus(kind: CompiledKind, request: AdmitRequest, object: JsonObject): JsonObject {
  const { old } = request;
  if (kind.builtin && kind.kind === "Service" && old !== undefined) keepAddresses(object, old);
  if (!kind.subresources.status) return object;
  if (request.subresource !== "status") {
    const { status: _dropped, ...rest } = object;
    const fresh = kind.builtin ? initialStatus(kind, object) : undefined;
    const status = old === undefined ? fresh : old["status"];
    return status === undefined ? rest : { ...rest, status };
  }
  if (old === undefined) return object;
  const oldMetadata = isObject(old["metadata"]) ? old["metadata"] : {};
  const metadata = { ...(object["metadata"] as JsonObject) };
  for (const field of kind.builtin ? [] : STATUS_KEEPS) {
    if (oldMetadata[field] === undefined) delete metadata[field];
    else metadata[field] = oldMetadata[field];
  }
  const prepared: JsonObject = { ...old, metadata };
  if (object["status"] === undefined) delete prepared["status"];
  else prepared["status"] = object["status"];
  return prepared;
}

/** What the server allocated stays where an update leaves it out. */
function keepAddresses(object: JsonObject, old: JsonObject): void {
  const { spec } = object;
  const before = old["spec"];
  if (!isObject(spec) || !isObject(before) || spec["type"] === "ExternalName") return;
  for (const field of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]) {
    if (spec[field] === undefined && before[field] !== undefined) spec[field] = before[field];
  }
}

function nameOf(object: JsonObject): string {
  const metadata = object["metadata"];
  return isObject(metadata) && typeof metadata["name"] === "string" ? metadata["name"] : "";
}

const BLOCKING = new Set(["required", "type", "unsupported", "too-long", "too-many"]);
const RULES_SKIPPED: FieldError = {
  type: "invalid",
  field: "<nil>",
  value: null,
  detail:
    "some validation rules were not checked because the object was invalid; correct the " +
    "existing errors to complete validation",
};

function customErrors(kind: CompiledKind, request: AdmitRequest, object: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  const metadata = object["metadata"] as JsonObject;
  errors.push(...metadataErrors(metadata, { namespaced: kind.namespaced, nameForm: "subdomain" }));
  errors.push(...typeMetaErrors(kind, object));
  const status = request.subresource === "status";
  const checked = status ? { status: object["status"] ?? null } : withoutMetadata(object);
  const schema = status ? statusSchema(kind) : rootSchema(kind);
  errors.push(...validateValue(schema, checked, ""));
  if (!status) errors.push(...replicaErrors(kind, object));
  errors.push(...duplicates(schema, checked, ""));
  if (!hasRules(kind.schema)) return errors;
  if (errors.some((error) => BLOCKING.has(error.type))) return [...errors, RULES_SKIPPED];
  const ruled = status && kind.schema.rules.length === 0 ? checked : object;
  return [...errors, ...evaluateRules(kind.schema, ruled, request.old)];
}

function typeMetaErrors(kind: CompiledKind, object: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  const wanted = { kind: kind.kind, apiVersion: apiVersionOf(kind) };
  for (const [field, value] of Object.entries(wanted)) {
    const given = object[field] ?? "";
    if (given === value) continue;
    errors.push({ type: "invalid", field, value: given, detail: `must be ${value}` });
  }
  return errors;
}

function withoutMetadata(object: JsonObject): JsonObject {
  const { metadata: _metadata, ...rest } = object;
  return rest;
}

const roots = new WeakMap<CompiledKind, CompiledKind["schema"]>();

/** The root without `metadata`, which has checks of its own. */
function rootSchema(kind: CompiledKind): CompiledKind["schema"] {
  let schema = roots.get(kind);
  if (schema === undefined) {
    const { metadata: _metadata, ...properties } = kind.schema.properties ?? {};
    schema = { ...kind.schema, properties };
    roots.set(kind, schema);
  }
  return schema;
}

function statusSchema(kind: CompiledKind): CompiledKind["schema"] {
  const status = kind.schema.properties?.["status"];
  const nullable = status === undefined ? undefined : { ...status, nullable: true };
  return {
    type: "object",
    ...(nullable === undefined ? {} : { properties: { status: nullable } }),
    checks: {},
    rules: [],
  };
}

/** The scale subresource reads its count: it must be an integer of 32 bits, not negative. */
function replicaErrors(kind: CompiledKind, object: JsonObject): FieldError[] {
  const path = kind.subresources.scale?.specReplicasPath;
  if (path === undefined) return [];
  let value: unknown = object;
  for (const field of path.split(".").slice(1)) {
    if (value !== undefined && !isObject(value)) return [accessorError(path, value, MAP)];
    value = isObject(value) ? value[field] : undefined;
  }
  if (value === undefined || Number.isInteger(value)) {
    if (typeof value !== "number" || value >= 0) return [];
    const detail = "should be a non-negative integer";
    return [{ type: "invalid", field: path, value, detail }];
  }
  return [accessorError(path, value, "int64")];
}

const MAP = "map[string]interface{}";

function accessorError(path: string, value: unknown, expected: string): FieldError {
  const type = typeof value === "number" ? "float64" : typeof value;
  const detail = `${path} accessor error: ${value} is of the type ${type}, expected ${expected}`;
  return { type: "invalid", field: path, value: 0, detail };
}

function builtinErrors(
  kind: CompiledKind,
  request: AdmitRequest,
  object: JsonObject,
): FieldError[] {
  return validateBuiltin(kind, {
    object,
    old: request.old,
    subresource: request.subresource,
  });
}
