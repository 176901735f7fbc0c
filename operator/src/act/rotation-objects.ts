import type { SwapRecord } from "@quorate/node/ledger/types";
import { API_VERSION, FIELD_MANAGER, LABELS } from "../api/v1alpha1/labels.ts";
import type {
  RotationCause,
  ValidatorRotation,
  ValidatorRotationStatus,
  ValidatorSet,
} from "../api/v1alpha1/types.ts";
import { approvalHash } from "../decide/candidate.ts";
import type { RotationPlan } from "../decide/decision.ts";
import type { ChainView, Observation } from "../observe/observation.ts";
import { seatSwaps, timestamp, withSwap } from "./follow.ts";

/** A set hash that nobody here ever saw. */
const UNKNOWN_HASH = "0".repeat(64);
/** Approve: how long a plan waits for a person. */
export const APPROVAL_MS = 600_000;

const CAUSES: Readonly<Partial<Record<SwapRecord["cause"], RotationCause>>> = {
  silence: "Silence",
  misconduct: "Misconduct",
  owner: "Owner",
};

function baseName(set: ValidatorSet, epoch: number, member: string): string {
  return `${set.metadata.name}-e${epoch}-${member.slice(0, 8)}`;
}

/** The object of a plan; `claim` finds the name. */
export function objectOf({ set }: Observation, plan: RotationPlan): ValidatorRotation {
  const { cause, member, setHash } = plan;
  const name = baseName(set, plan.epoch, member);
  return rotationObject(set, name, { set: set.metadata.name, cause, member, setHash });
}

function rotationObject(
  set: ValidatorSet,
  name: string,
  spec: ValidatorRotation["spec"],
): ValidatorRotation {
  const { namespace } = set.metadata;
  return {
    apiVersion: API_VERSION,
    kind: "ValidatorRotation",
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { [LABELS.set]: set.metadata.name, [LABELS.managedBy]: FIELD_MANAGER },
    },
    spec,
  };
}

/**
 * A plan as its rotation's status says it first. Its hash binds the object: nobody can approve what
 * does not exist yet.
 */
export function plannedStatus(
  nowMs: number,
  rotation: ValidatorRotation,
  plan: RotationPlan,
  rules: readonly string[],
): ValidatorRotationStatus {
  return {
    phase: "Planned",
    initiator: plan.cause === "Owner" ? "Person" : "Operator",
    planHash: approvalHash(plan.hash, rotation.metadata.uid),
    expiresAt: timestamp(nowMs + APPROVAL_MS),
    rules,
    message: plan.message,
    times: { Planned: timestamp(nowMs) },
  };
}

/**
 * Swaps that the chain made and that no object tells of, as the objects that tell them: `rotations`
 * are those after this pass has followed them, so an open one that did not become the record is
 * none.
 */
export function untoldSwaps(
  observation: Observation,
  chain: ChainView,
  rotations: readonly ValidatorRotation[],
): readonly { readonly object: ValidatorRotation; readonly status: ValidatorRotationStatus }[] {
  const { set, nowMs } = observation;
  // What happened before this set's first look is history of others.
  const toldEpoch = set.status?.chain?.epoch ?? 0;
  const since = toldEpoch > 0 ? toldEpoch : chain.set.epoch;
  return seatSwaps(chain).flatMap((swap) => {
    const cause = CAUSES[swap.cause];
    const isTold = rotations.some(
      ({ spec, status }) => spec.member === swap.leaver && status?.epoch === swap.epoch,
    );
    if (cause === undefined || swap.epoch <= since || isTold) return [];
    const before = swap.epoch === toldEpoch + 1 ? set.status?.chain.setHash : undefined;
    const object = rotationObject(set, baseName(set, swap.epoch - 1, swap.leaver), {
      set: set.metadata.name,
      cause,
      member: swap.leaver,
      setHash: before === undefined || before === "" ? UNKNOWN_HASH : before,
    });
    // Given up as lost, and executed after all.
    const late = rotations.find(({ status: { transaction } = {} }) => transaction === swap.proof);
    const by = late === undefined ? "by itself" : `for ${late.metadata.name}, given up as lost,`;
    const status: ValidatorRotationStatus = {
      phase: "Effective",
      initiator: late?.status?.initiator ?? "Chain",
      planHash: "",
      transaction: swap.proof,
      rules: [],
      message: `the chain swapped it ${by} at height ${swap.height}`,
      times: { Effective: timestamp(nowMs) },
    };
    return [{ object, status: withSwap(status, swap, chain) }];
  });
}
