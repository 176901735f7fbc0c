import type * as k8s from "@kubernetes/client-node";
import type { KubeObject, ObjectKey, ResourceType } from "@quorate/runtime/objects";

/** A model class of client-node as JSON has it: times are strings. */
export type Json<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Json<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Json<T[Key]> }
      : T;

type Kube<T> = KubeObject & Omit<Json<T>, "apiVersion" | "kind" | "metadata">;

export type Pod = Kube<k8s.V1Pod>;
export type PodSpec = Json<k8s.V1PodSpec>;
export type PodStatus = Json<k8s.V1PodStatus>;
export type PodCondition = Json<k8s.V1PodCondition>;
export type Container = Json<k8s.V1Container>;
export type ContainerState = Json<k8s.V1ContainerState>;
export type ContainerStatus = Json<k8s.V1ContainerStatus>;
export type EnvVar = Json<k8s.V1EnvVar>;
export type Volume = Json<k8s.V1Volume>;
export type VolumeProjection = Json<k8s.V1VolumeProjection>;
export type KeyToPath = Json<k8s.V1KeyToPath>;
export type Probe = Json<k8s.V1Probe>;
export type Taint = Json<k8s.V1Taint>;
export type Toleration = Json<k8s.V1Toleration>;
export type LabelSelector = Json<k8s.V1LabelSelector>;
export type NodeSelectorTerm = Json<k8s.V1NodeSelectorTerm>;
export type NodeCondition = Json<k8s.V1NodeCondition>;
export type ServicePort = Json<k8s.V1ServicePort>;
export type Endpoint = Json<k8s.V1Endpoint>;

export type Node = Kube<k8s.V1Node>;
export type Service = Kube<k8s.V1Service>;
export type EndpointSlice = Kube<k8s.V1EndpointSlice>;
export type ConfigMap = Kube<k8s.V1ConfigMap>;
export type Secret = Kube<k8s.V1Secret>;
export type Claim = Kube<k8s.V1PersistentVolumeClaim>;
export type PersistentVolume = Kube<k8s.V1PersistentVolume>;
export type StorageClass = Kube<k8s.V1StorageClass>;
export type Lease = Kube<k8s.V1Lease>;
export type Deployment = Kube<k8s.V1Deployment>;
export type ReplicaSet = Kube<k8s.V1ReplicaSet>;
export type CoreEvent = Kube<k8s.CoreV1Event>;

function type<T extends KubeObject>(
  apiVersion: string,
  kind: string,
  plural: string,
  namespaced: boolean,
): ResourceType<T> {
  return { apiVersion, kind, plural, namespaced };
}

export const PODS = type<Pod>("v1", "Pod", "pods", true);
export const NODES = type<Node>("v1", "Node", "nodes", false);
export const SERVICES = type<Service>("v1", "Service", "services", true);
export const CONFIG_MAPS = type<ConfigMap>("v1", "ConfigMap", "configmaps", true);
export const SECRETS = type<Secret>("v1", "Secret", "secrets", true);
export const EVENTS = type<CoreEvent>("v1", "Event", "events", true);
export const NAMESPACES = type("v1", "Namespace", "namespaces", false);
export const CLAIMS = type<Claim>("v1", "PersistentVolumeClaim", "persistentvolumeclaims", true);
export const VOLUMES = type<PersistentVolume>("v1", "PersistentVolume", "persistentvolumes", false);
export const STORAGE_CLASSES = type<StorageClass>(
  "storage.k8s.io/v1",
  "StorageClass",
  "storageclasses",
  false,
);
export const LEASES = type<Lease>("coordination.k8s.io/v1", "Lease", "leases", true);
export const ENDPOINT_SLICES = type<EndpointSlice>(
  "discovery.k8s.io/v1",
  "EndpointSlice",
  "endpointslices",
  true,
);
export const DEPLOYMENTS = type<Deployment>("apps/v1", "Deployment", "deployments", true);
export const REPLICA_SETS = type<ReplicaSet>("apps/v1", "ReplicaSet", "replicasets", true);

export function keyOf(object: KubeObject): ObjectKey {
  return { namespace: object.metadata.namespace ?? "", name: object.metadata.name };
}

/** `namespace/name`, or the name alone. */
export function nameOf(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** As `metav1.Time` is written: whole seconds. */
export function apiTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** As `metav1.MicroTime` is written. */
export function apiMicroTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`;
}

/** Neither has ended nor is being deleted. */
export function isLive(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined && !hasEnded(pod);
}

/** Ran to its end and stays so. */
export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((c) => c.type === "Ready" && c.status === "True") === true;
}
