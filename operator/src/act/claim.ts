import type { KubeClient } from "@quorate/runtime/kube-client";
import { ApiError } from "@quorate/runtime/transport";
import { ANNOTATIONS, FIELD_MANAGER, LABELS } from "../api/v1alpha1/labels.ts";
import type { ValidatorRotation } from "../api/v1alpha1/types.ts";
import { approvalHash } from "../decide/candidate.ts";
import type { RotationPlan } from "../decide/decision.ts";
import { validatorRotations } from "../observe/resources.ts";

/** Names that are tried in order; behind them comes one that nobody could know before. */
const NUMBERED_NAMES = 9;

/** use: write to it. stop: what it is for was done already. next: not ours, or over. */
export type Verdict = "use" | "stop" | "next";

export interface Wanted {
  /** With the first choice of a name. */
  readonly object: ValidatorRotation;
  readonly judge: (live: ValidatorRotation) => Verdict;
}

export type Claim =
  | {
      readonly kind: "live";
      readonly rotation: ValidatorRotation;
      /** Names that objects of other people hold. */
      readonly squatted: readonly string[];
    }
  | { readonly kind: "done"; readonly rotation: ValidatorRotation };

function isOurs({ metadata }: ValidatorRotation): boolean {
  return metadata.labels?.[LABELS.managedBy] === FIELD_MANAGER;
}

function sameSpec({ spec: left }: ValidatorRotation, { spec: right }: ValidatorRotation): boolean {
  return (
    left.set === right.set &&
    left.cause === right.cause &&
    left.member === right.member &&
    left.setHash === right.setHash &&
    left.ownerSignature?.signature === right.ownerSignature?.signature
  );
}

/** New and made by the operator; an approval that is older than the plan approves nothing. */
function isFresh(live: ValidatorRotation): boolean {
  return isOurs(live) && live.metadata.annotations?.[ANNOTATIONS.approve] === undefined;
}

/**
 * Whether a live object is that of the plan: the same spec, made by the operator and not over.
 * One that ended is never used again, so that an old approval approves nothing new.
 */
export function judgeForPlan(
  object: ValidatorRotation,
  plan: RotationPlan,
): (live: ValidatorRotation) => Verdict {
  return (live) => {
    const { status, metadata } = live;
    if (!sameSpec(live, object)) return "next";
    if (status === undefined) return isFresh(live) ? "use" : "next";
    switch (status.phase) {
      case "Planned":
        return status.planHash === approvalHash(plan.hash, metadata.uid) ? "use" : "next";
      case "Submitted":
      case "Effective":
      case "Replaced":
        return "stop";
      case "Refused":
      case "Expired":
        return "next";
    }
  };
}

/** Whether a live object may tell, or tells, of the swap that began `epoch`. */
export function judgeForRecord(
  object: ValidatorRotation,
  epoch: number,
): (live: ValidatorRotation) => Verdict {
  return (live) => {
    if (live.spec.member !== object.spec.member) return "next";
    if (live.status?.epoch === epoch) return "stop";
    return live.status === undefined && sameSpec(live, object) && isFresh(live) ? "use" : "next";
  };
}

/** The created object, or what holds the name; undefined where that went away in between. */
async function createOrGet(
  kube: KubeClient,
  object: ValidatorRotation,
): Promise<ValidatorRotation | undefined> {
  try {
    return await kube.create(validatorRotations, object);
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== "AlreadyExists") throw error;
  }
  const { namespace = "", name } = object.metadata;
  return kube.get(validatorRotations, { namespace, name });
}

/**
 * The live object for what is wanted. A name that another object holds, or one that is over, ends
 * nothing: the next free one is taken, always in the same order.
 */
export async function claim(
  kube: KubeClient,
  known: readonly ValidatorRotation[],
  { object, judge }: Wanted,
  nowMs: number,
): Promise<Claim> {
  const { namespace = "", name: base } = object.metadata;
  const there = known.filter((each) => judge(each) !== "next").map(({ metadata }) => metadata.name);
  const numbered = Array.from({ length: NUMBERED_NAMES }, (_, index) =>
    index === 0 ? base : `${base}-${index + 1}`,
  );
  const squatted: string[] = [];
  for (const name of new Set([...there, ...numbered, `${base}-${nowMs.toString(36)}`])) {
    const seen = known.find(({ metadata }) => metadata.name === name);
    const isOver = seen !== undefined && judge(seen) === "next";
    const metadata = { ...object.metadata, name };
    const live = isOver
      ? seen
      : seen === undefined
        ? await createOrGet(kube, { ...object, metadata })
        : await kube.get(validatorRotations, { namespace, name });
    if (live === undefined) continue;
    const verdict = judge(live);
    if (verdict === "use") return { kind: "live", rotation: live, squatted };
    if (verdict === "stop") return { kind: "done", rotation: live };
    if (!isOurs(live)) squatted.push(name);
  }
  throw new Error(`no name is free for ValidatorRotation ${namespace}/${base}`);
}
