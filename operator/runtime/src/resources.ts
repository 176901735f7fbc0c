import type {
  V1LeaseSpec,
  V1NodeSpec,
  V1NodeStatus,
  V1PersistentVolumeClaimSpec,
  V1PersistentVolumeClaimStatus,
  V1PodDisruptionBudgetSpec,
  V1PodDisruptionBudgetStatus,
  V1PodSpec,
  V1PodStatus,
  V1ServiceSpec,
  V1ServiceStatus,
} from "@kubernetes/client-node";
import type { KubeObject, ResourceType } from "./objects.ts";

/**
 * A model of client-node as it travels: its types promise Date where JSON has strings
 * (research/operator.md §3.1 no. 10), and nothing here is written to.
 */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Wire<Item>[]
    : T extends object
      ? { readonly [K in keyof T]: Wire<T[K]> }
      : T;

export interface Pod extends KubeObject {
  readonly spec?: Wire<V1PodSpec>;
  readonly status?: Wire<V1PodStatus>;
}

export interface Service extends KubeObject {
  readonly spec?: Wire<V1ServiceSpec>;
  readonly status?: Wire<V1ServiceStatus>;
}

export interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
  readonly immutable?: boolean;
}

export interface Secret extends KubeObject {
  readonly type?: string;
  /** Values in base64. */
  readonly data?: Readonly<Record<string, string>>;
  /** Write only: the server moves it to `data`. */
  readonly stringData?: Readonly<Record<string, string>>;
  readonly immutable?: boolean;
}

export interface PersistentVolumeClaim extends KubeObject {
  readonly spec?: Wire<V1PersistentVolumeClaimSpec>;
  readonly status?: Wire<V1PersistentVolumeClaimStatus>;
}

export interface Node extends KubeObject {
  readonly spec?: Wire<V1NodeSpec>;
  readonly status?: Wire<V1NodeStatus>;
}

export interface PodDisruptionBudget extends KubeObject {
  readonly spec?: Wire<V1PodDisruptionBudgetSpec>;
  readonly status?: Wire<V1PodDisruptionBudgetStatus>;
}

export interface Lease extends KubeObject {
  readonly spec?: Wire<V1LeaseSpec>;
}

/** Names an object from within another. */
export interface ObjectReference {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** `v1 Event`: what `kubectl describe` shows. */
export interface Event extends KubeObject {
  readonly involvedObject: ObjectReference;
  readonly reason?: string;
  readonly message?: string;
  readonly type?: string;
  readonly count?: number;
  /** RFC 3339, whole seconds. */
  readonly firstTimestamp?: string;
  readonly lastTimestamp?: string;
  readonly source?: { readonly component?: string; readonly host?: string };
  readonly reportingComponent?: string;
  readonly reportingInstance?: string;
}

function core<T extends KubeObject>(
  kind: string,
  plural: string,
  namespaced = true,
): ResourceType<T> {
  return { apiVersion: "v1", kind, plural, namespaced };
}

export const pods = core<Pod>("Pod", "pods");
export const services = core<Service>("Service", "services");
export const configMaps = core<ConfigMap>("ConfigMap", "configmaps");
export const secrets = core<Secret>("Secret", "secrets");
export const persistentVolumeClaims = core<PersistentVolumeClaim>(
  "PersistentVolumeClaim",
  "persistentvolumeclaims",
);
export const nodes = core<Node>("Node", "nodes", false);
export const events = core<Event>("Event", "events");
export const leases: ResourceType<Lease> = {
  apiVersion: "coordination.k8s.io/v1",
  kind: "Lease",
  plural: "leases",
  namespaced: true,
};
export const podDisruptionBudgets: ResourceType<PodDisruptionBudget> = {
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  plural: "poddisruptionbudgets",
  namespaced: true,
};
