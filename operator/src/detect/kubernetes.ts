import type { Observation } from "../observe/observation.ts";

/** What Kubernetes says about a member's pod and machine; only of members that are ours. */
export interface PodHealth {
  readonly problem: "Gone" | "MachineDown" | "Terminating" | "Crashed" | "NotReady";
  readonly says: string;
}

export function podHealth(observation: Observation, key: string): PodHealth | undefined {
  const member = observation.members.find(({ consensusKey }) => consensusKey === key);
  if (member === undefined) return undefined;
  const pod = observation.pods.find((each) => each.member === member.name);
  if (pod === undefined) return { problem: "Gone", says: `pod ${member.name} is gone` };
  const node = observation.nodes.find(({ name }) => name === pod.node);
  if (pod.node !== "" && node?.ready !== true) {
    return { problem: "MachineDown", says: `machine ${pod.node} of pod ${pod.name} is not ready` };
  }
  if (pod.terminating) return { problem: "Terminating", says: `pod ${pod.name} is terminating` };
  if (pod.phase === "Failed" || (!pod.ready && pod.restarts > 0)) {
    const says = `pod ${pod.name} is ${pod.phase}, not ready, restarted ${pod.restarts} times`;
    return { problem: "Crashed", says };
  }
  if (!pod.ready) return { problem: "NotReady", says: `pod ${pod.name} is not ready` };
  return undefined;
}

/** Its machine takes no new pods: somebody drains it (rule S17). */
export function isDraining(observation: Observation, key: string): boolean {
  const member = observation.members.find(({ consensusKey }) => consensusKey === key);
  const pod = observation.pods.find((each) => each.member === member?.name);
  if (pod === undefined) return false;
  const node = observation.nodes.find(({ name }) => name === pod.node);
  return pod.terminating || node?.unschedulable === true;
}
