import { transactionId } from "@quorate/node/ledger/transaction";
import type { KubeClient } from "@quorate/runtime/kube-client";
import { ApiError } from "@quorate/runtime/transport";
import { API_VERSION } from "../api/v1alpha1/labels.ts";
import type { ValidatorRotation, ValidatorRotationStatus } from "../api/v1alpha1/types.ts";
import type { Decision, RotationPlan } from "../decide/decision.ts";
import type { Observation } from "../observe/observation.ts";
import type { Observed } from "../observe/observe.ts";
import { validatorRotations } from "../observe/resources.ts";
import type { ChainPort, SubmitOutcome } from "../ports.ts";
import { enter, follow } from "./follow.ts";
import { objectOf, plannedStatus, untoldSwaps } from "./rotation-objects.ts";
import { transactionOf } from "./transactions.ts";

export interface ActPorts {
  readonly kube: KubeClient;
  readonly chain: ChainPort;
  /** The lease is fresh now (rule S10). */
  readonly leads: () => boolean;
}

/** A rotation whose status changed in this pass: what report tells people. */
export interface RotationChange {
  readonly rotation: ValidatorRotation;
  readonly status: ValidatorRotationStatus;
}

/** Phases from which nothing is sent (any more). */
const CLOSED = new Set(["Submitted", "Effective", "Replaced", "Refused", "Expired"]);

/**
 * The chain's part of a pass: rotations under way are followed, the chain's own swaps are written
 * down, and at most one plan is sent, after its intent stands in the API server (rule S16).
 */
export async function act(
  ports: ActPorts,
  observed: Observed,
  decision: Decision,
): Promise<readonly RotationChange[]> {
  const { observation } = observed;
  const changes: RotationChange[] = [];
  for (const rotation of observation.rotations) {
    const next = follow(observation, rotation);
    if (next === undefined || next === rotation.status) continue;
    changes.push(await writeStatus(ports.kube, rotation, named(observation, rotation, next)));
  }
  const { chain } = observation;
  if (chain.kind === "verified") {
    for (const { object, status } of untoldSwaps(observation, chain.chain)) {
      const live = await ensure(ports.kube, object);
      // Another pass told it: only what has no status yet is told here.
      if (live.status === undefined)
        changes.push(await writeStatus(ports.kube, live, named(observation, live, status)));
    }
  }
  const { plan, proposal } = decision;
  if (plan !== undefined) changes.push(...(await carryOut(ports, observed, decision, plan)));
  else if (proposal !== undefined && observation.set.spec.mode === "Approve") {
    changes.push(...(await propose(ports.kube, observed, decision, proposal)));
  }
  return changes;
}

/** Approve: the plan waits in the API server for a person. */
async function propose(
  kube: KubeClient,
  { observation }: Observed,
  decision: Decision,
  plan: RotationPlan,
): Promise<readonly RotationChange[]> {
  const rotation = await ensure(kube, objectOf(observation, plan));
  if (rotation.status !== undefined) return [];
  const status = named(observation, rotation, plannedStatus(observation, plan, decision));
  return [await writeStatus(kube, rotation, status)];
}

/** Intent first, then the transaction; what became of it is read from the chain (rule S16). */
async function carryOut(
  { kube, chain, leads }: ActPorts,
  { observation, request }: Observed,
  decision: Decision,
  plan: RotationPlan,
): Promise<readonly RotationChange[]> {
  if (request === undefined) return [];
  const { nowMs } = observation;
  // Read from the server: the cache may not know yet what this operator did a moment ago.
  const rotation = await ensure(kube, objectOf(observation, plan));
  const phase = rotation.status?.phase;
  if (phase !== undefined && CLOSED.has(phase)) return [];
  const bytes = transactionOf(plan);
  const before = rotation.status ?? plannedStatus(observation, plan, decision);
  const { expiresAt: _, ...planned } = named(observation, rotation, before);
  const height = observation.chain.kind === "verified" ? observation.chain.chain.height : 0;
  const submitted: ValidatorRotationStatus = {
    ...enter({ ...planned, planHash: plan.hash }, "Submitted", { nowMs, message: plan.message }),
    rules: decision.rules,
    transaction: transactionId(bytes),
    heights: { submitted: height },
  };
  const sent = await writeStatus(kube, rotation, submitted);
  // The answer may have taken long: the intent stands, whoever leads now follows it (rule S10).
  if (!leads()) return [sent];
  const outcome = await chain.submit(request, bytes);
  const next = afterSubmit(submitted, outcome, nowMs);
  if (next === submitted) return [sent];
  const final = await writeStatus(kube, rotation, next);
  return next.phase === submitted.phase ? [final] : [sent, final];
}

function afterSubmit(
  status: ValidatorRotationStatus,
  outcome: SubmitOutcome,
  nowMs: number,
): ValidatorRotationStatus {
  switch (outcome.kind) {
    case "executed": {
      const heights = { ...status.heights, committed: outcome.height };
      if (outcome.code === "OK") return { ...status, heights };
      const message = `the chain refused it at height ${outcome.height}: ${outcome.code}`;
      return enter({ ...status, heights }, "Refused", { nowMs, message });
    }
    case "refused": {
      const message = `no node took it: ${outcome.code}: ${outcome.message}`;
      return enter(status, "Refused", { nowMs, message: message.slice(0, 500) });
    }
    case "unknown":
      return { ...status, message: `no answer yet: ${outcome.message}`.slice(0, 500) };
  }
}

/** The live object: created, or the one that is there. */
async function ensure(kube: KubeClient, object: ValidatorRotation): Promise<ValidatorRotation> {
  const { namespace = "", name, uid } = object.metadata;
  if (uid === undefined) {
    try {
      return await kube.create(validatorRotations, object);
    } catch (error) {
      if (!(error instanceof ApiError) || error.reason !== "AlreadyExists") throw error;
    }
  }
  const live = await kube.get(validatorRotations, { namespace, name });
  if (live === undefined) throw new Error(`ValidatorRotation ${namespace}/${name} is gone`);
  return live;
}

/** Columns of `kubectl get vrot`: members by name, those of other clusters by their key's start. */
function named(
  { members }: Observation,
  { spec }: ValidatorRotation,
  status: ValidatorRotationStatus,
): ValidatorRotationStatus {
  const name = (key: string) =>
    members.find(({ consensusKey }) => consensusKey === key)?.name ?? key.slice(0, 8);
  const { newcomer } = status;
  const came = newcomer === undefined ? {} : { newcomerName: name(newcomer) };
  return { ...status, memberName: name(spec.member), ...came };
}

async function writeStatus(
  kube: KubeClient,
  rotation: ValidatorRotation,
  status: ValidatorRotationStatus,
): Promise<RotationChange> {
  const { namespace = "", name } = rotation.metadata;
  const object = { apiVersion: API_VERSION, kind: "ValidatorRotation" as const };
  const written = { ...object, metadata: { namespace, name }, status };
  await kube.applyStatus(validatorRotations, written as ValidatorRotation);
  return { rotation, status };
}
