import type { Node, Pod, Service } from "@quorate/runtime/resources";
import { ANNOTATIONS, LABELS, PORTS } from "../api/v1alpha1/labels.ts";
import type { MemberView, NodeView, PodView } from "./observation.ts";
import { hostPort } from "./scrape.ts";

const OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";
const PHASES = ["Pending", "Running", "Succeeded", "Failed"] as const;

function isTrue(conditions: readonly { type: string; status: string }[] | undefined, type: string) {
  return conditions?.find((one) => one.type === type)?.status === "True";
}

/** What it was asked to run; its own field where the operator left no word (an older version). */
function imageOf({ metadata, spec }: Pod): string {
  const asked = metadata.annotations?.[ANNOTATIONS.image];
  return asked ?? spec?.containers?.[0]?.image ?? "";
}

export function podView(pod: Pod): PodView {
  const { metadata, spec, status } = pod;
  const labels = metadata.labels ?? {};
  return {
    name: metadata.name,
    member: labels[LABELS.member] ?? "",
    uid: metadata.uid ?? "",
    phase: PHASES.find((phase) => phase === status?.phase) ?? "Unknown",
    ready: isTrue(status?.conditions, "Ready"),
    ip: status?.podIP ?? "",
    node: spec?.nodeName ?? "",
    image: imageOf(pod),
    terminating: metadata.deletionTimestamp !== undefined,
    restarts: (status?.containerStatuses ?? []).reduce((sum, one) => sum + one.restartCount, 0),
    waiting: status?.containerStatuses?.[0]?.state?.waiting?.reason ?? "",
    labels,
    annotations: metadata.annotations ?? {},
  };
}

export function nodeView(node: Node, topologyKey: string): NodeView {
  return {
    name: node.metadata.name,
    ready: isTrue(node.status?.conditions, "Ready"),
    unschedulable: node.spec?.unschedulable === true,
    outOfService: (node.spec?.taints ?? []).some(({ key }) => key === OUT_OF_SERVICE),
    zone: node.metadata.labels?.[topologyKey] ?? "",
  };
}

/** The member that a Service records; undefined for a Service that is no member of this set. */
export function memberView(service: Service, set: string): MemberView | undefined {
  const { name, annotations = {}, labels = {} } = service.metadata;
  const ordinal = /^(?:0|[1-9][0-9]{0,5})$/.exec(name.slice(set.length + 1))?.[0];
  if (!name.startsWith(`${set}-`) || ordinal === undefined) return undefined;
  if (labels[LABELS.member] !== name) return undefined;
  const ip = service.spec?.clusterIP ?? "";
  return {
    name,
    ordinal: Number(ordinal),
    address: ip === "" || ip === "None" ? "" : hostPort(ip, PORTS.peers),
    zone: annotations[ANNOTATIONS.zone] ?? "",
    consensusKey: annotations[ANNOTATIONS.consensusKey],
    networkKey: annotations[ANNOTATIONS.networkKey],
    image: annotations[ANNOTATIONS.image] ?? "",
    retired: annotations[ANNOTATIONS.retired] === "true",
  };
}
