import type { RefusalReason } from "../api/v1alpha1/conditions.ts";
import { ANNOTATIONS } from "../api/v1alpha1/labels.ts";
import { planHash } from "./candidate.ts";
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

/**
 * Approve binds plan, set hash and an expiry of 10 minutes: the annotation names the hash of the
 * very plan that would be acted on now. An owner's signature binds member and set by itself.
 */
export const isApproved: Guard = {
  id: "APPROVE",
  refuse: (input) => {
    const { observation, candidate, chain } = input;
    const { cause, member } = candidate;
    if (observation.set.spec.mode !== "Approve" || cause === undefined) return undefined;
    if (cause === "Owner") return undefined;
    const hash = planHash(cause, member, chain.setHash);
    const plans = observation.rotations.filter(
      ({ spec, status }) => spec.member === member && status?.phase === "Planned",
    );
    const approved = plans.find(
      ({ metadata }) => metadata.annotations?.[ANNOTATIONS.approve] !== undefined,
    );
    if (approved === undefined) {
      const fix = `annotate its ValidatorRotation with ${ANNOTATIONS.approve}=${hash}`;
      return waiting(input, "AwaitingApproval", `a person decides: ${fix}`);
    }
    const named = approved.metadata.annotations?.[ANNOTATIONS.approve];
    if (named !== hash || approved.status?.planHash !== hash) {
      const message = `approved is ${named?.slice(0, 8)}, the plan is ${hash.slice(0, 8)} now`;
      return waiting(input, "PlanChanged", message);
    }
    const expiresMs = instantMs(approved.status.expiresAt) ?? 0;
    if (expiresMs > observation.nowMs) return undefined;
    const message = `it expired ${approved.status.expiresAt ?? "(no expiry)"}: approve the new plan`;
    return waiting(input, "ApprovalExpired", message);
  },
};
