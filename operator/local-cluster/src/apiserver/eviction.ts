import { ApiStatus } from "./api-status.ts";
import type { Core } from "./core.ts";
import { badRequest, conflict, notFound } from "./failures.ts";
import { type ApiObject, at, listAt, numberAt, textAt } from "./objects.ts";
import { labelMatcher, labelSelectorText } from "./selectors.ts";

const PODS = { group: "", plural: "pods" };

function isReady(pod: ApiObject): boolean {
  return listAt(pod, "status", "conditions").some(
    (one) => textAt(one, "type") === "Ready" && textAt(one, "status") === "True",
  );
}

/** The budgets of a pod's namespace that select it. */
export function budgetsOf(core: Core, pod: ApiObject): ApiObject[] {
  return core.store
    .list("poddisruptionbudgets.policy", pod.metadata.namespace)
    .filter((budget) => selects(budget, pod));
}

function selects(budget: ApiObject, pod: ApiObject): boolean {
  const selector = labelSelectorText(at(budget, "spec", "selector"));
  return selector !== undefined && labelMatcher(selector)(pod.metadata.labels ?? {});
}

/** `5`, or `"40%"` of the pods, rounded up as upstream does for both fields. */
function amount(value: unknown, expected: number): number {
  if (typeof value === "number") return value;
  const percent = /^(\d+)%$/.exec(String(value))?.[1];
  return percent === undefined ? 0 : Math.ceil((Number(percent) * expected) / 100);
}

/** What a budget counts at this moment; the fields of its status. */
export interface BudgetCount {
  readonly expectedPods: number;
  readonly currentHealthy: number;
  readonly desiredHealthy: number;
  readonly disruptionsAllowed: number;
}

/**
 * Counted from the pods when it is asked, so that it never lags. Every pod that the selector finds
 * is expected: pods here are managed one by one, no controller says how many there should be.
 */
export function countBudget(core: Core, budget: ApiObject): BudgetCount {
  const pods = core.store
    .list("pods", budget.metadata.namespace)
    .filter((pod) => selects(budget, pod));
  const expectedPods = pods.length;
  const currentHealthy = pods.filter(
    (pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined,
  ).length;
  const unavailable = at(budget, "spec", "maxUnavailable");
  const desiredHealthy =
    unavailable === undefined
      ? amount(at(budget, "spec", "minAvailable") ?? 1, expectedPods)
      : Math.max(0, expectedPods - amount(unavailable, expectedPods));
  const disruptionsAllowed = Math.max(0, currentHealthy - desiredHealthy);
  return { expectedPods, currentHealthy, desiredHealthy, disruptionsAllowed };
}

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
    throw badRequest(`name in URL does not match name in Eviction object: ${name} != ${asked}`);
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
      PODS,
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
