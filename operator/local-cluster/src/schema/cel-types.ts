import type { Environment } from "@marcbachmann/cel-js";
import { escapeField } from "./cel-source.ts";
import { isObject } from "./prune.ts";
import type { Json, Schema } from "./schema.ts";

type Convert = (value: Json) => unknown;

export interface CelTypes {
  /** CEL type of the node itself. */
  readonly type: string;
  /** JSON to CEL: integers by schema become bigint, structs become instances of their type. */
  readonly convert: Convert;
}

/** Registers the types at and below a schema; each struct is a type with checked fields. */
export function declareTypes(env: Environment, schema: Schema, root: boolean): CelTypes {
  const counter = { next: 0 };
  return declare(env, schema, counter, root || schema.embedded === true);
}

type Declared = CelTypes;

interface Counter {
  next: number;
}

function declare(env: Environment, schema: Schema, counter: Counter, object: boolean): Declared {
  switch (schema.type) {
    case "integer":
      return { type: "int", convert: (value) => toInteger(value) };
    case "number":
      return { type: "double", convert: (value) => value };
    case "boolean":
      return { type: "bool", convert: (value) => value };
    case "string":
      return declareString(schema);
    case "array":
      return declareArray(env, schema, counter);
    case "object":
      return declareObject(env, schema, counter, object);
    case "any":
      return { type: "dyn", convert: byValue };
    default:
      return schema.type satisfies never;
  }
}

function declareString(schema: Schema): Declared {
  if (schema.checks.format === "date-time") {
    const convert: Convert = (value) => new Date(value as string);
    return { type: "google.protobuf.Timestamp", convert };
  }
  return { type: "string", convert: (value) => value };
}

function declareArray(env: Environment, schema: Schema, counter: Counter): Declared {
  if (schema.items === undefined) return { type: "list<dyn>", convert: byValue };
  const items = declare(env, schema.items, counter, schema.items.embedded === true);
  return {
    type: `list<${items.type}>`,
    convert: (value) => (Array.isArray(value) ? value.map(items.convert) : value),
  };
}

function declareObject(
  env: Environment,
  schema: Schema,
  counter: Counter,
  object: boolean,
): Declared {
  if (schema.additional !== undefined) {
    const values = declare(env, schema.additional, counter, false);
    const convert: Convert = (value) =>
      isObject(value)
        ? Object.fromEntries(
            Object.entries(value).map(([key, entry]) => [key, values.convert(entry as Json)]),
          )
        : value;
    return { type: `map<string, ${values.type}>`, convert };
  }
  const properties = schema.properties ?? {};
  if (Object.keys(properties).length === 0 && schema.preserveUnknown === true && !object) {
    return { type: "dyn", convert: byValue };
  }
  return declareStruct(env, object ? { ...properties, ...OBJECT_FIELDS } : properties, counter);
}

const STRING: Schema = { type: "string", checks: {}, rules: [] };
/** What rules at the root of an object may read besides its own fields. */
const OBJECT_FIELDS: Record<string, Schema> = {
  apiVersion: STRING,
  kind: STRING,
  metadata: {
    type: "object",
    properties: { name: STRING, generateName: STRING },
    checks: {},
    rules: [],
  },
};

function declareStruct(
  env: Environment,
  properties: Record<string, Schema>,
  counter: Counter,
): Declared {
  const type = `Struct${counter.next}`;
  counter.next += 1;
  const fields: Record<string, string> = {};
  const converts: [field: string, escaped: string, convert: Convert][] = [];
  for (const [field, below] of Object.entries(properties)) {
    const escaped = escapeField(field);
    if (escaped === undefined) continue;
    const declared = declare(env, below, counter, below.embedded === true);
    fields[escaped] = declared.type;
    converts.push([field, escaped, declared.convert]);
  }
  // One class a type: the library tells types apart by constructor.
  class Struct {}
  env.registerType(type, { ctor: Struct, fields });
  env.registerOperator(`${type} == ${type}`, sameCel);
  const convert: Convert = (value) => {
    if (!isObject(value)) return value;
    const struct = new Struct() as Record<string, unknown>;
    for (const [field, escaped, convertField] of converts) {
      const entry = value[field];
      if (entry !== undefined && entry !== null) struct[escaped] = convertField(entry);
    }
    return struct;
  };
  return { type, convert };
}

function sameCel(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== "object" || typeof right !== "object") return false;
  if (left === null || right === null) return false;
  if (left instanceof Date && right instanceof Date) return left.getTime() === right.getTime();
  const a = left as Record<string, unknown>;
  const b = right as Record<string, unknown>;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => key in b && sameCel(a[key], b[key]))
  );
}

/** Where the schema says nothing, whole numbers are integers, as in decoded JSON there. */
function byValue(value: Json): unknown {
  if (typeof value === "number") return toInteger(value);
  if (Array.isArray(value)) return value.map(byValue);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, byValue(entry as Json)]),
  );
}

function toInteger(value: Json): unknown {
  return typeof value === "number" && Number.isInteger(value) ? BigInt(value) : value;
}
