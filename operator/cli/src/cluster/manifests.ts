import type { KubeObject, ResourceType } from "@quorate/runtime/objects";
import { parseAllDocuments } from "yaml";

/** Cluster-wide kinds among those of our manifests. */
const CLUSTER_WIDE: ReadonlySet<string> = new Set([
  "Namespace",
  "CustomResourceDefinition",
  "ClusterRole",
  "ClusterRoleBinding",
  "PriorityClass",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionPolicyBinding",
]);

/** Every object of a manifest's text. */
export function objectsOf(text: string): readonly KubeObject[] {
  return parseAllDocuments(text)
    .map((document) => document.toJSON() as KubeObject | null)
    .filter((object) => object !== null);
}

/** The resource of an object by the API's own naming: lower case, with an `s`. */
export function resourceOf({ apiVersion, kind }: KubeObject): ResourceType {
  const plural = kind.toLowerCase().replace(/y$/, "ie").replace(/s$/, "se");
  return { apiVersion, kind, plural: `${plural}s`, namespaced: !CLUSTER_WIDE.has(kind) };
}
