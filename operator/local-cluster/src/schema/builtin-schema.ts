// The deep path leaves out the client itself: 35 MB and a quarter second instead of 140 MB.
import * as models from "@kubernetes/client-node/dist/gen/models/all.js";
import { TYPE_MARKERS } from "./builtin-markers.ts";
import type { ListType, Schema } from "./schema.ts";

interface Attribute {
  readonly baseName: string;
  readonly type: string;
  readonly format: string;
}

const PORTS = new Set(["V1ContainerPort", "V1ServicePort"]);

const compiled = new Map<string, Schema>();

/** The structural schema of one model class, e.g. `V1Pod`; shared and cyclic where the type is. */
export function schemaOfModel(model: string): Schema {
  const known = compiled.get(model);
  if (known !== undefined) return known;
  const attributes = attributesOf(model);
  const markers = TYPE_MARKERS[model];
  const properties: Record<string, Schema> = {};
  const schema: Schema = {
    type: "object",
    properties,
    checks: markers?.required === undefined ? {} : { required: markers.required.split(" ") },
    rules: [],
    openapiName: openapiNameOf(model),
  };
  if (markers?.atomic === true) schema.atomicMap = true;
  compiled.set(model, schema);
  for (const attribute of attributes) {
    const words = markers?.fields?.[attribute.baseName]?.split(" ") ?? [];
    const field = fieldSchema(attribute, words);
    // The one key of a list map that is defaulted: ports are told apart with it left out.
    if (PORTS.has(model) && attribute.baseName === "protocol") field.default = "TCP";
    properties[attribute.baseName] = field;
  }
  return schema;
}

function attributesOf(model: string): readonly Attribute[] {
  const found = (models as Record<string, unknown>)[model];
  if (typeof found !== "function" || !("attributeTypeMap" in found)) {
    throw new Error(`the client has no model class ${model}`);
  }
  return found.attributeTypeMap as readonly Attribute[];
}

function fieldSchema(attribute: Attribute, words: readonly string[]): Schema {
  const schema = typeSchema(attribute.type, attribute.format, words.includes("quantity"));
  for (const word of words) applyWord(schema, word);
  // A list without a mark is owned whole, as structured-merge-diff has it.
  if (schema.type === "array") schema.listType ??= "atomic";
  return schema;
}

function applyWord(schema: Schema, word: string): void {
  const [name = "", argument] = word.replace(")", "").split("(");
  const strategies = schema.patchStrategy ?? [];
  switch (name) {
    case "map":
      schema.mapKeys = argument?.split(",") ?? [];
      schema.listType = "map";
      return;
    case "set":
    case "atomic":
      schema.listType = name as ListType;
      return;
    case "atomic-map":
      schema.atomicMap = true;
      return;
    case "merge":
      schema.patchStrategy = [...strategies, "merge"];
      if (argument !== undefined) schema.patchMergeKey = argument;
      return;
    case "retainKeys":
    case "replace":
      schema.patchStrategy = [...strategies, name];
      return;
    default:
      return;
  }
}

function typeSchema(type: string, format: string, quantity: boolean): Schema {
  const list = /^Array<(.*)>$/.exec(type)?.[1];
  if (list !== undefined) {
    return { type: "array", items: typeSchema(list, "", quantity), checks: {}, rules: [] };
  }
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1];
  if (map !== undefined) {
    const additional = typeSchema(map, format, quantity);
    if (format === "byte") additional.checks = { format };
    return { type: "object", additional, checks: {}, rules: [] };
  }
  if (quantity) return { type: "string", quantity: true, checks: {}, rules: [] };
  const scalar = scalarSchema(type, format);
  // A copy: marks of one field must not reach another field of the same type.
  return scalar ?? { ...schemaOfModel(type), checks: schemaOfModel(type).checks };
}

function scalarSchema(type: string, format: string): Schema | undefined {
  const checks = format === "" ? {} : { format };
  switch (type) {
    case "string":
      return { type: "string", checks, rules: [] };
    case "boolean":
      return { type: "boolean", checks: {}, rules: [] };
    case "number":
      return { type: format.startsWith("int") ? "integer" : "number", checks, rules: [] };
    case "Date":
      return { type: "string", checks: { format: "date-time" }, rules: [] };
    case "V1MicroTime":
      return { type: "string", checks: { format: "micro-time" }, rules: [] };
    case "IntOrString":
      return { type: "any", intOrString: true, checks: {}, rules: [] };
    case "any":
    case "object":
      return { type: "any", preserveUnknown: true, checks: {}, rules: [] };
    default:
      return undefined;
  }
}

const META_TYPES = new Set(
  "V1ObjectMeta V1OwnerReference V1ManagedFieldsEntry V1LabelSelector V1Condition V1ListMeta"
    .concat(" V1LabelSelectorRequirement")
    .split(" "),
);

function openapiNameOf(model: string): string {
  const name = model.replace(/^(Core|Events|Discovery|Rbac|Apiextensions|Storage)?V1/, "");
  if (META_TYPES.has(model)) return `io.k8s.apimachinery.pkg.apis.meta.v1.${name}`;
  const group = /^(Events|Discovery|Rbac|Storage)V1/.exec(model)?.[1]?.toLowerCase() ?? "core";
  return `io.k8s.api.${group}.v1.${name}`;
}
