import type { ApiStore, Stored } from "./api-store.ts";

interface Budget {
  readonly minAvailable: number;
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
}

function isHealthy(pod: Stored): boolean {
  const { conditions = [] } = (pod["status"] ?? {}) as {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
  return conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

/**
 * Whether a disruption budget says no, as the API server finds out at each eviction: a healthy pod
 * goes if enough others are healthy, another one if enough are without it (IfHealthyBudget).
 */
export function isProtected(store: ApiStore, pod: Stored): boolean {
  const { namespace, name } = pod.metadata;
  return store.list("poddisruptionbudgets", namespace).some((object) => {
    const { minAvailable, selector } = object["spec"] as unknown as Budget;
    const selected = ({ metadata }: Stored): boolean =>
      Object.entries(selector.matchLabels).every(
        ([label, value]) => metadata.labels?.[label] === value,
      );
    if (!selected(pod)) return false;
    const others = store.list("pods", namespace).filter((other) => {
      const isOther = other.metadata.name !== name && selected(other);
      return isOther && other.metadata.deletionTimestamp === undefined && isHealthy(other);
    });
    return others.length < minAvailable;
  });
}
