import {
  apiTime,
  type ContainerStatus,
  type Pod,
  type PodCondition,
  type PodStatus,
} from "../controllers/api-types.ts";

export interface PodFacts {
  readonly podIp: string | undefined;
  readonly hostIp: string;
  /** Volumes are there and the address is given. */
  readonly sandboxReady: boolean;
  readonly initialised: boolean;
  readonly init: readonly ContainerStatus[];
  readonly main: readonly ContainerStatus[];
  /** No container will start again, because of the restart policy or because the pod goes. */
  readonly allFinished: boolean;
  readonly initFailed: boolean;
  readonly now: number;
}

type Verdict = Pick<PodCondition, "status" | "reason" | "message">;

const OURS = [
  "PodReadyToStartContainers",
  "Initialized",
  "Ready",
  "ContainersReady",
  "PodScheduled",
] as const;

/** What the kubelet writes into `status`; conditions of others stay. */
export function podStatus(pod: Pod, facts: PodFacts): PodStatus {
  const phase = podPhase(facts);
  const old = pod.status?.conditions ?? [];
  const conditions = [
    ...OURS.map((type) => {
      const verdict = verdictOn(type, { pod, facts, phase });
      return condition(type, verdict, { old, now: facts.now });
    }),
    ...old.filter(({ type }) => !(OURS as readonly string[]).includes(type)),
  ];
  const { podIp, hostIp } = facts;
  return {
    phase,
    conditions,
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    ...(podIp === undefined ? {} : { podIP: podIp, podIPs: [{ ip: podIp }] }),
    startTime: pod.status?.startTime ?? apiTime(facts.now),
    ...(facts.init.length === 0 ? {} : { initContainerStatuses: facts.init }),
    containerStatuses: facts.main,
    qosClass: pod.status?.qosClass ?? qosClass(pod),
  };
}

export function podPhase(facts: PodFacts): string {
  if (facts.initFailed) return "Failed";
  if (!facts.initialised) return facts.allFinished ? "Failed" : "Pending";
  if (facts.allFinished) {
    const failed = facts.main.some(({ state }) => state?.terminated?.exitCode !== 0);
    return failed ? "Failed" : "Succeeded";
  }
  const begun = facts.main.every(({ containerID }) => containerID !== undefined);
  return begun ? "Running" : "Pending";
}

interface Judged {
  readonly pod: Pod;
  readonly facts: PodFacts;
  readonly phase: string;
}

const TRUE: Verdict = { status: "True" };

function verdictOn(type: (typeof OURS)[number], { pod, facts, phase }: Judged): Verdict {
  if (type === "PodScheduled") return TRUE;
  if (type === "PodReadyToStartContainers") {
    return { status: facts.sandboxReady && !facts.allFinished ? "True" : "False" };
  }
  if (type === "Initialized") {
    if (facts.initialised) return phase === "Succeeded" ? completed("True") : TRUE;
    const names = facts.init.filter(({ state }) => state?.terminated?.exitCode !== 0);
    return incomplete("ContainersNotInitialized", "incomplete", names);
  }
  if (phase === "Succeeded") return completed("False");
  if (phase === "Failed") return { status: "False", reason: "PodFailed" };
  const unready = facts.main.filter(({ ready }) => !ready);
  if (unready.length > 0) return incomplete("ContainersNotReady", "unready", unready);
  return type === "Ready" ? gates(pod) : TRUE;
}

function gates(pod: Pod): Verdict {
  const missing = (pod.spec?.readinessGates ?? []).find(
    ({ conditionType }) =>
      !pod.status?.conditions?.some((c) => c.type === conditionType && c.status === "True"),
  );
  if (missing === undefined) return TRUE;
  return {
    status: "False",
    reason: "ReadinessGatesNotReady",
    message: `corresponding condition of pod readiness gate "${missing.conditionType}" is not True`,
  };
}

function completed(status: string): Verdict {
  return { status, reason: "PodCompleted" };
}

function incomplete(reason: string, word: string, of: readonly ContainerStatus[]): Verdict {
  const names = of.map(({ name }) => name).join(" ");
  return { status: "False", reason, message: `containers with ${word} status: [${names}]` };
}

/** A condition keeps the time of its last change of status. */
export function condition(
  type: string,
  verdict: Verdict,
  { old, now }: { readonly old: readonly PodCondition[]; readonly now: number },
): PodCondition {
  const before = old.find((one) => one.type === type);
  const kept = before?.status === verdict.status ? before.lastTransitionTime : undefined;
  return { type, lastTransitionTime: kept ?? apiTime(now), ...verdict };
}

type Resources = Readonly<Record<string, string>> | undefined;

function qosClass(pod: Pod): string {
  const all = pod.spec?.containers ?? [];
  const lists = all.map(({ resources }) => ({
    limits: resources?.limits as Resources,
    requests: resources?.requests as Resources,
  }));
  if (lists.every(({ limits, requests }) => isEmpty(limits) && isEmpty(requests))) {
    return "BestEffort";
  }
  const guaranteed = lists.every(({ limits, requests }) =>
    ["cpu", "memory"].every((name) => {
      const limit = limits?.[name];
      return limit !== undefined && (requests?.[name] ?? limit) === limit;
    }),
  );
  return guaranteed ? "Guaranteed" : "Burstable";
}

function isEmpty(list: Resources): boolean {
  return list === undefined || Object.keys(list).length === 0;
}
