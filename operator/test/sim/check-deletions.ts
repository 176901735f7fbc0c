import { findMember } from "@quorate/node/kernel/validator-set";
import { LABELS } from "../../src/api/v1alpha1/labels.ts";
import { NAMESPACE, SET } from "./names.ts";
import type { World } from "./world.ts";

/** What a request of the operator takes away. */
export interface Deletion {
  readonly namespace: string | undefined;
  readonly name: string;
  /** `DELETE`, or `POST` for an eviction. */
  readonly verb: string;
}

export interface DeletionProblem {
  readonly checker: "volumes survive Retain" | "no voter's pod is deleted";
  readonly message: string;
}

/** Rules S1, STOLEN: what the operator may delete or evict; undefined where it may. */
export function deletionProblem(
  { store, chain, cluster }: World,
  plural: string,
  { namespace, name, verb }: Deletion,
): DeletionProblem | undefined {
  const set = store.get("validatorsets", NAMESPACE, SET);
  const goes = set === undefined || set.metadata.deletionTimestamp !== undefined;
  if (plural === "persistentvolumeclaims") {
    return { checker: "volumes survive Retain", message: name };
  }
  if (plural !== "pods") return undefined;
  const checker = "no voter's pod is deleted";
  const pod = store.get("pods", namespace, name);
  if (verb === "DELETE" && pod?.metadata.labels?.[LABELS.voter] === "true") {
    return { checker, message: `${name} is labelled voter, and not evicted` };
  }
  if (goes) return undefined;
  const claim = store.get("persistentvolumeclaims", namespace, `${name}-data`);
  const volume = cluster.volumes.get(claim?.metadata.uid ?? "");
  const { phase } = (pod?.["status"] ?? {}) as { phase?: string };
  const votes = chain !== undefined && findMember(chain.set, volume?.key ?? "") !== undefined;
  // Its uid is named: what is gone already is not deleted once more.
  if (pod === undefined || !votes || phase === "Failed" || phase === "Succeeded") return undefined;
  // It makes room for another image, if its budget lets it.
  const { containers = [] } = pod["spec"] as { containers?: readonly { image: string }[] };
  const { image } = set["spec"] as { image: string };
  if (verb !== "DELETE" && containers[0]?.image !== image) return undefined;
  return { checker, message: `${name} votes and its pod is ${phase}` };
}
