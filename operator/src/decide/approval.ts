import type { RefusalReason } from "../api/v1alpha1/conditions.ts";
import { ANNOTATIONS } from "../api/v1alpha1/labels.ts";
import type { ValidatorRotation } from "../api/v1alpha1/types.ts";
import { approvalHash, effectOf, planHash } from "./candidate.ts";
import type { Refusal } from "./decision.ts";
import { instantMs } from "./instant.ts";
import type { CandidateInput, Guard } from "./policy-input.ts";

/** An approval counts this long after the plan was written (rule of Approve). */
export const APPROVAL_MS = 600_000;

function waiting(
  { candidate: { member } }: CandidateInput,
  reason: RefusalReason,
  message: string,
) {
  return { rule: "APPROVE", reason, message, member } satisfies Refusal;
}

/** Nobody has said yes to this plan: how to say it, or that another plan was meant. */
function unapproved(
  input: CandidateInput,
  plans: readonly ValidatorRotation[],
  plan: string,
): Refusal {
  const other = plans.find(
    ({ metadata }) => metadata.annotations?.[ANNOTATIONS.approve] !== undefined,
  );
  if (other !== undefined) {
    const named = other.metadata.annotations?.[ANNOTATIONS.approve];
    const message = `approved is ${named?.slice(0, 8)}, which is no plan that stands now`;
    return waiting(input, "PlanChanged", message);
  }
  const current = plans.find(
    ({ metadata, status }) => status?.planHash === approvalHash(plan, metadata.uid),
  );
  const fix =
    current === undefined
      ? "its ValidatorRotation is being written"
      : `annotate ${current.metadata.name} with ${ANNOTATIONS.approve}=${current.status?.planHash}`;
  return waiting(input, "AwaitingApproval", `a person decides: ${fix}`);
}

/** The very plan, in this very object, was approved by a person. */
export function approves({ metadata, status }: ValidatorRotation, plan: string): boolean {
  const hash = approvalHash(plan, metadata.uid);
  const named = metadata.annotations?.[ANNOTATIONS.approve];
  return status?.phase === "Planned" && status.planHash === hash && named === hash;
}

/**
 * Approve binds plan, set hash, effect, incident and an expiry of 10 minutes: the annotation names
 * the hash of the very plan that would be acted on now, in the object that was made for it. An
 * owner's signature binds member and set by itself.
 */
export const isApproved: Guard = {
  id: "APPROVE",
  refuse: (input) => {
    const { observation, candidate, chain } = input;
    const { cause, member } = candidate;
    if (observation.set.spec.mode !== "Approve" || cause === undefined) return undefined;
    if (cause === "Owner") return undefined;
    const effect = effectOf(chain, cause, member);
    const plan = planHash({ cause, member, setHash: chain.setHash, effect });
    const plans = observation.rotations.filter(
      ({ spec, status }) => spec.member === member && status?.phase === "Planned",
    );
    const approved = plans.find((each) => approves(each, plan));
    if (approved === undefined) return unapproved(input, plans, plan);
    const expiresAt = approved.status?.expiresAt;
    const expiresMs = instantMs(expiresAt) ?? 0;
    if (expiresMs > observation.nowMs) return undefined;
    const message = `it expired ${expiresAt ?? "(no expiry)"}: approve the new plan`;
    return waiting(input, "ApprovalExpired", message);
  },
};
