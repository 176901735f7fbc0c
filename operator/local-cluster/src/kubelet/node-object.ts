import { availableParallelism, totalmem } from "node:os";
import { apiTime, type Node, type NodeCondition } from "../controllers/api-types.ts";

export interface NodeFacts {
  readonly name: string;
  readonly address: string;
  /** E.g. the zone. */
  readonly labels: Readonly<Record<string, string>>;
  readonly imageNames: readonly string[];
  readonly now: number;
}

/** The Node as a kubelet registers it. */
export function nodeObject(facts: NodeFacts): object {
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: facts.name,
      labels: {
        "beta.kubernetes.io/arch": architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
        "kubernetes.io/hostname": facts.name,
        "kubernetes.io/os": "linux",
        ...facts.labels,
      },
    },
    spec: {},
  };
}

/** All that a kubelet says of its node; `old` keeps the times of what did not change. */
export function nodeStatus(facts: NodeFacts, old: Node | undefined): object {
  const resources = {
    cpu: String(availableParallelism()),
    "ephemeral-storage": "100Gi",
    memory: `${Math.floor(totalmem() / 1024)}Ki`,
    pods: "110",
  };
  return {
    addresses: [
      { type: "InternalIP", address: facts.address },
      { type: "Hostname", address: facts.name },
    ],
    capacity: resources,
    allocatable: resources,
    conditions: nodeConditions(old?.status?.conditions ?? [], facts.now),
    images: facts.imageNames.map((name) => ({ names: [name], sizeBytes: 0 })),
    nodeInfo: {
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      bootID: "",
      containerRuntimeVersion: `process://${process.version}`,
      kernelVersion: "",
      kubeProxyVersion: "",
      kubeletVersion: "v1.32.0",
      machineID: facts.name,
      operatingSystem: "linux",
      osImage: "Quorate local cluster",
      systemUUID: facts.name,
    },
    daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
  };
}

const HEALTHY: readonly Pick<NodeCondition, "type" | "status" | "reason" | "message">[] = [
  pressure("Memory", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
  pressure("Disk", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
  pressure("PID", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
  {
    type: "Ready",
    status: "True",
    reason: "KubeletReady",
    message: "kubelet is posting ready status",
  },
];

function pressure(what: string, reason: string, message: string) {
  return { type: `${what}Pressure`, status: "False", reason, message };
}

function nodeConditions(old: readonly NodeCondition[], now: number): readonly NodeCondition[] {
  return HEALTHY.map((one) => {
    const before = old.find(({ type }) => type === one.type);
    const kept = before?.status === one.status ? before.lastTransitionTime : undefined;
    const time = apiTime(now);
    return { ...one, lastHeartbeatTime: time, lastTransitionTime: kept ?? time };
  });
}
