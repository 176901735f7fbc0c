import type { RefusalReason } from "../api/v1alpha1/conditions.ts";
import type { FaultBudget, RotationCause, ValidatorRotation } from "../api/v1alpha1/types.ts";

/** A rotation that every rule allows now. */
export interface RotationPlan {
  readonly cause: RotationCause;
  /** Consensus key whose seat is vacated. */
  readonly member: string;
  /** Epoch and hash of the set that the plan was computed from (compare and set). */
  readonly epoch: number;
  readonly setHash: string;
  /** SHA-256 over cause, member, set hash and effect; with the object's uid what people approve. */
  readonly hash: string;
  /** Misconduct: the proof's transaction. Silence and Owner: made by `act`. */
  readonly proof: Uint8Array | undefined;
  /** Owner only: what the rotation object carries. */
  readonly ownerSignature?: { readonly nonce: number; readonly signature: string };
  /** Owner only: the object by which the owner asks. */
  readonly request?: ValidatorRotation;
  /**
   * Swap: a fit spare takes the seat. Mute: there is none, the member stays muted (SWAP).
   * Slash: there is none, the proof bites the bond and the seat waits for a spare.
   */
  readonly effect: "Swap" | "Mute" | "Slash";
  /** For people: what was found, with its numbers. */
  readonly message: string;
}

/** A rule that forbids an act, in a form that becomes a condition, an event and a metric label. */
export interface Refusal {
  /** The rule's id: S1, S7, S9, RATE, ... */
  readonly rule: string;
  /** CamelCase, of the closed list. */
  readonly reason: RefusalReason;
  readonly message: string;
  /** The member that the refused act was about; absent for a hold of everything. */
  readonly member?: string;
  /** When it may be asked again, ms since the Unix epoch, where that is known. */
  readonly againAtMs?: number;
}

/** Evidence that stands in this pass, and what a rotation for it would do, allowed or not. */
export type Ground = Pick<RotationPlan, "cause" | "member" | "effect">;

export interface Decision {
  /** At most one in a pass. */
  readonly plan: RotationPlan | undefined;
  /**
   * What would be done: passed every rule but mode and approval. In Approve mode it is written as
   * a ValidatorRotation in phase Planned; in Observe mode it is only told.
   */
  readonly proposal: RotationPlan | undefined;
  /** Empty: nothing was wanted, or the plan passed every rule. First one first. */
  readonly refusals: readonly Refusal[];
  /** Ids of the rules that were asked, in order. */
  readonly rules: readonly string[];
  readonly budget: FaultBudget | undefined;
  /** Absent where something holds everything: then nobody can say that a finding is gone. */
  readonly grounds?: readonly Ground[];
}
