import { ANNOTATIONS } from "@quorate/operator/api/v1alpha1/labels";
import type { ValidatorRotation } from "@quorate/operator/api/v1alpha1/types";
import { validatorRotations } from "@quorate/operator/observe/resources";
import type { CommandOutput } from "../output.ts";
import { ClusterRefusal } from "./errors.ts";
import type { Cluster } from "./ports.ts";
import { readSet, type SetName } from "./read-set.ts";
import { ago, duration, short } from "./words.ts";

function refuse(code: string, field: string, fix: string): ClusterRefusal {
  return new ClusterRefusal({ code, field, fix });
}

export interface ApproveQuestion extends SetName {
  /** Absent: the newest plan that waits. */
  readonly rotation: string | undefined;
  readonly dryRun: boolean;
}

function waits({ spec, status }: ValidatorRotation): boolean {
  return status?.phase === "Planned" && spec.cause !== "Owner";
}

async function waiting(
  { kube }: Cluster,
  { name, rotation }: ApproveQuestion,
  namespace: string,
): Promise<ValidatorRotation> {
  const all = await kube.list(validatorRotations, { namespace });
  const own = all.filter(({ spec }) => spec.set === name);
  const plans = own
    .filter(waits)
    .toSorted((left, right) =>
      (right.status?.times.Planned ?? "").localeCompare(left.status?.times.Planned ?? ""),
    );
  const names = plans.map(({ metadata }) => metadata.name).join(", ") || "none";
  const found =
    rotation === undefined ? plans[0] : own.find(({ metadata }) => metadata.name === rotation);
  if (found === undefined) {
    const what = rotation === undefined ? "no plan waits" : `there is no rotation "${rotation}"`;
    throw refuse("ROTATION_NOT_FOUND", "ROTATION", `${what}; waiting for approval: ${names}`);
  }
  if (waits(found)) return found;
  const phase = found.status?.phase ?? "new";
  const why =
    found.spec.cause === "Owner" ? "its owner's signature needs no approval" : `it is ${phase}`;
  throw refuse("NOTHING_TO_APPROVE", "ROTATION", `${why}; waiting for approval: ${names}`);
}

/** A person's yes to the very plan that is written now; the operator asks all rules again. */
export async function approve(
  cluster: Cluster,
  question: ApproveQuestion,
  nowMs: number,
): Promise<CommandOutput> {
  const set = await readSet(cluster, question);
  if (set.spec.mode !== "Approve") {
    const fix = `the set's mode is ${set.spec.mode}: only in mode Approve a plan waits`;
    throw refuse("NOTHING_TO_APPROVE", "spec.mode", fix);
  }
  const namespace = set.metadata.namespace ?? "";
  const { metadata, spec, status } = await waiting(cluster, question, namespace);
  const planHash = status?.planHash ?? "";
  const leftMs = Date.parse(status?.expiresAt ?? "") - nowMs;
  if (!(leftMs > 0)) {
    const fix = `its plan expired ${ago(status?.expiresAt, nowMs)}: approve the next one`;
    throw refuse("PLAN_EXPIRED", "ROTATION", fix);
  }
  if (!question.dryRun) {
    await cluster.kube.mergePatch(
      validatorRotations,
      { namespace, name: metadata.name },
      {
        // Compare and set: what a person saw is what a person approves.
        metadata: {
          resourceVersion: metadata.resourceVersion,
          annotations: { [ANNOTATIONS.approve]: planHash },
        },
      },
    );
  }
  const document = {
    command: "approve",
    namespace,
    set: set.metadata.name,
    rotation: metadata.name,
    cause: spec.cause,
    member: spec.member,
    memberName: status?.memberName ?? null,
    planHash,
    expiresAt: status?.expiresAt ?? null,
    dryRun: question.dryRun,
  };
  const who = status?.memberName ?? short(spec.member);
  return {
    document,
    lines: [
      `${question.dryRun ? "would approve" : "approved"} ${metadata.name}: ${spec.cause} of ${who}`,
      `plan ${planHash}, good for ${duration(leftMs)}`,
      `found: ${status?.message ?? ""}`,
      "all rules are asked again before the operator acts",
    ],
  };
}
