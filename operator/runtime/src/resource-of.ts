import type { KubeObject, ResourceType } from "./objects.ts";

/** Cluster-wide kinds among those that the manifests and tests use. */
const CLUSTER_WIDE: ReadonlySet<string> = new Set([
  "Namespace",
  "Node",
  "CustomResourceDefinition",
  "ClusterRole",
  "ClusterRoleBinding",
  "PriorityClass",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionPolicyBinding",
  "StorageClass",
  "PersistentVolume",
]);

/** The resource of an object by the API's own naming: lower case, with an `s`. */
export function resourceOf({ apiVersion, kind }: KubeObject): ResourceType {
  const plural = kind.toLowerCase().replace(/y$/, "ie").replace(/s$/, "se");
  return { apiVersion, kind, plural: `${plural}s`, namespaced: !CLUSTER_WIDE.has(kind) };
}
