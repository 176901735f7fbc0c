import type { KubeObject } from "@quorate/runtime/objects";
import type { z } from "zod";
import type { Immutable } from "./fields.ts";
import type { validatorRotationSpec, validatorRotationStatus } from "./validator-rotation.ts";
import type { validatorSetSpec } from "./validator-set.ts";
import type { faultBudgetSchema, validatorSetStatus } from "./validator-set-status.ts";

// Descriptions, defaults and rules are in the schemas: `kubectl explain` shows the same text.

/** As the API server gives it: every default is filled in. */
export type ValidatorSetSpec = Immutable<z.output<typeof validatorSetSpec>>;
export type ValidatorSetStatus = Immutable<z.output<typeof validatorSetStatus>>;
export type ValidatorRotationSpec = Immutable<z.output<typeof validatorRotationSpec>>;
export type ValidatorRotationStatus = Immutable<z.output<typeof validatorRotationStatus>>;

/** What the operator may do by itself. */
export type Mode = ValidatorSetSpec["mode"];
/** Where evidence of silence may come from; kinds count by origin, not by path (rule S7). */
export type SignalKind = ValidatorSetSpec["healing"]["signals"][number];
export type OwnerSpec = ValidatorSetSpec["owners"][number];
/** One signature of an owner's key that endorses a spare (rule RATE). */
export type EndorsementSpec = ValidatorSetSpec["endorsements"][number];
export type Condition = ValidatorSetStatus["conditions"][number];
export type ConditionType = Condition["type"];
/** One node of the set: its pod, volume, service and configuration share the name. */
export type MemberStatus = ValidatorSetStatus["members"][number];
export type MemberRole = MemberStatus["role"];
export type FaultBudget = Immutable<z.output<typeof faultBudgetSchema>>;
/** Why a seat changes hands (rule CAUSE). */
export type RotationCause = ValidatorRotationSpec["cause"];
/**
 * Planned: decided; in Approve mode it waits here for a person. Submitted: the intent is written,
 * the transaction may be on its way (S16). Effective: the first commit of the new epoch was
 * verified. Replaced: the leaver's pod is gone and a new spare is registered.
 */
export type RotationPhase = ValidatorRotationStatus["phase"];

export interface ValidatorSet extends KubeObject {
  readonly kind: "ValidatorSet";
  readonly spec: ValidatorSetSpec;
  readonly status?: ValidatorSetStatus;
}

/** `<set>-e<epoch in which it was decided>-<first 8 of the member's key>`. */
export interface ValidatorRotation extends KubeObject {
  readonly kind: "ValidatorRotation";
  readonly spec: ValidatorRotationSpec;
  readonly status?: ValidatorRotationStatus;
}
