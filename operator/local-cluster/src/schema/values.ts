import { RE2JS } from "@bufbuild/re2";
import { child, type FieldError, unsupported } from "./field-errors.ts";
import { isFormat } from "./formats.ts";
import { isObject } from "./prune.ts";
import type { Json, JsonObject, Schema, ValueChecks } from "./schema.ts";

/** Errors of a value against its schema, worded as go-openapi and apiextensions word them. */
export function validateValue(schema: Schema, value: Json, path: string): FieldError[] {
  const errors: FieldError[] = [];
  walk(schema, value, path, errors);
  return errors;
}

function walk(schema: Schema, value: Json, path: string, errors: FieldError[]): void {
  if (value === null && schema.nullable === true) return;
  const wrong = wrongType(schema, value);
  if (wrong !== undefined) {
    const name = typeName(value);
    const detail = `${path} in body must be of type ${wrong}: "${name}"`;
    errors.push({ type: "type", field: path, value: name, detail });
    return;
  }
  checkValue(schema.checks, value, path, errors);
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      if (schema.items !== undefined) walk(schema.items, item, `${path}[${index}]`, errors);
    }
  } else if (isObject(value)) {
    if (schema.embedded === true) checkEmbedded(value, path, errors);
    for (const field of Object.keys(value).sort()) {
      const below = schema.properties?.[field] ?? schema.additional;
      const entry = value[field];
      if (below !== undefined && entry !== undefined)
        walk(below, entry, child(path, field), errors);
    }
  }
}

function checkEmbedded(value: JsonObject, path: string, errors: FieldError[]): void {
  for (const field of ["apiVersion", "kind"]) {
    if (typeof value[field] !== "string" || value[field] === "") {
      errors.push({ type: "required", field: child(path, field) });
    }
  }
}

function wrongType(schema: Schema, value: Json): string | undefined {
  if (schema.intOrString === true) {
    const fits = typeof value === "string" || Number.isInteger(value);
    return fits ? undefined : "integer,string";
  }
  switch (schema.type) {
    case "any":
      return undefined;
    case "integer":
      return Number.isInteger(value) ? undefined : "integer";
    case "number":
      return typeof value === "number" ? undefined : "number";
    default:
      return typeName(value) === schema.type ? undefined : schema.type;
  }
}

export function typeName(value: Json): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function checkValue(checks: ValueChecks, value: Json, path: string, errors: FieldError[]): void {
  if (checks.enum !== undefined && !checks.enum.some((entry) => sameJson(entry, value))) {
    errors.push(unsupported(path, value, checks.enum));
  }
  if (typeof value === "number") checkNumber(checks, value, path, errors);
  else if (typeof value === "string") checkString(checks, value, path, errors);
  else if (Array.isArray(value)) checkArray(checks, value, path, errors);
  else if (isObject(value)) checkObject(checks, value, path, errors);
  checkJunctors(checks, value, path, errors);
}

function checkNumber(checks: ValueChecks, value: number, path: string, out: FieldError[]): void {
  const say = (text: string) =>
    out.push({ type: "invalid", field: path, value, detail: `${path} in body should be ${text}` });
  const { minimum, maximum, multipleOf } = checks;
  if (maximum !== undefined) {
    if (checks.exclusiveMaximum === true && value >= maximum) say(`less than ${maximum}`);
    else if (value > maximum) say(`less than or equal to ${maximum}`);
  }
  if (minimum !== undefined) {
    if (checks.exclusiveMinimum === true && value <= minimum) say(`greater than ${minimum}`);
    else if (value < minimum) say(`greater than or equal to ${minimum}`);
  }
  if (multipleOf !== undefined && !isMultiple(value, multipleOf)) {
    say(`a multiple of ${multipleOf}`);
  }
}

function isMultiple(value: number, factor: number): boolean {
  const ratio = value / factor;
  return Math.abs(ratio - Math.round(ratio)) < 1e-9;
}

function checkString(checks: ValueChecks, value: string, path: string, out: FieldError[]): void {
  const say = (text: string) =>
    out.push({ type: "invalid", field: path, value, detail: `${path} in body should ${text}` });
  const length = [...value].length;
  if (checks.maxLength !== undefined && length > checks.maxLength) {
    const detail = `may not be more than ${checks.maxLength} bytes`;
    out.push({ type: "too-long", field: path, detail });
  }
  if (checks.minLength !== undefined && length < checks.minLength) {
    say(`be at least ${checks.minLength} chars long`);
  }
  if (checks.pattern !== undefined && !matches(checks.pattern, value)) {
    say(`match '${checks.pattern}'`);
  }
  if (checks.format !== undefined && !isFormat(checks.format, value)) {
    const detail = `${path} in body must be of type ${checks.format}: ${JSON.stringify(value)}`;
    out.push({ type: "type", field: path, value, detail });
  }
}

const patterns = new Map<string, RE2JS>();

/** Unanchored RE2 search: linear in the text, unlike JavaScript's own expressions. */
export function matches(pattern: string, text: string): boolean {
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    compiled = RE2JS.compile(pattern);
    if (patterns.size < 1000) patterns.set(pattern, compiled);
  }
  return compiled.test(text);
}

function checkArray(checks: ValueChecks, value: Json[], path: string, out: FieldError[]): void {
  const { minItems, maxItems } = checks;
  if (minItems !== undefined && value.length < minItems) {
    const detail = `${path} in body should have at least ${minItems} items`;
    out.push({ type: "invalid", field: path, value: value.length, detail });
  }
  if (maxItems !== undefined && value.length > maxItems) tooMany(value.length, maxItems, path, out);
  if (checks.items === undefined) return;
  for (const [index, item] of value.entries()) {
    checkValue(checks.items, item, `${path}[${index}]`, out);
  }
}

function tooMany(count: number, most: number, path: string, out: FieldError[]): void {
  const detail = `must have at most ${most} items`;
  out.push({ type: "too-many", field: path, value: count, detail });
}

function checkObject(
  checks: ValueChecks,
  value: JsonObject,
  path: string,
  out: FieldError[],
): void {
  const count = Object.keys(value).length;
  if (checks.minProperties !== undefined && count < checks.minProperties) {
    const detail = `${path} in body should have at least ${checks.minProperties} properties`;
    out.push({ type: "invalid", field: path, value: count, detail });
  }
  if (checks.maxProperties !== undefined && count > checks.maxProperties) {
    tooMany(count, checks.maxProperties, path, out);
  }
  for (const field of checks.required ?? []) {
    if (value[field] === undefined) out.push({ type: "required", field: child(path, field) });
  }
  for (const [field, below] of Object.entries(checks.properties ?? {})) {
    const entry = value[field];
    if (entry !== undefined) checkValue(below, entry, child(path, field), out);
  }
  if (checks.additional === undefined) return;
  for (const [field, entry] of Object.entries(value)) {
    if (entry !== undefined) checkValue(checks.additional, entry, child(path, field), out);
  }
}

function checkJunctors(checks: ValueChecks, value: Json, path: string, out: FieldError[]): void {
  const { allOf, anyOf, oneOf, not } = checks;
  const say = (text: string) =>
    out.push({ type: "invalid", field: "<nil>", value: "", detail: `"${path}" must ${text}` });
  for (const branch of allOf ?? []) {
    const before = out.length;
    checkValue(branch, value, path, out);
    if (out.length > before) say("validate all the schemas (allOf)");
  }
  if (anyOf !== undefined) {
    const found = anyOf.map((branch) => errorsOf(branch, value, path));
    if (!found.some((errors) => errors.length === 0)) {
      say("validate at least one schema (anyOf)");
      out.push(...(found[0] ?? []));
    }
  }
  if (oneOf !== undefined) {
    const found = oneOf.map((branch) => errorsOf(branch, value, path));
    const valid = found.filter((errors) => errors.length === 0).length;
    if (valid === 0) {
      say("validate one and only one schema (oneOf). Found none valid");
      out.push(...(found[0] ?? []));
    } else if (valid > 1) {
      say(`validate one and only one schema (oneOf). Found ${valid} valid alternatives`);
    }
  }
  if (not !== undefined && errorsOf(not, value, path).length === 0) {
    say("not validate the schema (not)");
  }
}

function errorsOf(checks: ValueChecks, value: Json, path: string): FieldError[] {
  const errors: FieldError[] = [];
  checkValue(checks, value, path, errors);
  return errors;
}

/** Duplicates in lists that are sets or maps, over the whole value. */
export function duplicates(schema: Schema, value: Json, path: string): FieldError[] {
  const errors: FieldError[] = [];
  walkLists(schema, value, path, errors);
  return errors;
}

function walkLists(schema: Schema, value: Json, path: string, errors: FieldError[]): void {
  if (Array.isArray(value)) {
    duplicateItems(schema, value, path, errors);
    for (const [index, item] of value.entries()) {
      if (schema.items !== undefined) walkLists(schema.items, item, `${path}[${index}]`, errors);
    }
  } else if (isObject(value)) {
    for (const field of Object.keys(value).sort()) {
      const below = schema.properties?.[field] ?? schema.additional;
      const entry = value[field];
      if (below !== undefined && entry !== undefined) {
        walkLists(below, entry, child(path, field), errors);
      }
    }
  }
}

function duplicateItems(schema: Schema, list: Json[], path: string, errors: FieldError[]): void {
  const seen = new Set<string>();
  for (const [index, item] of list.entries()) {
    const identity = itemIdentity(schema, item);
    if (identity === undefined) continue;
    const text = JSON.stringify(identity);
    if (seen.has(text)) {
      errors.push({ type: "duplicate", field: `${path}[${index}]`, value: identity });
    }
    seen.add(text);
  }
}

function itemIdentity(schema: Schema, item: Json): Json | undefined {
  if (schema.listType === "set") return item;
  if (schema.listType !== "map" || !isObject(item)) return undefined;
  const keys: JsonObject = {};
  for (const key of [...(schema.mapKeys ?? [])].sort()) {
    if (item[key] !== undefined) keys[key] = item[key];
  }
  return keys;
}

/** Equality of JSON values; the order of fields does not count. */
export function sameJson(left: Json | undefined, right: Json | undefined): boolean {
  if (left === right) return true;
  if (Array.isArray(left)) {
    return (
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((item, index) => sameJson(item, right[index]))
    );
  }
  if (!isObject(left) || !isObject(right)) return false;
  const fields = Object.keys(left).filter((field) => left[field] !== undefined);
  const others = Object.keys(right).filter((field) => right[field] !== undefined);
  return (
    fields.length === others.length && fields.every((field) => sameJson(left[field], right[field]))
  );
}
