import { transactionId } from "@quorate/node/ledger/transaction";
import type { KubeClient } from "@quorate/runtime/kube-client";
import type { ValidatorRotation, ValidatorRotationStatus } from "../api/v1alpha1/types.ts";
import { approves } from "../decide/approval.ts";
import type { Decision, RotationPlan } from "../decide/decision.ts";
import type { Observation } from "../observe/observation.ts";
import type { Observed } from "../observe/observe.ts";
import { validatorRotations } from "../observe/resources.ts";
import type { ChainPort, SubmitOutcome } from "../ports.ts";
import { type Claim, claim, judgeForPlan, judgeForRecord } from "./claim.ts";
import { enter, follow } from "./follow.ts";
import { objectOf, plannedStatus, untoldSwaps } from "./rotation-objects.ts";
import { changeStatus, isConflict, type RotationChange, writeStatus } from "./status-writes.ts";
import { transactionOf } from "./transactions.ts";

export interface ActPorts {
  readonly kube: KubeClient;
  readonly chain: ChainPort;
  /** The lease is fresh now (rule S10). */
  readonly leads: () => boolean;
}

export interface Acted {
  readonly changes: readonly RotationChange[];
  /** As it was given; where its plan could not be sent, it says so. */
  readonly decision: Decision;
}

/**
 * The chain's part of a pass: rotations under way are followed, the chain's own swaps are written
 * down, and at most one plan is sent, after its intent stands in the API server (rule S16).
 */
export async function act(ports: ActPorts, observed: Observed, decision: Decision): Promise<Acted> {
  const { kube } = ports;
  const { observation } = observed;
  const followed = await followAll(kube, observation, decision);
  const told = await tellSwaps(kube, observation, followed);
  const changes = [...followed, ...told];
  const { plan, proposal } = decision;
  if (plan !== undefined) {
    const sent = await carryOut(ports, observed, decision, plan);
    const all = [...changes, ...sent.changes];
    if (sent.unsent === undefined) return { changes: all, decision };
    const refusal = {
      rule: "S16",
      reason: "NotSent",
      message: `nothing was sent: ${sent.unsent}`,
      member: plan.member,
    } as const;
    return { changes: all, decision: { ...decision, plan: undefined, refusals: [refusal] } };
  }
  if (proposal !== undefined && observation.set.spec.mode === "Approve") {
    changes.push(...(await propose(kube, observation, decision, proposal)));
  }
  return { changes, decision };
}

async function followAll(
  kube: KubeClient,
  observation: Observation,
  { grounds }: Decision,
): Promise<readonly RotationChange[]> {
  const changes: RotationChange[] = [];
  for (const rotation of observation.rotations) {
    const change = await changeStatus(kube, rotation, (live) => {
      const next = follow(observation, live, grounds);
      if (next === undefined || next === live.status) return next;
      return named(observation, live, next);
    });
    if (change !== undefined) changes.push(change);
  }
  return changes;
}

/** Every swap has a record, also where its object was given up or its name is taken. */
async function tellSwaps(
  kube: KubeClient,
  observation: Observation,
  followed: readonly RotationChange[],
): Promise<readonly RotationChange[]> {
  const { chain, nowMs } = observation;
  if (chain.kind !== "verified") return [];
  const news = new Map(followed.map(({ rotation, status }) => [rotation.metadata.uid, status]));
  const rotations = observation.rotations.map((each) => {
    const status = news.get(each.metadata.uid);
    return status === undefined ? each : { ...each, status };
  });
  const changes: RotationChange[] = [];
  for (const { object, status } of untoldSwaps(observation, chain.chain, rotations)) {
    const judge = judgeForRecord(object, status.epoch ?? 0);
    const claimed = await claim(kube, rotations, { object, judge }, nowMs);
    if (claimed.kind === "done") continue;
    const change = await changeStatus(kube, claimed.rotation, (live) =>
      live.status === undefined ? named(observation, live, status) : undefined,
    );
    if (change !== undefined) changes.push(change);
  }
  return changes;
}

/** Approve: the plan waits in the API server for a person. */
async function propose(
  kube: KubeClient,
  observation: Observation,
  { rules }: Decision,
  plan: RotationPlan,
): Promise<readonly RotationChange[]> {
  const { nowMs, rotations } = observation;
  const object = objectOf(observation, plan);
  const wanted = { object, judge: judgeForPlan(object, plan) };
  const claimed = await claim(kube, rotations, wanted, nowMs);
  if (claimed.kind === "done") return [];
  const change = await changeStatus(kube, claimed.rotation, (live) => {
    if (live.status !== undefined) return undefined;
    return named(observation, live, firstStatus(observation, claimed, plan, rules));
  });
  return change === undefined ? [] : [change];
}

function firstStatus(
  { nowMs }: Observation,
  { rotation, squatted }: Extract<Claim, { kind: "live" }>,
  plan: RotationPlan,
  rules: readonly string[],
): ValidatorRotationStatus {
  const status = plannedStatus(nowMs, rotation, plan, rules);
  if (squatted.length === 0) return status;
  const said = `; the name ${squatted.join(", ")} is held by another object`;
  return { ...status, message: `${status.message}${said}` };
}

/** The object that a plan is sent by: its owner's, the approved one, or a new one. */
async function objectToSend(
  kube: KubeClient,
  observation: Observation,
  plan: RotationPlan,
): Promise<Extract<Claim, { kind: "live" }> | string> {
  const { nowMs, rotations, set } = observation;
  if (plan.request !== undefined) {
    const { namespace = "", name, uid } = plan.request.metadata;
    const live = await kube.get(validatorRotations, { namespace, name });
    if (live === undefined || live.metadata.uid !== uid) return `${name} is gone`;
    const phase = live.status?.phase ?? "Planned";
    if (phase !== "Planned") return `${name} is ${phase} already`;
    return { kind: "live", rotation: live, squatted: [] };
  }
  const object = objectOf(observation, plan);
  const wanted = { object, judge: judgeForPlan(object, plan) };
  const claimed = await claim(kube, rotations, wanted, nowMs);
  const { name } = claimed.rotation.metadata;
  if (claimed.kind === "done") return `${name} is ${claimed.rotation.status?.phase} already`;
  if (set.spec.mode === "Approve" && !approves(claimed.rotation, plan.hash)) {
    return `${name} is not approved any more`;
  }
  return claimed;
}

interface Sent {
  readonly changes: readonly RotationChange[];
  /** Why no transaction left. */
  readonly unsent?: string;
}

/** Intent first, then the transaction; what became of it is read from the chain (rule S16). */
async function carryOut(
  { kube, chain, leads }: ActPorts,
  { observation, request }: Observed,
  { rules }: Decision,
  plan: RotationPlan,
): Promise<Sent> {
  if (request === undefined) return { changes: [], unsent: "there is no genesis to reach it by" };
  const { nowMs } = observation;
  // Read from the server: the cache may not know yet what this operator did a moment ago.
  const claimed = await objectToSend(kube, observation, plan);
  if (typeof claimed === "string") return { changes: [], unsent: claimed };
  const { rotation } = claimed;
  const bytes = transactionOf(plan);
  const before = rotation.status ?? firstStatus(observation, claimed, plan, rules);
  const { expiresAt: _, ...planned } = named(observation, rotation, before);
  const height = observation.chain.kind === "verified" ? observation.chain.chain.height : 0;
  const change = { nowMs, message: before.message };
  const submitted: ValidatorRotationStatus = {
    ...enter(planned, "Submitted", change),
    rules,
    transaction: transactionId(bytes),
    heights: { submitted: height },
  };
  let written: ValidatorRotation;
  try {
    written = await writeStatus(kube, rotation, submitted);
  } catch (error) {
    if (!isConflict(error)) throw error;
    const { name } = rotation.metadata;
    return { changes: [], unsent: `${name} was changed by somebody at this moment` };
  }
  const intent = { rotation, status: submitted };
  // The answer may have taken long: the intent stands, whoever leads now follows it (rule S10).
  if (!leads()) return { changes: [intent], unsent: "the lease was lost, the intent stands" };
  const outcome = await chain.submit(request, bytes);
  const final = await changeStatus(kube, written, ({ status }) => {
    const isOwn = status?.phase === "Submitted" && status.transaction === submitted.transaction;
    return isOwn ? afterSubmit(status, outcome, nowMs) : undefined;
  });
  if (final === undefined) return { changes: [intent] };
  return { changes: final.status.phase === "Submitted" ? [final] : [intent, final] };
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
