import type { SwapRecord } from "@quorate/node/ledger/types";
import { API_VERSION, LABELS } from "../api/v1alpha1/labels.ts";
import type {
  RotationCause,
  ValidatorRotation,
  ValidatorRotationStatus,
  ValidatorSet,
} from "../api/v1alpha1/types.ts";
import type { Decision, RotationPlan } from "../decide/decision.ts";
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

const OVER: ReadonlySet<string | undefined> = new Set(["Refused", "Expired"]);

/** Under way: `follow` will find the swap. */
function isOpen(phase: string | undefined): boolean {
  return phase === "Planned" || phase === "Submitted";
}

function baseName(set: ValidatorSet, epoch: number, member: string): string {
  return `${set.metadata.name}-e${epoch}-${member.slice(0, 8)}`;
}

/**
 * The object of a plan: the one that is there and still open, else a new name. One that ended is
 * never used again, so that an old approval approves nothing new.
 */
export function objectOf(observation: Observation, plan: RotationPlan): ValidatorRotation {
  const { set, rotations } = observation;
  const { cause, member, setHash } = plan;
  const asked = rotations.find(
    ({ spec, status }) =>
      spec.cause === cause &&
      spec.member === member &&
      spec.setHash === setHash &&
      !OVER.has(status?.phase),
  );
  if (asked !== undefined) return asked;
  const base = baseName(set, plan.epoch, member);
  const taken = rotations.filter(
    ({ metadata: { name } }) => name === base || name.startsWith(`${base}-`),
  ).length;
  return rotationObject(set, taken === 0 ? base : `${base}-${taken + 1}`, {
    set: set.metadata.name,
    cause,
    member,
    setHash,
  });
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
      labels: { [LABELS.set]: set.metadata.name },
    },
    spec,
  };
}

/** A plan as its rotation's status says it first. */
export function plannedStatus(
  { nowMs, rotations }: Observation,
  plan: RotationPlan,
  decision: Decision,
): ValidatorRotationStatus {
  const asked = rotations.find(
    ({ spec, status }) =>
      spec.cause === "Owner" && spec.member === plan.member && !OVER.has(status?.phase),
  );
  return {
    phase: "Planned",
    initiator: plan.cause === "Owner" && asked !== undefined ? "Person" : "Operator",
    planHash: plan.hash,
    expiresAt: timestamp(nowMs + APPROVAL_MS),
    rules: decision.rules,
    message: plan.message,
    times: { Planned: timestamp(nowMs) },
  };
}

/** Swaps that the chain made and that no object tells of yet, as the objects that tell them. */
export function untoldSwaps(
  observation: Observation,
  chain: ChainView,
): readonly { readonly object: ValidatorRotation; readonly status: ValidatorRotationStatus }[] {
  const { set, rotations, nowMs } = observation;
  // What happened before this set's first look is history of others.
  const toldEpoch = set.status?.chain?.epoch ?? 0;
  const since = toldEpoch > 0 ? toldEpoch : chain.set.epoch;
  return seatSwaps(chain).flatMap((swap) => {
    const cause = CAUSES[swap.cause];
    const isTold = rotations.some(
      ({ spec, status }) =>
        spec.member === swap.leaver && (status?.epoch === swap.epoch || isOpen(status?.phase)),
    );
    if (cause === undefined || swap.epoch <= since || isTold) return [];
    const before = swap.epoch === toldEpoch + 1 ? set.status?.chain.setHash : undefined;
    const object = rotationObject(set, baseName(set, swap.epoch - 1, swap.leaver), {
      set: set.metadata.name,
      cause,
      member: swap.leaver,
      setHash: before === undefined || before === "" ? UNKNOWN_HASH : before,
    });
    const status: ValidatorRotationStatus = {
      phase: "Effective",
      initiator: "Chain",
      planHash: "",
      transaction: swap.proof,
      rules: [],
      message: `the chain swapped it by itself at height ${swap.height}`,
      times: { Effective: timestamp(nowMs) },
    };
    return [{ object, status: withSwap(status, swap, chain) }];
  });
}
