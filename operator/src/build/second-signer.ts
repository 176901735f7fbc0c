import { PRODUCTION } from "@quorate/node/kernel/parameters";
import { ANNOTATIONS } from "../api/v1alpha1/labels.ts";
import type { MemberView, Observation } from "../observe/observation.ts";
import type { WithheldPod } from "./desired.ts";

/** Whether the chain or a peer heard the key within the chain's silence window. */
function isHeard({ chain, scrape, prometheus }: Observation, key: string): boolean {
  if (chain.kind === "unborn") return false;
  const verified = chain.kind === "verified" ? chain.chain : undefined;
  const { silenceMs } = (verified?.parameters ?? PRODUCTION).rotation;
  if ((verified?.liveness.get(key)?.msSilent ?? silenceMs) < silenceMs) return true;
  return [scrape, prometheus].some(
    (reading) =>
      reading?.kind === "read" &&
      reading.samples.some(({ observer, ageMs, lastSeenMs }) => {
        const heardMs = observer === key ? ageMs : (lastSeenMs.get(key) ?? silenceMs) + ageMs;
        return heardMs < silenceMs;
      }),
  );
}

/** Machines that a person declared off, though Kubernetes does not know them any more. */
function declaredGone({ set }: Observation): readonly string[] {
  const text = set.metadata.annotations?.[ANNOTATIONS.machinesGone] ?? "";
  return text.split(",").map((name) => name.trim());
}

/**
 * Why a member whose pod is gone gets no new one yet (rules S14, JOURNAL): a pod object that is
 * gone says that its node stopped only where its machine answers. Of a machine that does not, a
 * person says it: the taint out-of-service, or the set's annotation for a Node that is deleted.
 * A machine that is ready told the API server itself that the pod had ended: nothing is waited for.
 */
export function withheldPod(
  observation: Observation,
  { name, consensusKey }: MemberView,
): WithheldPod | undefined {
  if (consensusKey === undefined || observation.pods.some((pod) => pod.name === name)) {
    return undefined;
  }
  const withheld = (reason: WithheldPod["reason"], message: string): WithheldPod => {
    return { member: name, reason, message: `${name}: ${message}` };
  };
  // Remembered in status from the last pod; empty where no pod was ever bound.
  const last = observation.set.status?.members?.find((each) => each.name === name)?.node ?? "";
  const machine = observation.nodes.find((node) => node.name === last);
  if (machine?.ready === true && machine.outOfService !== true) return undefined;
  if (machine !== undefined && machine.outOfService !== true) {
    const fix = "taint it node.kubernetes.io/out-of-service once it is switched off";
    return withheld("MachineNotReady", `its machine ${last} does not answer: ${fix}`);
  }
  if (machine === undefined && last !== "" && !declaredGone(observation).includes(last)) {
    const fix = `annotate the set ${ANNOTATIONS.machinesGone}=${last} once it is switched off`;
    return withheld("MachineMissing", `there is no Node ${last} any more: ${fix}`);
  }
  if (!isHeard(observation, consensusKey)) return undefined;
  return withheld("KeyStillHeard", "its key was heard within the silence window");
}
