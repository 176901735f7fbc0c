import { ApiStatus } from "./api-status.ts";
import type { Core } from "./core.ts";
import { type BudgetCount, budgetsOf, countBudget, isReady } from "./disruption-budgets.ts";
import { badRequest, conflict, notFound } from "./failures.ts";
import { type ApiObject, listAt, numberAt, textAt } from "./objects.ts";

const PODS = { group: "", plural: "pods" };

function refused(budget: ApiObject, count: BudgetCount): ApiStatus {
  const { name } = budget.metadata;
  return new ApiStatus({
    code: 429,
    reason: "TooManyRequests",
    message: "Cannot evict pod as it would violate the pod's disruption budget.",
    causes: [
      {
        reason: "DisruptionBudget",
        message:
          `The disruption budget ${name} needs ${count.desiredHealthy} healthy pods and has` +
          ` ${count.currentHealthy} currently`,
      },
    ],
  });
}

/** Throws ApiStatus where the pod may not go now; otherwise it may be deleted. */
export function checkEviction(
  core: Core,
  eviction: unknown,
  target: { namespace: string; name: string },
): void {
  const { namespace, name } = target;
  const asked = textAt(eviction, "metadata", "name");
  if (asked !== "" && asked !== name) {
    throw badRequest("name in URL does not match name in Eviction object");
  }
  const pod = core.store.get("pods", namespace, name);
  if (pod === undefined) throw notFound(PODS, name);
  const phase = textAt(pod, "status", "phase");
  if (["Succeeded", "Failed", "Pending"].includes(phase)) return;
  if (pod.metadata.deletionTimestamp !== undefined) return;
  const budgets = budgetsOf(core, pod);
  if (budgets.length > 1) {
    throw new ApiStatus({
      code: 500,
      reason: "InternalError",
      message:
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not" +
        " support.",
    });
  }
  const [budget] = budgets;
  if (budget === undefined) return;
  const count = countBudget(core, budget);
  if (count.disruptionsAllowed > 0) return;
  const healthyEnough = count.currentHealthy >= count.desiredHealthy && count.desiredHealthy > 0;
  const always = textAt(budget, "spec", "unhealthyPodEvictionPolicy") === "AlwaysAllow";
  if (!isReady(pod) && (always || healthyEnough)) return;
  throw refused(budget, count);
}

/** `pods/binding`: the node that a scheduler chose. Throws where the pod has one already. */
export function boundPod(pod: ApiObject, binding: unknown, now: string): ApiObject {
  const node = textAt(binding, "target", "name");
  if (node === "") throw badRequest("target.name is required");
  const current = textAt(pod, "spec", "nodeName");
  if (current !== "") {
    throw conflict(
      { group: "", plural: "pods/binding" },
      pod.metadata.name,
      `pod ${pod.metadata.name} is already assigned to node "${current}"`,
    );
  }
  const conditions = listAt(pod, "status", "conditions").filter(
    (one) => textAt(one, "type") !== "PodScheduled",
  );
  const scheduled = {
    type: "PodScheduled",
    ...(pod.metadata.generation === undefined
      ? {}
      : { observedGeneration: numberAt(pod, "metadata", "generation") }),
    status: "True",
    lastProbeTime: null,
    lastTransitionTime: now,
  };
  return {
    ...pod,
    spec: { ...(pod["spec"] as object), nodeName: node },
    status: { ...(pod["status"] as object), conditions: [...conditions, scheduled] },
  };
}
