import type { KubeObject } from "@quorate/runtime/objects";
import { ANNOTATIONS, PORTS } from "../api/v1alpha1/labels.ts";
import type { ValidatorSet } from "../api/v1alpha1/types.ts";
import type { MemberView, PodView } from "../observe/observation.ts";
import { hostPort } from "../observe/scrape.ts";
import type { NodeControlPort, NodeIdentity } from "../ports.ts";

/** What a member's node said of itself in this pass. */
export interface IdentityAnswer {
  readonly member: string;
  /** Absent: it did not answer, or its answer cannot be used; `problem` says why. */
  readonly identity?: NodeIdentity;
  readonly problem?: string;
}

/** Whether the pod can be asked: it runs, and the API server gives its address. */
export function isReachable(pod: PodView): boolean {
  return pod.phase === "Running" && pod.ip !== "" && !pod.terminating;
}

/**
 * Asks each member's node for its keys, at the address that the API server gives (rule GENESIS).
 * An answer counts only if the node advertises the address that its Service has: it goes on the
 * chain.
 */
export async function askIdentities(
  control: NodeControlPort,
  set: ValidatorSet,
  asked: readonly { readonly member: MemberView; readonly pod: PodView }[],
): Promise<readonly IdentityAnswer[]> {
  const setUid = set.metadata.uid ?? "";
  return Promise.all(
    asked.map(async ({ member, pod }) => {
      const address = hostPort(pod.ip, PORTS.control);
      try {
        const identity = await control.identity(address, { setUid, podUid: pod.uid });
        if (identity.address === member.address) return { member: member.name, identity };
        const problem = `advertises ${identity.address}, its Service has ${member.address}`;
        return { member: member.name, problem };
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        return { member: member.name, problem };
      }
    }),
  );
}

/**
 * Whether the member's Service has these keys on record. What goes on the chain rests on the record
 * alone: after a crash the same question finds the same keys.
 */
export function isRecorded(
  objects: readonly KubeObject[],
  { name, consensusKey, networkKey }: MemberView,
): boolean {
  const service = objects.find(
    ({ kind, metadata }) => kind === "Service" && metadata.name === name,
  );
  const recorded = service?.metadata.annotations ?? {};
  return (
    consensusKey !== undefined &&
    recorded[ANNOTATIONS.consensusKey] === consensusKey &&
    recorded[ANNOTATIONS.networkKey] === networkKey
  );
}
