import { part } from "./builtin-defaults.ts";
import type { FieldError } from "./field-errors.ts";
import { objects } from "./pod-defaults.ts";
import type { Json, JsonObject } from "./schema.ts";
import { sameJson } from "./values.ts";

const IMMUTABLE = "field is immutable when `immutable` is set";
const POD_TEXT =
  "pod updates may not change fields other than `spec.containers[*].image`," +
  "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only " +
  "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set " +
  "to 1 if it was previously negative)";
const CLAIM_TEXT =
  "spec is immutable after creation except resources.requests and volumeAttributesClassName for " +
  "bound claims";

/** What an update of a built-in kind may not change; Go's dump of the difference is left out. */
export function updateErrors(kind: string, object: JsonObject, old: JsonObject): FieldError[] {
  switch (kind) {
    case "Pod":
      return podErrors(part(object, "spec"), part(old, "spec"));
    case "ConfigMap":
    case "Secret":
      return dataErrors(kind, object, old);
    case "Service":
      return addressErrors(part(object, "spec"), part(old, "spec"));
    case "PersistentVolumeClaim":
      return claimErrors(object, old);
    case "Deployment":
      return fixed(object, old, "selector");
    case "RoleBinding":
    case "ClusterRoleBinding": {
      if (sameJson(object["roleRef"], old["roleRef"])) return [];
      const { apiGroup, kind: role, name } = part(object, "roleRef");
      const value: Json = { APIGroup: apiGroup ?? "", Kind: role ?? "", Name: name ?? "" };
      return [{ type: "invalid", field: "roleRef", value, detail: "cannot change roleRef" }];
    }
    default:
      return [];
  }
}

function fixed(object: JsonObject, old: JsonObject, word: string): FieldError[] {
  const value = part(object, "spec")[word];
  if (sameJson(value, part(old, "spec")[word])) return [];
  const detail = "field is immutable";
  return [{ type: "invalid", field: `spec.${word}`, value: value ?? null, detail }];
}

function podErrors(spec: JsonObject, old: JsonObject): FieldError[] {
  for (const list of ["containers", "initContainers"]) {
    if (objects(spec[list]).length === objects(old[list]).length) continue;
    const detail = "pod updates may not add or remove containers";
    return [{ type: "forbidden", field: `spec.${list}`, detail }];
  }
  if (sameJson(fixedPart(spec), fixedPart(old))) return [];
  return [{ type: "forbidden", field: "spec", detail: POD_TEXT }];
}

/** A pod's spec without what an update may change; binding sets the node through `binding`. */
function fixedPart(spec: JsonObject): JsonObject {
  const {
    activeDeadlineSeconds: _deadline,
    tolerations: _tolerations,
    terminationGracePeriodSeconds: _grace,
    serviceAccount: _account,
    ...rest
  } = spec;
  for (const list of ["containers", "initContainers"]) {
    const containers = objects(rest[list]);
    if (containers.length > 0) {
      rest[list] = containers.map(({ image: _image, ...container }) => container);
    }
  }
  return rest;
}

function dataErrors(kind: string, object: JsonObject, old: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  if (kind === "Secret" && !sameJson(object["type"], old["type"])) {
    const value = object["type"] ?? "";
    errors.push({ type: "invalid", field: "type", value, detail: "field is immutable" });
  }
  if (old["immutable"] !== true) return errors;
  for (const field of ["immutable", "data", "binaryData"]) {
    if (!sameJson(object[field], old[field])) {
      errors.push({ type: "forbidden", field, detail: IMMUTABLE });
    }
  }
  return errors;
}

function addressErrors(spec: JsonObject, old: JsonObject): FieldError[] {
  const before = old["clusterIP"];
  if (typeof before !== "string" || before === "" || old["type"] === "ExternalName") return [];
  if (spec["type"] === "ExternalName" || spec["clusterIP"] === before) return [];
  // A list that the update left alone follows the new address.
  const left = sameJson(spec["clusterIPs"], old["clusterIPs"]);
  const value = (left ? undefined : spec["clusterIPs"]) ?? [spec["clusterIP"] ?? ""];
  const detail = "may not change once set";
  return [{ type: "invalid", field: "spec.clusterIPs[0]", value, detail }];
}

/** A bound claim may grow; the volume's name is set by whoever binds it. */
function claimErrors(object: JsonObject, old: JsonObject): FieldError[] {
  const spec = { ...part(object, "spec") };
  const before = { ...part(old, "spec") };
  const binding = before["volumeName"] === undefined || before["volumeName"] === "";
  if (binding) delete spec["volumeName"];
  delete before["volumeName"];
  if (!binding) delete spec["volumeName"];
  const bound = part(old, "status")["phase"] === "Bound";
  for (const claim of bound ? [spec, before] : []) {
    delete claim["resources"];
    delete claim["volumeAttributesClassName"];
  }
  if (before["storageClassName"] === undefined) delete spec["storageClassName"];
  if (sameJson(spec, before)) return [];
  return [{ type: "forbidden", field: "spec", detail: CLAIM_TEXT }];
}
