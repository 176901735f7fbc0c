// What an alert is made of; the cases are a part of it, so that none is without.

/** Prometheus' series notation: name and labels, values from minute 0 on. */
type Series = Readonly<Record<string, string>>;

export interface Case {
  readonly series: Series;
  /** When it is looked at, since minute 0. */
  readonly at: string;
}

export interface Alert {
  readonly name: string;
  readonly expr: string;
  /** How long it has to hold; absent: at once. */
  readonly for?: string;
  readonly severity: "critical" | "warning" | "info" | "none";
  /** One sentence. */
  readonly summary: string;
  /** `labels`: those that the alert carries beside its severity. */
  readonly fires: Case & { readonly labels: Readonly<Record<string, string>> };
  readonly silent: Case;
}

export const NODE = 'namespace="ns",set="dev",pod="dev-0",observer="a0"';
export const OTHER = 'namespace="ns",set="dev",pod="dev-1",observer="a1"';
export const SET = 'namespace="ns",set="dev"';
export const OF_SET = { namespace: "ns", set: "dev" } as const;
export const BY_SET = "by (namespace, set)";

/** Minutes between two samples in the cases. */
export const INTERVAL = "15s";

/**
 * Counters rose within the window. `increase` alone misses a series that began above zero within
 * it: a process that started again, a member that was never seen before.
 */
export function rose(metric: string, options: { readonly by: string; readonly within: string }) {
  const { by, within } = options;
  const began = `(${metric} > 0) unless ${metric} offset ${within}`;
  return `sum ${by} (increase(${metric}[${within}])) > 0 or sum ${by} (${began}) > 0`;
}
