import type { KubeObject } from "@quorate/runtime/objects";

interface Budget {
  readonly minAvailable: number;
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
}

/** A Pod or a PodDisruptionBudget, as a fake API server holds it. */
type Held = KubeObject & { readonly spec?: unknown; readonly status?: unknown };

function isHealthy({ status }: Held): boolean {
  const { conditions = [] } = (status ?? {}) as {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
  return conditions.some(({ type, status: value }) => type === "Ready" && value === "True");
}

/**
 * Whether a disruption budget says no, as an API server finds out at each eviction: a healthy pod
 * goes if enough others are healthy, another one if enough are without it (IfHealthyBudget). Pods
 * and budgets are those of its namespace.
 */
export function isGuarded(pod: Held, pods: readonly Held[], budgets: readonly Held[]): boolean {
  return budgets.some(({ spec }) => {
    const { minAvailable, selector } = spec as Budget;
    const selected = ({ metadata }: Held): boolean =>
      Object.entries(selector.matchLabels).every(
        ([label, value]) => metadata.labels?.[label] === value,
      );
    if (!selected(pod)) return false;
    const others = pods.filter((other) => {
      const isOther = other.metadata.uid !== pod.metadata.uid && selected(other);
      return isOther && other.metadata.deletionTimestamp === undefined && isHealthy(other);
    });
    return others.length < minAvailable;
  });
}
