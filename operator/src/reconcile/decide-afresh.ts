import type { KubeClient } from "@quorate/runtime/kube-client";
import { decide } from "../decide/decide.ts";
import type { Decision } from "../decide/decision.ts";
import { detect } from "../detect/detect.ts";
import type { Findings } from "../detect/verdict.ts";
import type { Observed } from "../observe/observe.ts";
import { validatorRotations, validatorSets } from "../observe/resources.ts";

/** What a pass decided, and on what. */
export interface Decided {
  readonly observed: Observed;
  readonly findings: Findings;
  readonly decision: Decision;
  /** The set is going away, or another one has its name: nothing is done, whatever was decided. */
  readonly isGone: boolean;
}

export interface Sources {
  readonly kube: KubeClient;
  /** The lease is fresh now. */
  readonly leads: () => boolean;
}

function decideOn(observed: Observed): Decided {
  const findings = detect(observed.observation);
  return { observed, findings, decision: decide(observed.observation, findings), isGone: false };
}

/**
 * A watch may be late without a sign of it: then the copies know nothing of a pause, of another
 * mode, or of the rotation that this operator sent a moment ago. So before anything is sent, the
 * set and its rotations are read from the API server and every rule is asked once more (rules S10,
 * S15, S16, S19).
 */
export async function decideAfresh(sources: Sources, observed: Observed): Promise<Decided> {
  const first = decideOn(observed);
  if (first.decision.plan === undefined) return first;
  const { kube, leads } = sources;
  const { metadata } = observed.observation.set;
  const { namespace = "", name, uid } = metadata;
  const [set, all] = await Promise.all([
    kube.get(validatorSets, { namespace, name }),
    kube.list(validatorRotations, { namespace }),
  ]);
  const isSame = set?.metadata.uid === uid && set?.metadata.deletionTimestamp === undefined;
  if (set === undefined || !isSame) return withoutPlan(first);
  const rotations = all.filter(({ spec }) => spec.set === name);
  const leaseIsFresh = observed.observation.leaseIsFresh && leads();
  const observation = { ...observed.observation, set, rotations, leaseIsFresh };
  return decideOn({ ...observed, observation });
}

/** The next pass sees it. */
function withoutPlan(first: Decided): Decided {
  const decision = { ...first.decision, plan: undefined, proposal: undefined };
  return { ...first, decision, isGone: true };
}
