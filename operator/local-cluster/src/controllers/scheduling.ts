import {
  type Claim,
  hasEnded,
  type Node,
  type PersistentVolume,
  type Pod,
  type PodSpec,
  type Taint,
  type Toleration,
} from "./api-types.ts";
import { matchesLabels, matchesNodeTerm, matchesSelector } from "./selectors.ts";

export interface SchedulingWorld {
  readonly nodes: readonly Node[];
  /** All pods of the cluster. */
  readonly pods: readonly Pod[];
  readonly claim: (name: string) => Claim | undefined;
  readonly volume: (name: string) => PersistentVolume | undefined;
}

export type Placement =
  | { readonly node: string }
  /** In the words of kube-scheduler. */
  | { readonly refusal: string };

export const SELECTED_NODE = "volume.kubernetes.io/selected-node";
const PODS_PER_NODE = 110;

/** The node with the fewest pods among those that fit; ties by name. Pure. */
export function schedule(pod: Pod, world: SchedulingWorld): Placement {
  const missing = missingClaim(pod, world);
  if (missing !== undefined) return { refusal: refusalText(world.nodes.length, [missing]) };
  const reasons: string[] = [];
  const fitting = world.nodes.filter((node) => {
    const reason = misfit(pod, node, world);
    if (reason !== undefined) reasons.push(reason);
    return reason === undefined;
  });
  const load = (node: Node) =>
    world.pods.filter((one) => !hasEnded(one) && one.spec?.nodeName === node.metadata.name).length;
  const [best] = fitting
    .map((node) => ({ name: node.metadata.name, pods: load(node) }))
    .sort((a, b) => a.pods - b.pods || (a.name < b.name ? -1 : 1));
  if (best !== undefined) return { node: best.name };
  return { refusal: refusalText(world.nodes.length, reasons) };
}

function refusalText(nodes: number, reasons: readonly string[]): string {
  if (nodes === 0) return "no nodes available to schedule pods";
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const parts = [...counts].map(([reason, count]) =>
    reason.startsWith("persistentvolumeclaim") || reason.startsWith("pod has")
      ? reason
      : `${count} ${reason}`,
  );
  return `0/${nodes} nodes are available: ${parts.sort().join(", ")}.`;
}

function missingClaim(pod: Pod, { claim }: SchedulingWorld): string | undefined {
  const missing = claimNames(pod.spec).find((name) => claim(name) === undefined);
  return missing === undefined ? undefined : `persistentvolumeclaim "${missing}" not found`;
}

export function claimNames(spec: PodSpec | undefined): readonly string[] {
  return (spec?.volumes ?? []).flatMap(({ persistentVolumeClaim }) =>
    persistentVolumeClaim === undefined ? [] : [persistentVolumeClaim.claimName],
  );
}

/** The first reason why the pod may not run there. */
export function misfit(pod: Pod, node: Node, world: SchedulingWorld): string | undefined {
  const { name, labels } = node.metadata;
  const spec = pod.spec;
  if (node.spec?.unschedulable === true && !toleratesUnschedulable(spec)) {
    return "node(s) were unschedulable";
  }
  const taint = (node.spec?.taints ?? []).find(
    (one) => one.effect !== "PreferNoSchedule" && !isTolerated(one, spec?.tolerations),
  );
  if (taint !== undefined) {
    const value = taint.value ?? "";
    return `node(s) had untolerated taint {${taint.key}: ${value}}`;
  }
  const wanted = (spec?.nodeSelector ?? {}) as Readonly<Record<string, string>>;
  const terms =
    spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const inTerms = terms === undefined || terms.some((term) => matchesNodeTerm(term, name, labels));
  if (!matchesLabels(wanted, labels) || !inTerms) {
    return "node(s) didn't match Pod's node affinity/selector";
  }
  const running = world.pods.filter((one) => !hasEnded(one) && one.spec?.nodeName === name);
  if (running.length >= PODS_PER_NODE) return "Too many pods";
  return volumeMisfit(pod, node, world) ?? antiAffinityMisfit(pod, node, world);
}

function toleratesUnschedulable(spec: PodSpec | undefined): boolean {
  const taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };
  return isTolerated(taint, spec?.tolerations);
}

/** A toleration without a key and with operator Exists tolerates everything. */
export function isTolerated(taint: Taint, tolerations: readonly Toleration[] = []): boolean {
  return tolerations.some((one) => tolerates(one, taint));
}

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  const { key = "", effect = "", operator = "Equal", value = "" } = toleration;
  if (effect !== "" && effect !== taint.effect) return false;
  if (key !== "" && key !== taint.key) return false;
  if (operator === "Exists") return true;
  return key !== "" && value === (taint.value ?? "");
}

function volumeMisfit(pod: Pod, node: Node, world: SchedulingWorld): string | undefined {
  const { name, labels } = node.metadata;
  for (const claimName of claimNames(pod.spec)) {
    const claim = world.claim(claimName);
    const volume = world.volume(claim?.spec?.volumeName ?? "");
    const terms = volume?.spec?.nodeAffinity?.required?.nodeSelectorTerms;
    if (terms !== undefined && !terms.some((term) => matchesNodeTerm(term, name, labels))) {
      return "node(s) didn't match PersistentVolume's node affinity";
    }
    const selected = claim?.metadata.annotations?.[SELECTED_NODE];
    if (volume === undefined && selected !== undefined && selected !== name) {
      return "node(s) didn't match the node selected for a PersistentVolumeClaim";
    }
  }
  return undefined;
}

type AntiAffinityTerm = NonNullable<
  NonNullable<
    NonNullable<PodSpec["affinity"]>["podAntiAffinity"]
  >["requiredDuringSchedulingIgnoredDuringExecution"]
>[number];

/** Both ways: what this pod refuses, and what running pods refuse. */
function antiAffinityMisfit(pod: Pod, node: Node, world: SchedulingWorld): string | undefined {
  const others = world.pods.filter(
    (one) =>
      one.metadata.uid !== pod.metadata.uid && !hasEnded(one) && one.spec?.nodeName !== undefined,
  );
  const labelsOf = new Map(world.nodes.map(({ metadata }) => [metadata.name, metadata.labels]));
  const sameDomain = (other: Pod, key: string) => {
    const domain = node.metadata.labels?.[key];
    return domain !== undefined && labelsOf.get(other.spec?.nodeName ?? "")?.[key] === domain;
  };
  const clash = (of: Pod, against: Pod, other: Pod) =>
    antiTerms(of).some(
      (term) => sameDomain(other, term.topologyKey) && termSelects(term, of, against),
    );
  if (others.some((other) => clash(pod, other, other))) {
    return "node(s) didn't match pod anti-affinity rules";
  }
  if (others.some((other) => clash(other, pod, other))) {
    return "node(s) didn't satisfy existing pods anti-affinity rules";
  }
  return undefined;
}

function antiTerms(pod: Pod): readonly AntiAffinityTerm[] {
  const { podAntiAffinity } = pod.spec?.affinity ?? {};
  return podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

function termSelects(term: AntiAffinityTerm, owner: Pod, other: Pod): boolean {
  const namespaces = term.namespaces ?? [owner.metadata.namespace ?? ""];
  return (
    term.labelSelector !== undefined &&
    namespaces.includes(other.metadata.namespace ?? "") &&
    matchesSelector(term.labelSelector, other.metadata.labels)
  );
}
