import { LABELS } from "../../src/api/v1alpha1/labels.ts";
import type { ValidatorSetSpec } from "../../src/api/v1alpha1/types.ts";
import type { ApiStore, HistoryEntry, Stored } from "./api-store.ts";

/**
 * Rule S1, whatever the operator believes: at most f voters may be drained, a living set keeps its
 * budget, and no pod is labelled voter without one. Undefined where the new version is fine.
 */
export function budgetProblem(
  store: ApiStore,
  plural: string,
  type: HistoryEntry["type"],
  object: Stored,
): string | undefined {
  const { namespace, name, labels } = object.metadata;
  const setName = labels?.[LABELS.set] ?? "";
  const set = store.get("validatorsets", namespace, setName);
  if (set === undefined || set.metadata.deletionTimestamp !== undefined) return undefined;
  if (plural === "pods" && type !== "DELETED" && labels?.[LABELS.voter] === "true") {
    const budget = store.get("poddisruptionbudgets", namespace, setName);
    return budget === undefined ? `${name} is labelled voter without a budget` : undefined;
  }
  if (plural !== "poddisruptionbudgets") return undefined;
  if (type === "DELETED") return `the budget of the living set ${setName} was deleted`;
  const { replicas, faultTolerance } = set["spec"] as ValidatorSetSpec;
  const { minAvailable } = object["spec"] as { readonly minAvailable?: unknown };
  const least = replicas - faultTolerance;
  if (typeof minAvailable === "number" && minAvailable >= least) return undefined;
  return `minAvailable is ${minAvailable}, and ${least} are needed`;
}
