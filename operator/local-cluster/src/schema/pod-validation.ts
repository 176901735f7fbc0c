import { child, type FieldError, unsupported } from "./field-errors.ts";
import { labelErrors, nameProblems } from "./names.ts";
import { objects } from "./pod-defaults.ts";
import { isObject } from "./prune.ts";
import { parseQuantity } from "./quantity.ts";
import type { Json, JsonObject } from "./schema.ts";

export function required(field: string, detail?: string): FieldError {
  return detail === undefined ? { type: "required", field } : { type: "required", field, detail };
}

export function wrong(field: string, value: Json, detail: string): FieldError {
  return { type: "invalid", field, value, detail };
}

export const RANGE_TEXT = "must be between 1 and 65535, inclusive";

export function isPort(value: Json | undefined): boolean {
  return typeof value === "number" && value >= 1 && value <= 65_535;
}

/** Errors of a pod's spec, or of a template's. */
export function podSpecErrors(spec: JsonObject, path: string): FieldError[] {
  const volumes = objects(spec["volumes"]);
  const errors = volumeErrors(volumes, child(path, "volumes"));
  const names = new Set(volumes.map((volume) => volume["name"]));
  const containers = objects(spec["containers"]);
  if (containers.length === 0) errors.push(required(child(path, "containers")));
  for (const list of ["containers", "initContainers"]) {
    const seen = new Set<Json | undefined>();
    for (const [index, container] of objects(spec[list]).entries()) {
      const field = `${child(path, list)}[${index}]`;
      errors.push(...containerErrors(container, field, names));
      const name = container["name"];
      if (name !== undefined && seen.has(name)) {
        errors.push({ type: "duplicate", field: `${field}.name`, value: name });
      }
      seen.add(name);
    }
  }
  oneOf(spec["restartPolicy"], ["Always", "OnFailure", "Never"], `${path}.restartPolicy`, errors);
  const dns = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
  oneOf(spec["dnsPolicy"], dns, `${path}.dnsPolicy`, errors);
  errors.push(...labelErrors(spec["nodeSelector"], `${path}.nodeSelector`));
  return errors;
}

export function oneOf(
  value: Json | undefined,
  allowed: readonly string[],
  field: string,
  errors: FieldError[],
): void {
  if (value === undefined || (typeof value === "string" && allowed.includes(value))) return;
  errors.push(unsupported(field, value, allowed));
}

function volumeErrors(volumes: readonly JsonObject[], path: string): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<Json>();
  for (const [index, volume] of volumes.entries()) {
    const field = `${path}[${index}]`;
    const name = volume["name"];
    const sources = Object.keys(volume).filter((word) => word !== "name");
    // In the order in which the server looks at the types.
    sources.sort((left, right) => SOURCES.indexOf(left) - SOURCES.indexOf(right));
    for (const source of sources.slice(1)) {
      const detail = "may not specify more than 1 volume type";
      errors.push({ type: "forbidden", field: `${field}.${source}`, detail });
    }
    for (const source of ["secret", "configMap", "downwardAPI"]) {
      errors.push(...itemErrors(volume[source], `${field}.${source}`));
    }
    if (typeof name !== "string" || name === "") errors.push(required(`${field}.name`));
    else {
      for (const detail of nameProblems(name, "label")) {
        errors.push(wrong(`${field}.name`, name, detail));
      }
      if (seen.has(name)) errors.push({ type: "duplicate", field: `${field}.name`, value: name });
      seen.add(name);
    }
  }
  return errors;
}

const SOURCES = [
  "emptyDir",
  "hostPath",
  "secret",
  "persistentVolumeClaim",
  "configMap",
  "projected",
];

function containerErrors(
  container: JsonObject,
  path: string,
  volumes: ReadonlySet<Json | undefined>,
): FieldError[] {
  const errors: FieldError[] = [];
  const { name, image } = container;
  if (typeof name !== "string" || name === "") errors.push(required(`${path}.name`));
  else {
    for (const detail of nameProblems(name, "label")) {
      errors.push(wrong(`${path}.name`, name, detail));
    }
  }
  if (typeof image !== "string" || image === "") errors.push(required(`${path}.image`));
  oneOf(
    container["imagePullPolicy"],
    ["Always", "IfNotPresent", "Never"],
    `${path}.imagePullPolicy`,
    errors,
  );
  errors.push(...portErrors(objects(container["ports"]), `${path}.ports`));
  errors.push(...variableErrors(objects(container["env"]), `${path}.env`));
  errors.push(...mountErrors(objects(container["volumeMounts"]), `${path}.volumeMounts`, volumes));
  for (const word of ["livenessProbe", "readinessProbe", "startupProbe"]) {
    const probe = container[word];
    if (isObject(probe)) errors.push(...probeErrors(probe, `${path}.${word}`, word));
  }
  if (isObject(container["resources"])) {
    errors.push(...resourceErrors(container["resources"], `${path}.resources`));
  }
  return errors;
}

function portErrors(ports: readonly JsonObject[], path: string): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<Json>();
  for (const [index, port] of ports.entries()) {
    const field = `${path}[${index}]`;
    const { name, containerPort } = port;
    if (typeof name === "string" && name !== "") {
      const problems = portNameProblems(name);
      for (const detail of problems) errors.push(wrong(`${field}.name`, name, detail));
      if (names.has(name)) errors.push({ type: "duplicate", field: `${field}.name`, value: name });
      names.add(name);
    }
    if (containerPort === undefined || containerPort === 0) {
      errors.push(required(`${field}.containerPort`));
    } else if (!isPort(containerPort)) {
      errors.push(wrong(`${field}.containerPort`, containerPort, RANGE_TEXT));
    }
    oneOf(port["protocol"], ["SCTP", "TCP", "UDP"], `${field}.protocol`, errors);
  }
  return errors;
}

export function portNameProblems(name: string): string[] {
  const problems: string[] = [];
  if (name.length > 15) problems.push("must be no more than 15 characters");
  if (!/^[-a-z0-9]+$/i.test(name)) {
    problems.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (!/[a-z]/.test(name)) problems.push("must contain at least one letter (a-z)");
  if (name.includes("--")) problems.push("must not contain consecutive hyphens");
  if (/^-|-$/.test(name)) problems.push("must not begin or end with a hyphen");
  return problems;
}

const FIELD_PATHS = new RegExp(
  "^(metadata\\.(name|namespace|uid|annotations|labels)(\\['[^']+'\\])?|" +
    "spec\\.(nodeName|serviceAccountName)|status\\.(hostIPs?|podIPs?))$",
);

function variableErrors(variables: readonly JsonObject[], path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, variable] of variables.entries()) {
    const field = `${path}[${index}]`;
    const name = variable["name"];
    if (typeof name !== "string" || name === "") errors.push(required(`${field}.name`));
    const from = variable["valueFrom"];
    if (!isObject(from)) continue;
    if (typeof variable["value"] === "string" && variable["value"] !== "") {
      const detail = "may not be specified when `value` is not empty";
      errors.push(wrong(`${field}.valueFrom`, "", detail));
    }
    const reference = from["fieldRef"];
    const place = isObject(reference) ? reference["fieldPath"] : undefined;
    if (typeof place === "string" && !FIELD_PATHS.test(place)) {
      const detail = `error converting fieldPath: field label not supported: ${place}`;
      errors.push(wrong(`${field}.valueFrom.fieldRef.fieldPath`, place, detail));
    }
  }
  return errors;
}

function mountErrors(
  mounts: readonly JsonObject[],
  path: string,
  volumes: ReadonlySet<Json | undefined>,
): FieldError[] {
  const errors: FieldError[] = [];
  const paths = new Set<Json | undefined>();
  for (const [index, mount] of mounts.entries()) {
    const field = `${path}[${index}]`;
    const { name = "", mountPath = "" } = mount;
    if (name === "") errors.push(required(`${field}.name`));
    else if (!volumes.has(name)) {
      errors.push({ type: "not-found", field: `${field}.name`, value: name });
    }
    if (mountPath === "") errors.push(required(`${field}.mountPath`));
    else if (paths.has(mountPath)) {
      errors.push(wrong(`${field}.mountPath`, mountPath, "must be unique"));
    }
    paths.add(mountPath);
    const { subPath, subPathExpr } = mount;
    errors.push(...descendingPathErrors(subPath, `${field}.subPath`));
    if (typeof subPathExpr === "string" && subPathExpr !== "") {
      if (typeof subPath === "string" && subPath !== "") {
        const detail = "subPathExpr and subPath are mutually exclusive";
        errors.push(wrong(`${field}.subPathExpr`, subPathExpr, detail));
      }
      errors.push(...descendingPathErrors(subPathExpr, `${field}.subPathExpr`));
    }
  }
  return errors;
}

/** A path that stays where it begins. */
function descendingPathErrors(path: Json | undefined, field: string): FieldError[] {
  if (typeof path !== "string") return [];
  const errors: FieldError[] = [];
  if (path.startsWith("/")) errors.push(wrong(field, path, "must be a relative path"));
  if (path.split("/").includes("..")) errors.push(wrong(field, path, "must not contain '..'"));
  return errors;
}

/** Paths of a volume's files: those that begin with two dots are the kubelet's own. */
function itemErrors(source: Json | undefined, field: string): FieldError[] {
  if (!isObject(source)) return [];
  return objects(source["items"]).flatMap((item, index) => {
    const place = `${field}.items[${index}].path`;
    const path = item["path"];
    if (path === undefined || path === "") return [required(place)];
    const errors = descendingPathErrors(path, place);
    const reserved = typeof path === "string" && path.startsWith("..");
    if (errors.length > 0 || !reserved) return errors;
    return [wrong(place, path, "must not start with '..'")];
  });
}

const HANDLERS = ["exec", "httpGet", "tcpSocket", "grpc"];
const COUNTS = [
  "initialDelaySeconds",
  "timeoutSeconds",
  "periodSeconds",
  "successThreshold",
  "failureThreshold",
];

function probeErrors(probe: JsonObject, path: string, word: string): FieldError[] {
  const errors: FieldError[] = [];
  const handlers = HANDLERS.filter((handler) => probe[handler] !== undefined);
  if (handlers.length === 0) errors.push(required(path, "must specify a handler type"));
  for (const handler of handlers.slice(1)) {
    const detail = "may not specify more than 1 handler type";
    errors.push({ type: "forbidden", field: `${path}.${handler}`, detail });
  }
  for (const count of COUNTS) {
    const value = probe[count];
    if (typeof value === "number" && value < 0) {
      errors.push(wrong(`${path}.${count}`, value, "must be greater than or equal to 0"));
    }
  }
  const threshold = probe["successThreshold"];
  if (word !== "readinessProbe" && threshold !== undefined && threshold !== 1) {
    errors.push(wrong(`${path}.successThreshold`, threshold, "must be 1"));
  }
  return errors;
}

function resourceErrors(resources: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const limits = isObject(resources["limits"]) ? resources["limits"] : {};
  const requests = isObject(resources["requests"]) ? resources["requests"] : {};
  for (const [name, request] of Object.entries(requests)) {
    const limit = limits[name];
    if (limit === undefined || request === undefined) continue;
    const asked = parseQuantity(`${request}`);
    const most = parseQuantity(`${limit}`);
    if (asked === undefined || most === undefined || asked.compareTo(most) <= 0) continue;
    const detail = `must be less than or equal to ${name} limit of ${limit}`;
    errors.push(wrong(`${path}.requests`, request, detail));
  }
  return errors;
}
