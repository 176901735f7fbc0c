import { part } from "./builtin-defaults.ts";
import { crdErrors } from "./crd-compile.ts";
import { type FieldError, unsupported } from "./field-errors.ts";
import type { CompiledKind } from "./kinds.ts";
import { labelErrors, metadataErrors, type NameForm, plainFinalizerErrors } from "./names.ts";
import { objects } from "./pod-defaults.ts";
import {
  isPort,
  oneOf,
  podSpecErrors,
  portNameProblems,
  RANGE_TEXT,
  required,
  wrong,
} from "./pod-validation.ts";
import { isObject } from "./prune.ts";
import { parseQuantity } from "./quantity.ts";
import type { Json, JsonObject } from "./schema.ts";
import { updateErrors } from "./update-validation.ts";

export interface Judged {
  readonly object: JsonObject;
  readonly old: JsonObject | undefined;
  readonly subresource: "status" | "scale" | undefined;
}

const NAME_FORMS: Readonly<Record<string, NameForm>> = {
  Service: "dns-1035",
  Namespace: "label",
  Role: "path-segment",
  RoleBinding: "path-segment",
  ClusterRole: "path-segment",
  ClusterRoleBinding: "path-segment",
};

/** The usual mistakes in a built-in kind, as the API server words them. */
export function validateBuiltin(kind: CompiledKind, judged: Judged): FieldError[] {
  const { object, old } = judged;
  const nameForm = NAME_FORMS[kind.kind] ?? "subdomain";
  const metadata = object["metadata"] as JsonObject;
  const errors = namedErrors(kind, metadata, nameForm);
  if (judged.subresource === "status") return errors;
  if (old !== undefined) errors.push(...updateErrors(kind.kind, object, old));
  const check = CHECKS[kind.kind];
  if (check !== undefined) errors.push(...check(object));
  return errors;
}

function namedErrors(kind: CompiledKind, metadata: JsonObject, nameForm: NameForm): FieldError[] {
  const errors = metadataErrors(metadata, { namespaced: kind.namespaced, nameForm });
  // CustomResourceDefinitions are judged by another server inside the server.
  const advised = kind.group === "apiextensions.k8s.io";
  return advised ? errors : [...errors, ...plainFinalizerErrors(metadata["finalizers"])];
}

const CHECKS: Readonly<Record<string, (object: JsonObject) => FieldError[]>> = {
  Pod: (object) => podSpecErrors(part(object, "spec"), "spec"),
  Service: serviceErrors,
  ConfigMap: (object) => [...dataErrors(object, "data"), ...dataErrors(object, "binaryData")],
  Secret: secretErrors,
  PersistentVolumeClaim: claimErrors,
  PersistentVolume: (object) => {
    const known = ["hostPath", "local", "nfs", "csi"];
    const found = known.some((source) => part(object, "spec")[source] !== undefined);
    return found ? [] : [required("spec", "must specify a volume type")];
  },
  Deployment: deploymentErrors,
  PodDisruptionBudget: budgetErrors,
  Lease: leaseErrors,
  Role: ruleErrors,
  ClusterRole: ruleErrors,
  Event: eventErrors,
  CustomResourceDefinition: crdErrors,
  StorageClass: (object) => (object["provisioner"] === undefined ? [required("provisioner")] : []),
};

function serviceErrors(object: JsonObject): FieldError[] {
  const spec = part(object, "spec");
  const errors: FieldError[] = [];
  const ports = objects(spec["ports"]);
  const headless = spec["clusterIP"] === "None";
  if (ports.length === 0 && !headless && spec["type"] !== "ExternalName") {
    errors.push(required("spec.ports"));
  }
  const names = new Set<Json>();
  for (const [index, port] of ports.entries()) {
    errors.push(...servicePortErrors(port, `spec.ports[${index}]`, ports.length > 1, names));
  }
  errors.push(...labelErrors(spec["selector"], "spec.selector"));
  const types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
  oneOf(spec["type"], types, "spec.type", errors);
  errors.push(...samePorts(ports));
  const address = spec["clusterIP"];
  const plain = /^\d{1,3}(\.\d{1,3}){3}$|:/;
  if (typeof address === "string" && address !== "" && !headless && !plain.test(address)) {
    const detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    errors.push(wrong("spec.clusterIPs[0]", address, detail));
  }
  return errors;
}

function servicePortErrors(
  port: JsonObject,
  field: string,
  several: boolean,
  names: Set<Json>,
): FieldError[] {
  const errors: FieldError[] = [];
  const { name, targetPort } = port;
  if (name === undefined || name === "") {
    if (several) errors.push(required(`${field}.name`));
  } else {
    if (names.has(name)) errors.push({ type: "duplicate", field: `${field}.name`, value: name });
    names.add(name);
  }
  const number = port["port"] ?? 0;
  if (!isPort(number)) errors.push(wrong(`${field}.port`, number, RANGE_TEXT));
  oneOf(port["protocol"], ["SCTP", "TCP", "UDP"], `${field}.protocol`, errors);
  if (typeof targetPort === "number" && !isPort(targetPort)) {
    errors.push(wrong(`${field}.targetPort`, targetPort, RANGE_TEXT));
  } else if (typeof targetPort === "string") {
    for (const detail of portNameProblems(targetPort)) {
      errors.push(wrong(`${field}.targetPort`, targetPort, detail));
    }
  }
  return errors;
}

function samePorts(ports: readonly JsonObject[]): FieldError[] {
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  for (const [index, port] of ports.entries()) {
    const key = `${port["protocol"]} ${port["port"]}`;
    if (seen.has(key)) {
      const value: Json = {
        Name: "",
        Protocol: port["protocol"] ?? "TCP",
        AppProtocol: null,
        Port: port["port"] ?? 0,
        TargetPort: 0,
        NodePort: 0,
      };
      errors.push({ type: "duplicate", field: `spec.ports[${index}]`, value });
    }
    seen.add(key);
  }
  return errors;
}

const KEY_TEXT =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. " +
  "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const DATA_BYTES = 1024 * 1024;

function dataErrors(object: JsonObject, field: string): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(part(object, field))) {
    const place = `${field}[${key}]`;
    if (!/^[-._a-zA-Z0-9]+$/.test(key)) errors.push(wrong(place, key, KEY_TEXT));
    for (const detail of dotProblems(key)) errors.push(wrong(place, key, detail));
    if (field === "data" && part(object, "binaryData")[key] !== undefined) {
      errors.push(wrong(place, key, "duplicate of key present in binaryData"));
    }
    bytes += `${value}`.length;
  }
  if (bytes > DATA_BYTES) {
    errors.push({
      type: "too-long",
      field: "",
      detail: `may not be more than ${DATA_BYTES} bytes`,
    });
  }
  return errors;
}

/** Keys become names of files beside the kubelet's own, which begin with two dots. */
function dotProblems(key: string): string[] {
  if (key === "." || key === "..") return [`must not be '${key}'`];
  return key.startsWith("..") ? ["must not start with '..'"] : [];
}

function secretErrors(object: JsonObject): FieldError[] {
  const errors = dataErrors(object, "data");
  if (object["type"] !== "kubernetes.io/tls") return errors;
  for (const key of ["tls.crt", "tls.key"]) {
    if (part(object, "data")[key] === undefined) errors.push(required(`data[${key}]`));
  }
  return errors;
}

function claimErrors(object: JsonObject): FieldError[] {
  const spec = part(object, "spec");
  const errors: FieldError[] = [];
  const modes = Array.isArray(spec["accessModes"]) ? spec["accessModes"] : [];
  if (modes.length === 0) {
    errors.push(required("spec.accessModes", "at least 1 access mode is required"));
  }
  const allowed = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
  for (const mode of modes) oneOf(mode, allowed, "spec.accessModes", errors);
  const storage = part(part(spec, "resources"), "requests")["storage"];
  const field = "spec.resources[storage]";
  if (storage === undefined) errors.push(required(field));
  else if ((parseQuantity(`${storage}`)?.nanos ?? 0n) <= 0n) {
    errors.push(wrong(field, storage, "must be greater than zero"));
  }
  return errors;
}

function deploymentErrors(object: JsonObject): FieldError[] {
  const spec = part(object, "spec");
  const errors: FieldError[] = [];
  const { selector, replicas, strategy } = spec;
  if (typeof replicas === "number" && replicas < 0) {
    errors.push(wrong("spec.replicas", replicas, "must be greater than or equal to 0"));
  }
  if (selector === undefined) errors.push(required("spec.selector"));
  else if (isObject(selector) && Object.keys(selector).length === 0) {
    errors.push(wrong("spec.selector", selector, "empty selector is invalid for deployment"));
  }
  if (isObject(strategy) && strategy["type"] === "Recreate" && strategy["rollingUpdate"]) {
    const detail = "may not be specified when strategy `type` is 'Recreate'";
    errors.push({ type: "forbidden", field: "spec.strategy.rollingUpdate", detail });
  }
  const template = part(spec, "template");
  const labels = part(template, "metadata")["labels"];
  const wanted = isObject(selector) ? part(selector, "matchLabels") : {};
  const fits = Object.entries(wanted).every(
    ([key, value]) => isObject(labels) && labels[key] === value,
  );
  if (selector === undefined || !fits) {
    const detail = "`selector` does not match template `labels`";
    errors.push(wrong("spec.template.metadata.labels", labels ?? null, detail));
  }
  const podSpec = part(template, "spec");
  const policy = podSpec["restartPolicy"];
  errors.push(...podSpecErrors(podSpec, "spec.template.spec"));
  if (policy !== undefined && policy !== "Always") {
    errors.push(unsupported("spec.template.spec.restartPolicy", policy, ["Always"]));
  }
  return errors;
}

function budgetErrors(object: JsonObject): FieldError[] {
  const spec = part(object, "spec");
  const { minAvailable, maxUnavailable } = spec;
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    const value: Json = {
      MinAvailable: minAvailable,
      Selector: spec["selector"] ?? null,
      MaxUnavailable: maxUnavailable,
      UnhealthyPodEvictionPolicy: spec["unhealthyPodEvictionPolicy"] ?? null,
    };
    return [wrong("spec", value, "minAvailable and maxUnavailable cannot be both set")];
  }
  const errors: FieldError[] = [];
  for (const word of ["minAvailable", "maxUnavailable"]) {
    const value = spec[word];
    if (typeof value === "number" && value < 0) {
      errors.push(wrong(`spec.${word}`, value, "must be greater than or equal to 0"));
    } else if (typeof value === "string" && !/^[0-9]+%$/.test(value)) {
      errors.push(wrong(`spec.${word}`, value, PERCENT_TEXT));
    }
  }
  return errors;
}

const PERCENT_TEXT =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or " +
  "'93%', regex used for validation is '[0-9]+%')";

function leaseErrors(object: JsonObject): FieldError[] {
  const spec = part(object, "spec");
  const errors: FieldError[] = [];
  const { leaseDurationSeconds: seconds, leaseTransitions: transitions } = spec;
  if (typeof seconds === "number" && seconds <= 0) {
    errors.push(wrong("spec.leaseDurationSeconds", seconds, "must be greater than 0"));
  }
  if (typeof transitions === "number" && transitions < 0) {
    errors.push(wrong("spec.leaseTransitions", transitions, "must be greater than or equal to 0"));
  }
  return errors;
}

function ruleErrors(object: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, rule] of objects(object["rules"]).entries()) {
    const missing = (word: string) => !Array.isArray(rule[word]) || rule[word].length === 0;
    const field = `rules[${index}]`;
    if (missing("verbs")) {
      errors.push(required(`${field}.verbs`, "verbs must contain at least one value"));
    }
    if (!missing("nonResourceURLs")) continue;
    if (missing("apiGroups")) {
      const detail = "resource rules must supply at least one api group";
      errors.push(required(`${field}.apiGroups`, detail));
    }
    if (missing("resources")) {
      errors.push(
        required(`${field}.resources`, "resource rules must supply at least one resource"),
      );
    }
  }
  return errors;
}

function eventErrors(object: JsonObject): FieldError[] {
  const namespace = part(object, "metadata")["namespace"];
  const other = part(object, "involvedObject")["namespace"];
  if (object["apiVersion"] !== "v1" || namespace === undefined || other === undefined) return [];
  if (namespace === other) return [];
  return [wrong("involvedObject.namespace", other, "does not match event.namespace")];
}
