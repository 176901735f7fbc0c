import type { CompiledKind } from "./kinds.ts";
import { fill, fillPod, fillPodSpec, objects, qosClass } from "./pod-defaults.ts";
import { isObject } from "./prune.ts";
import { parseQuantity } from "./quantity.ts";
import type { Json, JsonObject, Schema } from "./schema.ts";

const RBAC = "rbac.authorization.k8s.io";
const CLIENT_IP_SECONDS = 10_800;

/** Fills in, in place, what the API server fills in for a built-in kind; v1.34.4 was the model. */
export function fillBuiltinDefaults(kind: CompiledKind, object: JsonObject): void {
  FILL[kind.kind]?.(object);
  normaliseQuantities(kind.schema, object);
}

const FILL: Readonly<Record<string, (object: JsonObject) => void>> = {
  Pod: fillPod,
  Service: fillService,
  Secret: fillSecret,
  PersistentVolumeClaim: (object) => {
    fill(object, "spec", {});
    const spec = part(object, "spec");
    fill(spec, "resources", {});
    fill(spec, "volumeMode", "Filesystem");
  },
  PersistentVolume: (object) => {
    const spec = part(object, "spec");
    fill(spec, "persistentVolumeReclaimPolicy", "Retain");
    fill(spec, "volumeMode", "Filesystem");
    if (isObject(spec["hostPath"])) fill(spec["hostPath"], "type", "");
  },
  Namespace: (object) => {
    const metadata = part(object, "metadata");
    fill(metadata, "labels", {});
    const name = metadata["name"];
    fill(object, "spec", { finalizers: ["kubernetes"] });
    if (name !== undefined) part(metadata, "labels")["kubernetes.io/metadata.name"] = name;
  },
  Deployment: fillDeployment,
  ReplicaSet: (object) => {
    fill(object, "spec", {});
    fill(part(object, "spec"), "replicas", 1);
    fillTemplate(part(object, "spec"));
    fill(object, "status", { replicas: 0 });
  },
  RoleBinding: fillBinding,
  ClusterRoleBinding: fillBinding,
  Lease: (object) => fill(object, "spec", {}),
  StorageClass: (object) => {
    fill(object, "reclaimPolicy", "Delete");
    fill(object, "volumeBindingMode", "Immediate");
  },
  PriorityClass: (object) => fill(object, "preemptionPolicy", "PreemptLowerPriority"),
  NetworkPolicy: fillNetworkPolicy,
  EndpointSlice: (object) => {
    for (const port of objects(object["ports"])) {
      fill(port, "name", "");
      fill(port, "protocol", "TCP");
    }
    for (const endpoint of objects(object["endpoints"])) fill(endpoint, "conditions", {});
  },
  Endpoints: (object) => {
    for (const subset of objects(object["subsets"])) {
      for (const port of objects(subset["ports"])) fill(port, "protocol", "TCP");
    }
  },
  Event: fillEvent,
  Node: (object) => {
    fill(object, "spec", {});
    fill(object, "status", {});
    const status = part(object, "status");
    if (status["capacity"] !== undefined) {
      fill(status, "allocatable", structuredClone(status["capacity"]));
    }
    fill(status, "daemonEndpoints", { kubeletEndpoint: { Port: 0 } });
    fill(status, "nodeInfo", { ...NODE_INFO });
  },
  CustomResourceDefinition: fillDefinition,
};

/** The status with which an object of a built-in kind begins. */
export function initialStatus(kind: CompiledKind, object: JsonObject): JsonObject {
  switch (kind.kind) {
    case "Pod": {
      return { phase: "Pending", qosClass: qosClass(part(object, "spec")) };
    }
    case "PersistentVolumeClaim":
    case "PersistentVolume":
      return { phase: "Pending" };
    case "Namespace":
      return { phase: "Active" };
    case "Service":
      return { loadBalancer: {} };
    case "ReplicaSet":
      return { replicas: 0 };
    case "PodDisruptionBudget":
      return { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 };
    case "Node":
      // A kubelet registers with its status.
      return part(object, "status");
    case "CustomResourceDefinition": {
      const stored = objects(part(object, "spec")["versions"])
        .filter((version) => version["storage"] === true)
        .map((version) => version["name"] ?? "");
      const acceptedNames = { plural: "", kind: "" };
      return { conditions: [], acceptedNames, storedVersions: stored };
    }
    default:
      return {};
  }
}

const NODE_INFO: JsonObject = Object.fromEntries(
  (
    "architecture bootID containerRuntimeVersion kernelVersion kubeProxyVersion kubeletVersion " +
    "machineID operatingSystem osImage systemUUID"
  )
    .split(" ")
    .map((field) => [field, ""]),
);

export function part(object: JsonObject, field: string): JsonObject {
  const value = object[field];
  return isObject(value) ? value : {};
}

function fillService(object: JsonObject): void {
  fill(object, "spec", {});
  const spec = part(object, "spec");
  fill(spec, "sessionAffinity", "None");
  fill(spec, "type", "ClusterIP");
  if (spec["sessionAffinity"] === "ClientIP") {
    fill(spec, "sessionAffinityConfig", { clientIP: { timeoutSeconds: CLIENT_IP_SECONDS } });
  }
  for (const port of objects(spec["ports"])) {
    fill(port, "protocol", "TCP");
    if (port["targetPort"] === undefined || port["targetPort"] === 0) {
      port["targetPort"] = port["port"] ?? 0;
    }
  }
  if (spec["type"] !== "ExternalName") fill(spec, "internalTrafficPolicy", "Cluster");
  if (spec["type"] === "NodePort" || spec["type"] === "LoadBalancer") {
    fill(spec, "externalTrafficPolicy", "Cluster");
  }
  if (spec["type"] === "LoadBalancer") fill(spec, "allocateLoadBalancerNodePorts", true);
}

function fillSecret(object: JsonObject): void {
  fill(object, "type", "Opaque");
  const plain = object["stringData"];
  if (!isObject(plain)) return;
  const data = { ...part(object, "data") };
  for (const [key, value] of Object.entries(plain)) {
    data[key] = Buffer.from(`${value}`, "utf8").toString("base64");
  }
  object["data"] = data;
  delete object["stringData"];
}

function fillTemplate(spec: JsonObject): void {
  const template = part(spec, "template");
  if (spec["template"] === undefined) return;
  fill(template, "metadata", {});
  fill(template, "spec", {});
  fillPodSpec(part(template, "spec"));
}

function fillDeployment(object: JsonObject): void {
  fill(object, "spec", {});
  const spec = part(object, "spec");
  fill(spec, "replicas", 1);
  fill(spec, "revisionHistoryLimit", 10);
  fill(spec, "progressDeadlineSeconds", 600);
  fill(spec, "strategy", {});
  const strategy = part(spec, "strategy");
  fill(strategy, "type", "RollingUpdate");
  if (strategy["type"] === "RollingUpdate") {
    fill(strategy, "rollingUpdate", {});
    fill(part(strategy, "rollingUpdate"), "maxUnavailable", "25%");
    fill(part(strategy, "rollingUpdate"), "maxSurge", "25%");
  }
  fillTemplate(spec);
}

function fillBinding(object: JsonObject): void {
  if (isObject(object["roleRef"])) fill(object["roleRef"], "apiGroup", RBAC);
  for (const subject of objects(object["subjects"])) {
    if (subject["kind"] === "User" || subject["kind"] === "Group") fill(subject, "apiGroup", RBAC);
  }
}

function fillNetworkPolicy(object: JsonObject): void {
  const spec = part(object, "spec");
  fill(spec, "podSelector", {});
  const egress = spec["egress"] !== undefined;
  fill(spec, "policyTypes", egress ? ["Ingress", "Egress"] : ["Ingress"]);
  for (const rule of [...objects(spec["ingress"]), ...objects(spec["egress"])]) {
    for (const port of objects(rule["ports"])) fill(port, "protocol", "TCP");
  }
}

/** Fields that Go writes even when they were never set. */
function fillEvent(object: JsonObject): void {
  if (object["apiVersion"] === "v1") {
    fill(object, "involvedObject", {});
    fill(object, "source", {});
    fill(object, "reportingComponent", "");
    fill(object, "reportingInstance", "");
    for (const time of ["firstTimestamp", "lastTimestamp", "eventTime"]) fill(object, time, null);
    return;
  }
  fill(object, "regarding", {});
  fill(object, "deprecatedSource", {});
  fill(object, "deprecatedFirstTimestamp", null);
  fill(object, "deprecatedLastTimestamp", null);
  fill(object, "eventTime", null);
}

function fillDefinition(object: JsonObject): void {
  const spec = part(object, "spec");
  fill(spec, "conversion", { strategy: "None" });
  const names = part(spec, "names");
  if (typeof names["kind"] !== "string") return;
  fill(names, "singular", names["kind"].toLowerCase());
  fill(names, "listKind", `${names["kind"]}List`);
}

/** Quantities are stored in their canonical form: `1024Mi` as `1Gi`. */
function normaliseQuantities(schema: Schema, object: JsonObject): void {
  for (const [field, value] of Object.entries(object)) {
    const below = schema.properties?.[field] ?? schema.additional;
    if (below === undefined || value === undefined) continue;
    if (below.quantity === true) object[field] = canonical(value);
    else if (Array.isArray(value)) {
      for (const item of value) {
        if (isObject(item) && below.items !== undefined) normaliseQuantities(below.items, item);
      }
    } else if (isObject(value)) normaliseQuantities(below, value);
  }
}

function canonical(value: Json): Json {
  if (typeof value !== "string" && typeof value !== "number") return value;
  return parseQuantity(`${value}`)?.toString() ?? value;
}
