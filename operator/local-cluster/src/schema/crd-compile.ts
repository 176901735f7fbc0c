import { schemaOfModel } from "./builtin-schema.ts";
import type { CompiledKind, PrinterColumn, ScalePaths } from "./compiled-kind.ts";
import { schemaErrors } from "./crd-check.ts";
import { compileSchema, isJsonObject } from "./crd-schema.ts";
import { type FieldError, invalid, unsupported } from "./field-errors.ts";
import { type NameForm, nameProblems } from "./names.ts";
import { openapiOfCrd } from "./openapi.ts";
import { isObject } from "./prune.ts";
import type { Json, JsonObject, Schema } from "./schema.ts";
import { sameJson } from "./values.ts";

const CRD = { group: "apiextensions.k8s.io", kind: "CustomResourceDefinition" };
const COLUMN_TYPES = ["boolean", "date", "integer", "number", "string"];
const FREE_SCHEMA: JsonObject = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

/** See `compileCrd` in kinds.ts. */
export function compileDefinition(crd: unknown): CompiledKind[] {
  const object = isObject(crd) ? crd : {};
  const errors = crdErrors(object);
  const name = metadataName(object);
  if (errors.length > 0) throw invalid(CRD, name, errors);
  const spec = object["spec"] as JsonObject;
  return versionsOf(spec)
    .filter((version) => version["served"] === true)
    .map((version) => compileVersion(spec, version));
}

function metadataName(object: JsonObject): string {
  const metadata = object["metadata"];
  return isObject(metadata) && typeof metadata["name"] === "string" ? metadata["name"] : "";
}

function versionsOf(spec: JsonObject): JsonObject[] {
  return (Array.isArray(spec["versions"]) ? spec["versions"] : []).filter(isObject);
}

/** Errors of a CustomResourceDefinition's spec, in the order of a real server. */
export function crdErrors(crd: JsonObject): FieldError[] {
  const spec = isObject(crd["spec"]) ? crd["spec"] : {};
  const names = isObject(spec["names"]) ? spec["names"] : {};
  const name = metadataName(crd);
  const errors: FieldError[] = [];
  if (name !== `${text(names["plural"])}.${text(spec["group"])}`) {
    const detail = 'must be spec.names.plural+"."+spec.group';
    errors.push({ type: "invalid", field: "metadata.name", value: name, detail });
  }
  const versions = versionsOf(spec);
  for (const [index, version] of versions.entries()) {
    const field = `spec.versions[${index}]`;
    if (!isObject(version["schema"]) || version["schema"]["openAPIV3Schema"] === undefined) {
      errors.push({ type: "required", field: `${field}.schema.openAPIV3Schema` });
    }
    errors.push(...formErrors(version["name"], `${field}.name`, "dns-1035"));
  }
  errors.push(...formErrors(spec["group"], "spec.group", "subdomain"));
  if (spec["scope"] !== "Cluster" && spec["scope"] !== "Namespaced") {
    errors.push(unsupported("spec.scope", spec["scope"] ?? "", ["Cluster", "Namespaced"]));
  }
  errors.push(...storageErrors(versions), ...nameErrors(names));
  if (spec["preserveUnknownFields"] === true) {
    const detail =
      "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in " +
      "spec.versions[*].schema instead";
    errors.push({ type: "invalid", field: "spec.preserveUnknownFields", value: true, detail });
  }
  errors.push(...versionErrors(versions), ...approvalErrors(crd, text(spec["group"])));
  return errors;
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function formErrors(value: Json | undefined, field: string, form: NameForm): FieldError[] {
  const name = text(value);
  if (name === "") return [{ type: "required", field }];
  return nameProblems(name, form).map((detail) => ({
    type: "invalid",
    field,
    value: name,
    detail,
  }));
}

function storageErrors(versions: readonly JsonObject[]): FieldError[] {
  const stored = versions.filter((version) => version["storage"] === true).length;
  if (stored === 1) return [];
  const detail = "must have exactly one version marked as storage version";
  return [
    { type: "invalid", field: "spec.versions", value: [...versions], detail },
    {
      type: "invalid",
      field: "status.storedVersions",
      value: null,
      detail: "must have at least one stored version",
    },
  ];
}

function nameErrors(names: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ["plural", "singular", "kind", "listKind"]) {
    const value = text(names[field]);
    const optional = field === "singular" || field === "listKind";
    if (value === "" && optional) continue;
    errors.push(...formErrors(value.toLowerCase(), `spec.names.${field}`, "dns-1035"));
  }
  return errors;
}

/** Where all versions agree, the server speaks of the spec as a whole. */
function versionErrors(versions: readonly JsonObject[]): FieldError[] {
  const errors: FieldError[] = [];
  const place = (version: number, field: string, together: string) => {
    const first = versions[0]?.[field];
    const same = versions.every((other) => sameJson(other[field], first));
    if (same) return version === 0 ? `spec.${together}` : undefined;
    return `spec.versions[${version}].${field}`;
  };
  for (const [index, version] of versions.entries()) {
    const schema = isObject(version["schema"]) ? version["schema"]["openAPIV3Schema"] : undefined;
    const path = place(index, "schema", "validation");
    if (isJsonObject(schema) && path !== undefined) {
      errors.push(...schemaErrors(schema, `${path}.openAPIV3Schema`));
    }
    const scale = place(index, "subresources", "subresources");
    if (scale !== undefined) errors.push(...scaleErrors(version["subresources"], scale));
    const columns = place(index, "additionalPrinterColumns", "additionalPrinterColumns");
    if (columns !== undefined) {
      errors.push(...columnErrors(version["additionalPrinterColumns"], columns));
    }
  }
  return errors;
}

const PATH_TEXT = "must be a simple json path starting with .";

function scaleErrors(subresources: Json | undefined, path: string): FieldError[] {
  const scale = isObject(subresources) ? subresources["scale"] : undefined;
  if (!isObject(scale)) return [];
  const errors: FieldError[] = [];
  for (const word of ["specReplicasPath", "statusReplicasPath"]) {
    const value = text(scale[word]);
    const field = `${path}.scale.${word}`;
    if (value === "") errors.push({ type: "required", field });
    else if (!value.startsWith(".")) {
      errors.push({ type: "invalid", field, value, detail: PATH_TEXT });
    }
  }
  return errors;
}

function columnErrors(columns: Json | undefined, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, column] of (Array.isArray(columns) ? columns : []).entries()) {
    if (!isObject(column)) continue;
    const field = `${path}[${index}]`;
    if (text(column["name"]) === "") errors.push({ type: "required", field: `${field}.name` });
    if (!COLUMN_TYPES.includes(text(column["type"]))) {
      const detail = `must be one of ${COLUMN_TYPES.join(",")}`;
      const value = column["type"] ?? "";
      errors.push({ type: "invalid", field: `${field}.type`, value, detail });
    }
    if (!text(column["jsonPath"]).startsWith(".")) {
      const value = column["jsonPath"] ?? "";
      errors.push({ type: "invalid", field: `${field}.JSONPath`, value, detail: PATH_TEXT });
    }
  }
  return errors;
}

const APPROVAL = "api-approved.kubernetes.io";

function approvalErrors(crd: JsonObject, group: string): FieldError[] {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(group)) return [];
  const metadata = isObject(crd["metadata"]) ? crd["metadata"] : {};
  const annotations = isObject(metadata["annotations"]) ? metadata["annotations"] : {};
  if (annotations[APPROVAL] !== undefined) return [];
  const detail =
    `protected groups must have approval annotation "${APPROVAL}", see ` +
    "https://github.com/kubernetes/enhancements/pull/1111";
  return [{ type: "required", field: `metadata.annotations[${APPROVAL}]`, detail }];
}

function compileVersion(spec: JsonObject, version: JsonObject): CompiledKind {
  const names = spec["names"] as JsonObject;
  const kind = text(names["kind"]);
  const group = text(spec["group"]);
  const gvk = { group, version: text(version["name"]), kind };
  const source = sourceOf(version);
  const subresources = isObject(version["subresources"]) ? version["subresources"] : {};
  const scale = subresources["scale"];
  const openapi = openapiOfCrd(source, gvk);
  const hidden = (version["additionalPrinterColumns"] ?? []) as unknown as PrinterColumn[];
  return {
    ...gvk,
    listKind: text(names["listKind"]) || `${kind}List`,
    plural: text(names["plural"]),
    singular: text(names["singular"]) || kind.toLowerCase(),
    shortNames: (names["shortNames"] ?? []) as string[],
    categories: (names["categories"] ?? []) as string[],
    namespaced: spec["scope"] === "Namespaced",
    subresources: {
      status: subresources["status"] !== undefined,
      ...(scale === undefined ? {} : { scale: scale as unknown as ScalePaths }),
    },
    columns: hidden,
    openapi,
    openapiName: `${group.split(".").reverse().join(".")}.${gvk.version}.${kind}`,
    builtin: false,
    schema: objectSchema(source),
  };
}

function sourceOf(version: JsonObject): JsonObject {
  const schema = isObject(version["schema"]) ? version["schema"]["openAPIV3Schema"] : undefined;
  return isJsonObject(schema) ? schema : FREE_SCHEMA;
}

/** Adds to a CRD's schema what every object has. */
function objectSchema(source: JsonObject): Schema {
  const schema = compileSchema(source);
  const string: Schema = { type: "string", checks: {}, rules: [] };
  const own = schema.properties ?? {};
  const metadata: Schema = { ...schemaOfModel("V1ObjectMeta"), rules: [] };
  return {
    ...schema,
    properties: { ...own, apiVersion: string, kind: string, metadata },
  };
}
