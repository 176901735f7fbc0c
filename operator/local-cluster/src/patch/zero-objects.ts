import type { CompiledKind } from "../schema/kinds.ts";
import type { JsonObject } from "../schema/schema.ts";

const TEMPLATE = { metadata: {}, spec: { containers: null } };

/**
 * What Go writes of an object in which nothing was set: the state before a create. Fields that are
 * there already are not "added", so their managers own what is in them but not the struct itself.
 */
const ZERO: Readonly<Record<string, JsonObject>> = {
  Pod: { spec: { containers: null }, status: {} },
  Service: { spec: {}, status: { loadBalancer: {} } },
  PersistentVolumeClaim: { spec: { resources: {} }, status: {} },
  PersistentVolume: { spec: {}, status: {} },
  Namespace: { spec: {}, status: {} },
  Node: { spec: {}, status: {} },
  Deployment: { spec: { selector: null, template: TEMPLATE, strategy: {} }, status: {} },
  ReplicaSet: { spec: { selector: null, template: TEMPLATE }, status: { replicas: 0 } },
  PodDisruptionBudget: { spec: {}, status: {} },
  Role: { rules: null },
  ClusterRole: { rules: null },
  RoleBinding: { roleRef: { apiGroup: "", kind: "", name: "" } },
  ClusterRoleBinding: { roleRef: { apiGroup: "", kind: "", name: "" } },
  Lease: { spec: {} },
  NetworkPolicy: { spec: { podSelector: {} } },
  StorageClass: { provisioner: "" },
  PriorityClass: { value: 0 },
  EndpointSlice: { addressType: "", endpoints: null, ports: null },
  CustomResourceDefinition: {
    spec: { group: "", names: { plural: "", kind: "" }, scope: "", versions: null },
    status: {},
  },
};

const EVENTS: Readonly<Record<string, JsonObject>> = {
  "": {
    involvedObject: {},
    source: {},
    firstTimestamp: null,
    lastTimestamp: null,
    eventTime: null,
    reportingComponent: "",
    reportingInstance: "",
  },
  "events.k8s.io": {
    regarding: {},
    deprecatedSource: {},
    deprecatedFirstTimestamp: null,
    deprecatedLastTimestamp: null,
    eventTime: null,
  },
};

export function zeroObject(kind: CompiledKind): JsonObject {
  if (!kind.builtin) return {};
  const own = kind.kind === "Event" ? EVENTS[kind.group] : ZERO[kind.kind];
  return { metadata: {}, ...own };
}
