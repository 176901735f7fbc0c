import { LABELS, PORTS } from "../api/v1alpha1/labels.ts";
import { isReachable } from "../birth/identities.ts";
import { isOwnPod } from "../diff/foreign.ts";
import type { ClusterView } from "../observe/cluster-cache.ts";
import { memberView, podView } from "../observe/cluster-view.ts";
import { hostPort } from "../observe/scrape.ts";

/** One entry of Prometheus' HTTP service discovery. */
export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Where the nodes of a set show their metrics. `observer` is the consensus key of the node whose
 * view the series are. Undefined where there is no such set.
 */
export function targetGroups(
  cache: ClusterView,
  key: { readonly namespace: string; readonly name: string },
): readonly TargetGroup[] | undefined {
  const set = cache.set(key);
  if (set === undefined) return undefined;
  const { pods, services } = cache.objects(key);
  const keys = new Map(
    services.flatMap((service) => {
      const member = memberView(service, key.name);
      return member?.consensusKey === undefined ? [] : [[member.name, member.consensusKey]];
    }),
  );
  return pods
    .filter((pod) => isOwnPod(pod, set.metadata.uid))
    .map(podView)
    .filter(isReachable)
    .toSorted((left, right) => (left.name < right.name ? -1 : 1))
    .flatMap((pod) => {
      const observer = keys.get(pod.labels[LABELS.member] ?? "");
      if (observer === undefined) return [];
      const labels = { namespace: key.namespace, set: key.name, pod: pod.name, observer };
      return [{ targets: [hostPort(pod.ip, PORTS.metrics)], labels }];
    });
}
