import type { Core } from "./core.ts";
import { readJsonPath } from "./json-path.ts";
import type { Change } from "./object-store.ts";
import { type ApiObject, at, listAt, sameJson, textAt } from "./objects.ts";
import { isOfGroup } from "./registry.ts";
import { selectorMatcher } from "./selectors.ts";

const BUDGETS = "poddisruptionbudgets.policy";

export function isReady(pod: ApiObject): boolean {
  return listAt(pod, "status", "conditions").some(
    (one) => textAt(one, "type") === "Ready" && textAt(one, "status") === "True",
  );
}

/** The budgets of a pod's namespace that select it. */
export function budgetsOf(core: Core, pod: ApiObject): ApiObject[] {
  return core.store.list(BUDGETS, pod.metadata.namespace).filter((budget) => selects(budget, pod));
}

function selects(budget: ApiObject, pod: ApiObject): boolean {
  return selectorMatcher(at(budget, "spec", "selector"))(pod.metadata.labels ?? {});
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

/** Replicas that the controllers of these pods ask for; undefined where one can't be asked. */
function replicasAsked(core: Core, pods: readonly ApiObject[]): number | undefined {
  const asked = new Map<string, number>();
  for (const pod of pods) {
    const owner = pod.metadata.ownerReferences?.find((one) => one.controller === true);
    if (owner === undefined) return undefined;
    if (asked.has(owner.uid)) continue;
    const replicas = replicasOf(core, pod.metadata.namespace ?? "", owner);
    if (replicas === undefined) return undefined;
    asked.set(owner.uid, replicas);
  }
  return [...asked.values()].reduce((sum, one) => sum + one, 0);
}

function replicasOf(
  core: Core,
  namespace: string,
  owner: { readonly apiVersion: string; readonly kind: string; readonly name: string },
): number | undefined {
  const resource = core.registry
    .all()
    .find(
      ({ storage, group }) => storage.kind === owner.kind && isOfGroup(owner.apiVersion, group),
    );
  const path = resource?.storage.subresources.scale?.specReplicasPath;
  const object = resource && core.store.get(resource.key, namespace, owner.name);
  if (path === undefined || object === undefined) return undefined;
  const [replicas] = readJsonPath(object, path);
  return typeof replicas === "number" ? replicas : undefined;
}

/**
 * Counted from the pods when it is asked, so that it never lags. As upstream, `maxUnavailable` and
 * percentages are of the replicas that the pods' controllers ask for, by their scale subresource: a
 * pod that is missing counts as unavailable. Where no controller says it, nothing may be evicted.
 */
export function countBudget(core: Core, budget: ApiObject): BudgetCount {
  const pods = core.store
    .list("pods", budget.metadata.namespace)
    .filter((pod) => selects(budget, pod));
  const currentHealthy = pods.filter(
    (pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined,
  ).length;
  const unavailable = at(budget, "spec", "maxUnavailable");
  const available = at(budget, "spec", "minAvailable") ?? 1;
  const relative = unavailable !== undefined || typeof available === "string";
  const expected = relative ? replicasAsked(core, pods) : pods.length;
  if (expected === undefined) {
    return { expectedPods: 0, currentHealthy, desiredHealthy: 0, disruptionsAllowed: 0 };
  }
  const desiredHealthy =
    unavailable === undefined
      ? amount(available, expected)
      : Math.max(0, expected - amount(unavailable, expected));
  const disruptionsAllowed = expected === 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  return { expectedPods: expected, currentHealthy, desiredHealthy, disruptionsAllowed };
}

/** Keeps the status of budgets, as the disruption controller of a real cluster does. */
export class DisruptionBudgets {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  start(): void {
    for (const budget of this.#core.store.list(BUDGETS)) this.#count(budget);
    this.#core.store.subscribe("pods", (change) => this.#onPod(change));
    this.#core.store.subscribe(BUDGETS, ({ type, object }) => {
      if (type !== "DELETED") this.#core.later(() => this.#count(object));
    });
  }

  #onPod({ object, before }: Change): void {
    const seen = before === undefined ? [object] : [object, before];
    this.#core.later(() => {
      for (const budget of this.#core.store.list(BUDGETS, object.metadata.namespace)) {
        if (seen.some((pod) => selects(budget, pod))) this.#count(budget);
      }
    });
  }

  #count({ metadata }: ApiObject): void {
    const { store } = this.#core;
    const budget = store.get(BUDGETS, metadata.namespace ?? "", metadata.name);
    if (budget === undefined) return;
    const count = countBudget(this.#core, budget);
    const allowed = count.disruptionsAllowed > 0;
    const previous = listAt(budget, "status", "conditions").find(
      (one) => textAt(one, "type") === "DisruptionAllowed",
    );
    const status = allowed ? "True" : "False";
    const unchanged = textAt(previous, "status") === status;
    const condition = {
      type: "DisruptionAllowed",
      status,
      observedGeneration: budget.metadata.generation,
      lastTransitionTime: unchanged ? textAt(previous, "lastTransitionTime") : this.#core.now(),
      reason: allowed ? "SufficientPods" : "InsufficientPods",
      message: "",
    };
    const { disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods } = count;
    const next = {
      ...budget,
      status: {
        observedGeneration: budget.metadata.generation,
        disruptionsAllowed,
        currentHealthy,
        desiredHealthy,
        expectedPods,
        conditions: [condition],
      },
    };
    if (!sameJson(next, budget)) store.put(BUDGETS, next);
  }
}
