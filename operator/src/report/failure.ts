import { ApiError } from "@quorate/runtime/transport";
import { timestamp } from "../act/follow.ts";
import { LABELS } from "../api/v1alpha1/labels.ts";
import type { ValidatorSet, ValidatorSetStatus } from "../api/v1alpha1/types.ts";
import type { Farewell } from "../apply/finalize.ts";
import { conditionsOf, type Judgement } from "./conditions.ts";

const TEXT_MAX = 4_096;

/** Whether the API server refused, and whether for want of a right. */
function reasonOf(error: unknown): "ApiForbidden" | "ApiRefused" | "PassFailed" {
  if (!(error instanceof ApiError)) return "PassFailed";
  return error.reason === "Forbidden" ? "ApiForbidden" : "ApiRefused";
}

/**
 * The status after a pass that came to no end: what was found last stands, but nothing of it is
 * called healthy any more.
 */
export function failedStatus(set: ValidatorSet, error: unknown, nowMs: number): ValidatorSetStatus {
  const reason = reasonOf(error);
  const said = error instanceof Error ? error.message : String(error);
  const text = error instanceof ApiError ? `${error.reason}: ${said}` : said;
  const message = `the last pass failed: ${text}`.slice(0, TEXT_MAX);
  const verdict = { verdict: "Failed", message };
  const judgements = nothingKnown({ reason, message }, { waits: "True", trusted: "False" });
  return lastKnown(set, verdict, nowMs, judgements);
}

/** Every condition, of a set that nobody has looked at whole: none of them is good news. */
function nothingKnown(
  told: Pick<Judgement, "reason" | "message">,
  { waits, trusted }: Readonly<Record<"waits" | "trusted", Judgement["status"]>>,
): readonly Judgement[] {
  return [
    { type: "Ready", status: "Unknown", ...told },
    { type: "Reconciling", status: "True", ...told },
    { type: "Stalled", status: waits, ...told },
    { type: "SignalsTrusted", status: trusted, ...told },
    { type: "QuorumSafe", status: "Unknown", ...told },
    { type: "RotationInProgress", status: "Unknown", ...told },
    { type: "Held", status: waits, ...told },
    { type: "MarginCalm", status: "Unknown", ...told },
  ];
}

/** A deletion under way, or what it waits for. */
export type Parting = Exclude<Farewell, { readonly kind: "gone" }>;

/** The status of a set that goes away: nobody looks at its chain any more. */
export function partingStatus(
  set: ValidatorSet,
  { kind, reason, message }: Parting,
  nowMs: number,
): ValidatorSetStatus {
  const waits = kind === "held" ? "True" : "False";
  const judgements = nothingKnown({ reason, message }, { waits, trusted: "Unknown" });
  return lastKnown(set, { verdict: reason, message }, nowMs, judgements);
}

/** What was found last, under other conditions. */
function lastKnown(
  set: ValidatorSet,
  last: Pick<ValidatorSetStatus["lastDecision"], "verdict" | "message">,
  nowMs: number,
  judgements: readonly Judgement[],
): ValidatorSetStatus {
  const before = set.status;
  const now = timestamp(nowMs);
  const generation = set.metadata.generation ?? 0;
  return {
    birth: { phase: "Keys", asked: 0 },
    members: [],
    voters: 0,
    spares: 0,
    genesisHash: "",
    chain: { epoch: 0, height: 0, setHash: "", time: "" },
    checkpoint: { epoch: 0, set: "", time: "" },
    faultBudget: { total: "0", quorum: "0", f: "0", used: "0", free: "0", seats: 0 },
    nextOrdinal: 0,
    selector: `${LABELS.set}=${set.metadata.name}`,
    ...before,
    observedGeneration: generation,
    conditions: conditionsOf(judgements, before?.conditions ?? [], { now, generation }),
    lastDecision: { ...last, rules: [], at: now },
  };
}
