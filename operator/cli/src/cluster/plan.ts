import { InputError } from "@quorate/client/errors";
import { nameOf } from "@quorate/operator/decide/policy-input";
import { nodeView, podView } from "@quorate/operator/observe/cluster-view";
import { type Outlook, outlookOf } from "@quorate/operator/plan/outlook";
import { membersOf, type SetRecord } from "@quorate/operator/plan/set-record";
import { type WhatIf, whatIf, zoneOf } from "@quorate/operator/plan/what-if";
import type { CommandOutput } from "../output.ts";
import { instant } from "../quantities.ts";
import type { Cluster } from "./ports.ts";
import { findMember, listSets, readRecord, type SetName } from "./read-set.ts";
import { power } from "./words.ts";

export interface PlanQuestion {
  readonly name: string | undefined;
  readonly namespace: string | undefined;
  readonly fail: readonly string[];
  readonly zones: readonly string[];
}

/** The set that is named, or the only one that there is. */
async function named(cluster: Cluster, { name, namespace }: PlanQuestion): Promise<SetName> {
  if (name !== undefined) return { name, namespace };
  const sets = await listSets(cluster, namespace);
  const [only] = sets;
  if (only !== undefined && sets.length === 1) {
    return { name: only.metadata.name, namespace: only.metadata.namespace };
  }
  const all = sets.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).join(", ");
  const fix = `name one ValidatorSet; the cluster has ${all || "none"}`;
  throw new InputError({ code: "ARGUMENT_MISSING", field: "NAME", fix });
}

function checkedZones(record: SetRecord, zones: readonly string[]): readonly string[] {
  const machines = record.nodes.map((node) =>
    nodeView(node, record.set.spec.placement.topologyKey),
  );
  const pods = record.pods.map(podView);
  const here = new Set([
    ...membersOf(record).map((member) => zoneOf(member, pods, machines)),
    ...machines.map(({ zone }) => zone),
  ]);
  for (const zone of zones) {
    if (here.has(zone)) continue;
    const { topologyKey } = record.set.spec.placement;
    const known = [...here].filter((each) => each !== "").toSorted();
    const fix = `no machine has ${topologyKey}=${zone}; there are ${known.join(", ") || "none"}`;
    throw new InputError({ code: "ZONE_UNKNOWN", field: "--zone", fix });
  }
  return zones;
}

/** What the operator would do if these members failed; without any: what it would do now. */
export async function plan(
  cluster: Cluster,
  question: PlanQuestion,
  nowMs: number,
): Promise<CommandOutput> {
  const record = await readRecord(cluster, await named(cluster, question));
  const fail = question.fail.map((word) => findMember(record, word, "--fail").name);
  const zones = checkedZones(record, question.zones);
  const result = whatIf(record, { nowMs, fail, zones });
  const { metadata, spec } = record.set;
  const document = {
    command: "plan",
    namespace: metadata.namespace ?? "",
    set: metadata.name,
    mode: spec.mode,
    failed: result.failed,
    ...fieldsOf(result),
    outlook: outlookOf(result) ?? null,
    assumptions: result.assumptions,
  };
  return { document, lines: planLines(result, document) };
}

/** What detect and decide said, in a form that JSON has. */
export function fieldsOf({ findings, decision, observation }: WhatIf) {
  const wanted = decision.plan ?? decision.proposal;
  return {
    trust: findings.trust,
    verdicts: findings.verdicts.map(({ kind, member, certainty, signals }) => ({
      kind,
      member,
      memberName: nameOf(observation, member),
      certainty,
      signals,
    })),
    budget: decision.budget ?? null,
    acts: decision.plan !== undefined,
    plan:
      wanted === undefined
        ? null
        : {
            cause: wanted.cause,
            effect: wanted.effect,
            member: wanted.member,
            memberName: nameOf(observation, wanted.member),
            epoch: wanted.epoch,
            setHash: wanted.setHash,
            hash: wanted.hash,
            message: wanted.message,
          },
    refusals: decision.refusals.map(({ rule, reason, message, member, againAtMs }) => ({
      rule,
      reason,
      message,
      member: member ?? null,
      againAtMs: againAtMs ?? null,
    })),
    rules: decision.rules,
  };
}

const EFFECTS = {
  Swap: "a fit spare takes the seat",
  Mute: "no spare is fit: the member stays seated, muted as leader",
  Slash: "no spare is fit: the proof bites the bond, the seat waits for a spare",
} as const;

/** Whether blocks go on, and where the seat would go; the chain picks, so all fit spares. */
function outlookLines(outlook: Outlook | null): readonly string[] {
  if (outlook === null) return [];
  const { chainGoesOn, newcomers } = outlook;
  return [
    chainGoesOn
      ? "the chain goes on: the others hold a quorum"
      : "the chain stands still: nothing is swapped until a quorum is up again",
    ...(newcomers.length < 2 ? [] : ["the chain picks one of these (rule PICK):"]),
    ...newcomers.map(({ name, leaves, enters, safe, message }) => {
      const move = `${leaves || "an unknown zone"} to ${enters || "an unknown zone"}`;
      const warning = safe ? "" : "UNSAFE: ";
      return `spare ${name}: the seat goes from ${move}; afterwards ${warning}${message}`;
    }),
  ];
}

function planLines(
  { observation }: WhatIf,
  {
    failed,
    acts,
    plan: wanted,
    refusals,
    budget,
    verdicts,
    trust,
    ...rest
  }: ReturnType<typeof fieldsOf> & {
    readonly failed: readonly string[];
    readonly outlook: Outlook | null;
    readonly assumptions: readonly string[];
  },
): readonly string[] {
  const supposed = failed.length === 0 ? "as it is now" : `if ${failed.join(", ")} fell silent`;
  const head = (): string => {
    if (wanted === null) return `${supposed}: the operator does nothing`;
    const does = acts ? "the operator rotates" : "the operator would rotate";
    return `${supposed}: ${does} ${wanted.memberName}: ${EFFECTS[wanted.effect]}`;
  };
  const spent =
    budget === null
      ? []
      : [
          `fault budget: ${power(budget.used)} of f ${power(budget.f)} USD used, ` +
            `${budget.seats} more may fail`,
        ];
  return [
    head(),
    ...(wanted === null ? [] : [`cause: ${wanted.cause}: ${wanted.message}`]),
    ...outlookLines(rest.outlook),
    ...(refusals.length === 0 ? [] : ["held back by:"]),
    ...refusals.map(({ rule, reason, message, againAtMs }) => {
      const again = againAtMs === null ? "" : ` (again at ${instant(againAtMs)})`;
      return `  ${rule} ${reason}: ${message}${again}`;
    }),
    ...(verdicts.length === 0 ? [] : ["seen:"]),
    ...verdicts.map(
      ({ kind, memberName, certainty, signals }) =>
        `  ${memberName}: ${kind}, ${certainty.toLowerCase()}: ` +
        signals.map((signal) => `${signal.kind}: ${signal.says}`).join("; "),
    ),
    `signals: ${trust.trusted ? "trusted" : "not trusted"}: ${trust.reason}: ${trust.message}`,
    ...spent,
    ...(observation.chain.kind === "unborn" ? ["the chain is not born yet"] : []),
    ...(rest.assumptions.length === 0 ? [] : ["taken for granted:"]),
    ...rest.assumptions.map((each) => `  ${each}`),
  ];
}
