import { RE2JS } from "@bufbuild/re2";
import { defaultProblems, ruleProblems } from "./cel-check.ts";
import { compileSchema, isJsonObject } from "./crd-schema.ts";
import { child, type FieldError, unsupported } from "./field-errors.ts";
import { prune } from "./prune.ts";
import type { JsonObject } from "./schema.ts";
import { validateValue } from "./values.ts";

const TYPES = ["array", "boolean", "integer", "number", "object", "string"];

/** Errors of an `openAPIV3Schema`: structure first; rules only where the structure is right. */
export function schemaErrors(source: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const root = source["type"];
  if (root === undefined || root === "") {
    const detail = "must not be empty at the root";
    return [{ type: "required", field: `${path}.type`, detail }];
  }
  if (root !== "object") {
    const detail = "must be object at the root";
    return [{ type: "invalid", field: `${path}.type`, value: root, detail }];
  }
  structure(source, path, errors, 0);
  if (errors.length > 0) return errors;
  const schema = compileSchema(source);
  defaults(source, path, errors);
  // As there: rules are judged where the defaults are right, which are judged by the rules too.
  if (errors.length === 0) errors.push(...ruleProblems(schema, path));
  return errors;
}

function structure(source: JsonObject, path: string, errors: FieldError[], depth: number): void {
  const type = source["type"];
  typeStructure(source, path, errors, depth);
  forbiddenWords(source, path, errors);
  junctors(source, path, errors);
  if (type === "array") arrayStructure(source, path, errors);
  const properties = source["properties"];
  for (const [field, below] of Object.entries(isJsonObject(properties) ? properties : {})) {
    const place = `${path}.properties[${field}]`;
    if (!isJsonObject(below)) continue;
    if (depth === 0 && field === "metadata") metadataStructure(below, place, errors);
    else structure(below, place, errors, depth + 1);
  }
  for (const word of ["additionalProperties", "items"]) {
    const below = source[word];
    if (isJsonObject(below)) structure(below, `${path}.${word}`, errors, depth + 1);
  }
}

function typeStructure(
  source: JsonObject,
  path: string,
  errors: FieldError[],
  depth: number,
): void {
  const type = source["type"];
  const free =
    source["x-kubernetes-preserve-unknown-fields"] === true ||
    source["x-kubernetes-int-or-string"] === true;
  if ((type === undefined || type === "") && !free) {
    const detail = `must not be empty for specified ${depth > 0 ? "object fields" : "value"}`;
    errors.push({ type: "required", field: `${path}.type`, detail });
  } else if (typeof type === "string" && type !== "" && !TYPES.includes(type)) {
    errors.push(unsupported(`${path}.type`, type, TYPES));
  }
}

function forbiddenWords(source: JsonObject, path: string, errors: FieldError[]): void {
  const forbid = (field: string, detail: string) =>
    errors.push({ type: "forbidden", field: `${path}.${field}`, detail });
  if (source["uniqueItems"] === true) {
    const why = "since the runtime complexity becomes quadratic";
    forbid("uniqueItems", `uniqueItems cannot be set to true ${why}`);
  }
  if (source["properties"] !== undefined && source["additionalProperties"] !== undefined) {
    forbid("additionalProperties", "additionalProperties and properties are mutual exclusive");
  }
  if (source["additionalProperties"] === false) {
    forbid("additionalProperties", "additionalProperties cannot be set to false");
  }
  if (source["$ref"] !== undefined) forbid("$ref", "$ref is not supported");
  const pattern = source["pattern"];
  if (typeof pattern === "string") {
    try {
      RE2JS.compile(pattern);
    } catch (error) {
      const detail = `must be a valid regular expression, but isn't: ${(error as Error).message}`;
      errors.push({ type: "invalid", field: `${path}.pattern`, value: pattern, detail });
    }
  }
}

function junctors(source: JsonObject, path: string, errors: FieldError[]): void {
  if (source["x-kubernetes-int-or-string"] === true) return;
  for (const word of ["allOf", "anyOf", "oneOf"]) {
    const branches = source[word];
    if (!Array.isArray(branches)) continue;
    for (const [index, branch] of branches.entries()) {
      if (isJsonObject(branch)) junctorBranch(branch, `${path}.${word}[${index}]`, errors);
    }
  }
  if (isJsonObject(source["not"])) junctorBranch(source["not"], `${path}.not`, errors);
}

function junctorBranch(branch: JsonObject, path: string, errors: FieldError[]): void {
  for (const word of ["type", "description", "default", "nullable", "additionalProperties"]) {
    if (branch[word] === undefined) continue;
    const detail = "must be empty to be structural";
    errors.push({ type: "forbidden", field: `${path}.${word}`, detail });
  }
  const properties = branch["properties"];
  if (isJsonObject(properties)) {
    for (const [field, below] of Object.entries(properties)) {
      if (isJsonObject(below)) junctorBranch(below, `${path}.properties[${field}]`, errors);
    }
  }
  if (isJsonObject(branch["items"])) junctorBranch(branch["items"], `${path}.items`, errors);
  junctors(branch, path, errors);
}

function arrayStructure(source: JsonObject, path: string, errors: FieldError[]): void {
  const items = source["items"];
  if (!isJsonObject(items)) {
    errors.push({ type: "required", field: `${path}.items`, detail: "must be specified" });
    return;
  }
  if (source["x-kubernetes-list-type"] !== "map") return;
  const field = `${path}.x-kubernetes-list-map-keys`;
  const keys = (source["x-kubernetes-list-map-keys"] ?? []) as string[];
  if (keys.length === 0) {
    const detail = "must not be empty if x-kubernetes-list-type is map";
    errors.push({ type: "required", field, detail });
    return;
  }
  const properties = (items["properties"] ?? {}) as Record<string, JsonObject>;
  if (keys.some((key) => properties[key] === undefined)) {
    const detail = "entries must all be names of item properties";
    errors.push({ type: "invalid", field, value: keys, detail });
    return;
  }
  const required = (items["required"] ?? []) as string[];
  for (const key of keys) {
    if (required.includes(key) || properties[key]?.["default"] !== undefined) continue;
    const detail =
      "this property is in x-kubernetes-list-map-keys, so it must have a default or be a " +
      "required property";
    errors.push({ type: "required", field: `${path}.items.properties[${key}].default`, detail });
  }
}

function metadataStructure(source: JsonObject, path: string, errors: FieldError[]): void {
  const fields = Object.keys((source["properties"] ?? {}) as JsonObject);
  const words = Object.keys(source).filter((word) => word !== "type" && word !== "description");
  const plain = fields.every((field) => field === "name" || field === "generateName");
  if (plain && words.every((word) => word === "properties")) return;
  const detail =
    "must not specify anything other than name and generateName, but metadata is implicitly " +
    "specified";
  errors.push({ type: "forbidden", field: path, detail });
}

function defaults(source: JsonObject, path: string, errors: FieldError[]): void {
  errors.push(...ownDefault(source, `${path}.default`));
  for (const [name, below] of Object.entries((source["properties"] ?? {}) as JsonObject)) {
    if (isJsonObject(below)) defaults(below, `${path}.properties[${name}]`, errors);
  }
  if (isJsonObject(source["additionalProperties"])) {
    defaults(source["additionalProperties"], `${path}.additionalProperties`, errors);
  }
  if (isJsonObject(source["items"])) defaults(source["items"], `${path}.items`, errors);
}

function ownDefault(source: JsonObject, field: string): FieldError[] {
  const value = source["default"];
  if (value === undefined || (value === null && source["nullable"] === true)) return [];
  const schema = compileSchema(source);
  const copy = structuredClone(value);
  const wrapper = { type: "object", properties: { value: schema }, checks: {}, rules: [] } as const;
  if (prune(wrapper, { value: copy }).length > 0) {
    return [{ type: "invalid", field, value, detail: "must not have unknown fields" }];
  }
  const found = validateValue(schema, value, "");
  if (found.length === 0) return defaultProblems(schema, value, field);
  return found.map((error) => {
    const below = error.field === "" ? field : child(field, error.field).replace(".[", "[");
    return { ...error, field: below };
  });
}
