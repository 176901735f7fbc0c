import { podView } from "@quorate/operator/observe/cluster-view";
import type { MemberView } from "@quorate/operator/observe/observation";
import type { SetRecord } from "@quorate/operator/plan/set-record";
import { whatIf } from "@quorate/operator/plan/what-if";
import type { Event } from "@quorate/runtime/resources";
import { events } from "@quorate/runtime/resources";
import type { CommandOutput } from "../output.ts";
import { instant } from "../quantities.ts";
import { facts } from "../table.ts";
import { type Advice, RULES, readGuide } from "./guide.ts";
import { fieldsOf } from "./plan.ts";
import type { Cluster } from "./ports.ts";
import { findMember, readRecord, type SetName, statusOf } from "./read-set.ts";
import { ago, duration, power, short } from "./words.ts";

const EVENTS_MAX = 10;

type Todo = Advice & { readonly reason: string };

function advise(reasons: readonly string[]): readonly Todo[] {
  const guide = readGuide();
  return [...new Set(reasons)].flatMap((reason) => {
    const advice = guide.get(reason);
    return advice === undefined ? [] : [{ reason, ...advice }];
  });
}

function eventFields({ type, reason, message, lastTimestamp, firstTimestamp, count }: Event) {
  return {
    at: lastTimestamp ?? firstTimestamp ?? null,
    type: type ?? "",
    reason: reason ?? "",
    message: message ?? "",
    count: count ?? 1,
  };
}

type EventFields = ReturnType<typeof eventFields>;

async function eventsOf({ kube }: Cluster, namespace: string, names: readonly string[]) {
  const fields = await Promise.all(
    names.map(async (name) => {
      const fieldSelector = `involvedObject.name=${name}`;
      const found = await kube.list(events, { namespace, fieldSelector });
      return found.filter(({ involvedObject }) => involvedObject.name === name);
    }),
  );
  return fields
    .flat()
    .map(eventFields)
    .toSorted((left, right) => (left.at ?? "").localeCompare(right.at ?? ""))
    .slice(-EVENTS_MAX);
}

/** What was decided last about a set, what each rule says now, and what a person can do. */
async function whySet(cluster: Cluster, name: SetName, nowMs: number): Promise<CommandOutput> {
  const record = await readRecord(cluster, name);
  const { namespace = "" } = record.set.metadata;
  const told = await eventsOf(cluster, namespace, [record.set.metadata.name]);
  const document = setDocument(record, told, nowMs);
  return { document, lines: setLines(document, nowMs) };
}

function setDocument(record: SetRecord, told: readonly EventFields[], nowMs: number) {
  const { metadata, spec, status } = record.set;
  const asked = whatIf(record, { nowMs, fail: [], zones: [] });
  const now = fieldsOf(asked);
  const conditions = status?.conditions ?? [];
  const trust = conditions.find(({ type }) => type === "SignalsTrusted");
  const bad = conditions.filter((each) => isBad(each.type, each.status));
  const again = now.refusals.flatMap(({ againAtMs }) => againAtMs ?? []);
  return {
    command: "why" as const,
    namespace: metadata.namespace ?? "",
    set: metadata.name,
    mode: spec.mode,
    paused: spec.paused,
    lastDecision: status?.lastDecision ?? null,
    rules: now.rules.map((id) => ({
      id,
      asks: RULES[id] ?? "",
      asked: asked.judged.includes(id),
      refusals: now.refusals.filter(({ rule }) => rule === id),
    })),
    signals: trust === undefined ? null : trustFields(trust),
    wanted: now.plan,
    budget: status?.faultBudget ?? null,
    nextAllowedAtMs: again.length === 0 ? null : Math.max(...again),
    problems: bad.map(({ type, reason, message }) => ({ type, reason, message })),
    advice: advise([
      ...bad.map(({ reason }) => reason),
      ...now.refusals.map(({ reason }) => reason),
      ...(status?.members ?? []).flatMap(({ reasons }) => reasons),
    ]),
    events: told,
    member: null,
  };
}

const GOOD_IS_FALSE: ReadonlySet<string> = new Set([
  "Reconciling",
  "Stalled",
  "RotationInProgress",
  "Held",
]);

function isBad(type: string, status: string): boolean {
  return status !== (GOOD_IS_FALSE.has(type) ? "False" : "True");
}

function trustFields(condition: {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
}) {
  const { status, reason, message, lastTransitionTime } = condition;
  return { trusted: status === "True", reason, message, since: lastTransitionTime };
}

type SetDocument = ReturnType<typeof setDocument>;

function setLines(document: SetDocument, nowMs: number): readonly string[] {
  const { lastDecision: last, signals, budget, nextAllowedAtMs, wanted } = document;
  const entries: (readonly [string, string])[] = [
    ["set", `${document.namespace}/${document.set}`],
    ["mode", document.paused ? `${document.mode}, paused` : document.mode],
    [
      "last decision",
      last === null
        ? "none: no operator has looked at this set"
        : `${last.verdict}: ${last.message} (${ago(last.at, nowMs)})`,
    ],
    [
      "signals",
      signals === null
        ? "not judged yet"
        : `${signals.trusted ? "trusted" : "NOT TRUSTED"}: ${signals.reason}: ${signals.message}`,
    ],
    ...(budget === null
      ? []
      : [
          [
            "fault budget",
            `${power(budget.used)} of f ${power(budget.f)} USD used, ${budget.seats} more may fail`,
          ] as const,
        ]),
    ["wanted now", wanted === null ? "nothing" : `${wanted.cause} of ${wanted.memberName}`],
    ["next allowed", nextAllowedAtMs === null ? "now" : instant(nextAllowedAtMs)],
  ];
  return [
    ...facts(entries),
    "",
    "rules, asked again here from the API objects:",
    ...document.rules.flatMap(({ id, asks, asked, refusals }) =>
      refusals.length === 0
        ? [`  ${asked ? "ok" : "--"}  ${id.padEnd(13)}  ${asks}`]
        : refusals.map(({ reason, message }) => `  NO  ${id.padEnd(13)}  ${reason}: ${message}`),
    ),
    ...(document.rules.some(({ asked }) => !asked)
      ? ["  -- nothing is wanted, so these have nothing to judge"]
      : []),
    ...problemLines(document),
    ...eventLines(document.events, nowMs),
  ];
}

function problemLines({
  problems,
  advice,
}: Pick<SetDocument, "problems" | "advice">): readonly string[] {
  const lines = problems.map(({ type, reason, message }) => `  ${type}: ${reason}: ${message}`);
  return [
    ...(lines.length === 0 ? [] : ["", "conditions that are not as they should be:", ...lines]),
    ...adviceLines(advice),
  ];
}

/** What this program does about a reason. */
const COMMANDS: Readonly<Record<string, string>> = {
  AwaitingApproval: "  to say yes: quorate approve NAME --latest -n NAMESPACE",
  NoCause: "  its owner: quorate rotate NAME MEMBER --owner-key FILE -n NAMESPACE",
};

function adviceLines(advice: readonly Todo[]): readonly string[] {
  if (advice.length === 0) return ["", "what you can do: nothing is needed"];
  return [
    "",
    "what you can do:",
    ...advice.map(({ reason, meaning, todo }) => `  ${reason}: ${meaning} ${todo}`),
    ...advice.flatMap(({ reason }) => COMMANDS[reason] ?? []),
  ];
}

function eventLines(told: readonly EventFields[], nowMs: number) {
  if (told.length === 0) return [];
  return [
    "",
    "last events:",
    ...told.map(({ at, type, reason, message, count }) => {
      const times = count > 1 ? ` (${count} times)` : "";
      return `  ${ago(at ?? undefined, nowMs).padEnd(11)}  ${type} ${reason}: ${message}${times}`;
    }),
  ];
}

/** Everything about one member that a person asks at night. */
async function whyMember(
  cluster: Cluster,
  name: SetName & { readonly member: string },
  nowMs: number,
): Promise<CommandOutput> {
  const record = await readRecord(cluster, name);
  const member = findMember(record, name.member);
  const told = await eventsOf(cluster, record.set.metadata.namespace ?? "", [member.name]);
  const document = memberDocument(record, member, told, nowMs);
  return { document, lines: memberLines(document, nowMs) };
}

function memberDocument(
  record: SetRecord,
  member: MemberView,
  told: readonly EventFields[],
  nowMs: number,
) {
  const { metadata } = record.set;
  const fields = memberFields(record, member, nowMs);
  return {
    command: "why" as const,
    namespace: metadata.namespace ?? "",
    set: metadata.name,
    member: fields,
    advice: advise([
      ...fields.reasons,
      ...fields.verdicts.map(({ kind }) => kind),
      ...fields.refusals.map(({ reason }) => reason),
    ]),
    events: told,
  };
}

function memberFields(record: SetRecord, member: MemberView, nowMs: number) {
  const status = statusOf(record, member);
  const pod = record.pods.map(podView).find((each) => each.member === member.name);
  const now = fieldsOf(whatIf(record, { nowMs, fail: [], zones: [] }));
  const mine = <T extends { readonly member: string | null }>(each: T): boolean =>
    each.member !== null && each.member === member.consensusKey;
  return {
    name: member.name,
    role: status?.role ?? null,
    owner: status?.owner ?? null,
    consensusKey: member.consensusKey ?? null,
    address: member.address,
    power: status?.power ?? "0",
    zone: member.zone,
    silentMs: status?.silentMs ?? null,
    reasons: status?.reasons ?? [],
    pod:
      pod === undefined
        ? null
        : {
            phase: pod.phase,
            ready: pod.ready,
            node: pod.node,
            ip: pod.ip,
            restarts: pod.restarts,
            terminating: pod.terminating,
          },
    verdicts: now.verdicts.filter(mine),
    refusals: now.refusals.filter(mine),
    rotations: record.rotations
      .filter(
        ({ spec, status: rotation }) =>
          spec.member === member.consensusKey || rotation?.newcomer === member.consensusKey,
      )
      .map(({ metadata, spec, status: rotation }) => ({
        name: metadata.name,
        cause: spec.cause,
        phase: rotation?.phase ?? null,
        message: rotation?.message ?? "",
      })),
  };
}

type MemberDocument = ReturnType<typeof memberDocument>;

function memberLines({ member, advice, events: told }: MemberDocument, nowMs: number) {
  const { pod } = member;
  const podSays =
    pod === null
      ? "none"
      : `${pod.phase}, ${pod.ready ? "ready" : "NOT READY"}, on ${pod.node || "no machine yet"}, ` +
        `${pod.restarts} restarts${pod.terminating ? ", terminating" : ""}`;
  const key = member.consensusKey;
  return [
    ...facts([
      ["member", member.name],
      ["role", `${member.role ?? "not judged yet"} of ${member.owner ?? "?"}`],
      ["key", key === null ? "not known yet" : `${short(key)} (${key})`],
      ["power", member.power === "0" ? "none" : `${power(member.power)} USD`],
      ["zone", member.zone],
      ["address", member.address],
      ["silent for", member.silentMs === null ? "not counted" : duration(member.silentMs)],
      ["pod", podSays],
      ["reasons", member.reasons.join(", ") || "none"],
    ]),
    ...member.verdicts.map(
      ({ kind, certainty, signals }) =>
        `seen: ${kind}, ${certainty.toLowerCase()}: ` +
        signals.map((each) => `${each.kind}: ${each.says}`).join("; "),
    ),
    ...member.refusals.map(({ rule, reason, message }) => `held: ${rule} ${reason}: ${message}`),
    ...member.rotations.map(
      ({ name, cause, phase, message }) =>
        `rotation: ${name} (${cause}): ${phase ?? "new"}: ${message}`,
    ),
    ...adviceLines(advice),
    ...eventLines(told, nowMs),
  ];
}

/** Of a set or, with a member, of that member. */
export function why(
  cluster: Cluster,
  { member, ...name }: SetName & { readonly member: string | undefined },
  nowMs: number,
): Promise<CommandOutput> {
  return member === undefined
    ? whySet(cluster, name, nowMs)
    : whyMember(cluster, { ...name, member }, nowMs);
}
