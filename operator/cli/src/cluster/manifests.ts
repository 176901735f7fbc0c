import type { KubeObject, ResourceType } from "@quorate/runtime/objects";
import { parseAllDocuments } from "yaml";

/** Cluster-wide kinds among those of our manifests. */
const CLUSTER_WIDE: ReadonlySet<string> = new Set([
  "Namespace",
  "CustomResourceDefinition",
  "ClusterRole",
  "ClusterRoleBinding",
]);

/** Every object of a manifest's text. */
export function objectsOf(text: string): readonly KubeObject[] {
  return parseAllDocuments(text)
    .map((document) => document.toJSON() as KubeObject | null)
    .filter((object) => object !== null);
}

/** Kinds of our manifests only: each has the plural that adds an `s`. */
export function resourceOf({ apiVersion, kind }: KubeObject): ResourceType {
  const plural = `${kind.toLowerCase()}s`;
  return { apiVersion, kind, plural, namespaced: !CLUSTER_WIDE.has(kind) };
}
