import type {
  ValidatorRotation,
  ValidatorSet,
  ValidatorSetStatus,
} from "@quorate/operator/api/v1alpha1/types";
import { validatorRotations } from "@quorate/operator/observe/resources";
import type { CommandOutput } from "../output.ts";
import { facts, table } from "../table.ts";
import type { Cluster } from "./ports.ts";
import { listSets, readSet } from "./read-set.ts";
import { ago, duration, power } from "./words.ts";

/** Rotations shown; the newest. */
const ROTATIONS_MAX = 10;

function rotationFields({ metadata, spec, status }: ValidatorRotation) {
  return {
    name: metadata.name,
    cause: spec.cause,
    member: spec.member,
    memberName: status?.memberName ?? null,
    newcomerName: status?.newcomerName ?? null,
    phase: status?.phase ?? null,
    initiator: status?.initiator ?? null,
    message: status?.message ?? "",
    createdAt: metadata.creationTimestamp ?? null,
    expiresAt: status?.expiresAt ?? null,
  };
}

/** A set that an older operator wrote last says nothing of versions. */
function chainFields({ protocol, ...chain }: ValidatorSetStatus["chain"]) {
  if (protocol === undefined) return { ...chain, protocol: null };
  const { version, next } = protocol;
  return { ...chain, protocol: { version, next: next ?? null } };
}

function setFields(set: ValidatorSet, rotations: readonly ValidatorRotation[]) {
  const { metadata, spec, status } = set;
  const own = rotations
    .filter(
      (each) => each.spec.set === metadata.name && each.metadata.namespace === metadata.namespace,
    )
    .toSorted((left, right) =>
      (right.metadata.creationTimestamp ?? "").localeCompare(left.metadata.creationTimestamp ?? ""),
    );
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    mode: spec.mode,
    paused: spec.paused,
    birth: status?.birth?.phase ?? null,
    genesisHash: status?.genesisHash || null,
    chain: status?.chain === undefined ? null : chainFields(status.chain),
    conditions: (status?.conditions ?? []).map(({ observedGeneration: _, ...rest }) => rest),
    faultBudget: status?.faultBudget ?? null,
    members: (status?.members ?? []).map(({ silentMs, ...member }) => ({
      ...member,
      silentMs: silentMs ?? null,
    })),
    rotations: own.slice(0, ROTATIONS_MAX).map(rotationFields),
    lastDecision: status?.lastDecision ?? null,
  };
}

type SetFields = ReturnType<typeof setFields>;

/** What the operator says of one set or of all. */
export async function showStatus(
  cluster: Cluster,
  asked: { readonly name: string | undefined; readonly namespace: string | undefined },
  nowMs: number,
): Promise<CommandOutput> {
  const { name, namespace } = asked;
  const sets =
    name === undefined
      ? await listSets(cluster, namespace)
      : [await readSet(cluster, { name, namespace })];
  const [first] = sets;
  const at = name === undefined ? namespace : first?.metadata.namespace;
  const rotations = await cluster.kube.list(
    validatorRotations,
    at === undefined ? {} : { namespace: at },
  );
  const documents = sets.map((set) => setFields(set, rotations));
  const where = namespace === undefined ? "the cluster" : `namespace ${namespace}`;
  const none = [`${where} has no ValidatorSet; try manifests/samples/validatorset-dev.yaml`];
  const lines = documents.flatMap((set, at) => [
    ...(at === 0 ? [] : [""]),
    ...setLines(set, nowMs),
  ]);
  const document = { command: "status", sets: documents };
  return {
    document,
    lines: documents.length === 0 ? none : lines,
  };
}

function setLines(set: SetFields, nowMs: number): readonly string[] {
  const { chain, faultBudget: budget, lastDecision: last } = set;
  const isBorn = chain !== null && chain.setHash !== "";
  const entries: (readonly [string, string])[] = [
    ["set", `${set.namespace}/${set.name}`],
    ["mode", set.paused ? `${set.mode}, paused` : set.mode],
    [
      "chain",
      isBorn
        ? `epoch ${chain.epoch}, height ${chain.height}, verified ${ago(chain.time, nowMs)}`
        : `not born yet (${set.birth ?? "no operator has looked at it"})`,
    ],
    ...(isBorn && chain.protocol !== null
      ? [["protocol", protocolText(chain.protocol, chain.height)] as const]
      : []),
    ...(isBorn ? [["checkpoint", `epoch ${chain.epoch}, set ${chain.setHash}`] as const] : []),
    ...(isBorn && budget !== null
      ? [
          [
            "fault budget",
            `${power(budget.used)} used of f ${power(budget.f)} USD: ` +
              `${budget.seats} more may fail (total ${power(budget.total)}, ` +
              `quorum ${power(budget.quorum)})`,
          ] as const,
        ]
      : []),
    ...(last === null
      ? []
      : [["last decision", `${last.verdict}: ${last.message} (${ago(last.at, nowMs)})`] as const]),
  ];
  return [
    ...facts(entries),
    ...section("conditions", conditionLines(set, nowMs)),
    ...section("members", memberLines(set)),
    ...section("rotations", rotationLines(set, nowMs)),
  ];
}

function protocolText(
  { version, next }: NonNullable<NonNullable<SetFields["chain"]>["protocol"]>,
  height: number,
): string {
  if (next === null) return `version ${version}`;
  const left = Math.max(0, next.height - height);
  return `version ${version}, version ${next.version} from height ${next.height} (in ${left} blocks)`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ["", `${title}:`, ...lines.map((line) => `  ${line}`)];
}

function conditionLines({ conditions }: SetFields, nowMs: number): readonly string[] {
  return conditions.map(({ type, status, reason, message, lastTransitionTime }) => {
    const said = message === "" ? reason : `${reason}: ${message}`;
    return `${type.padEnd(18)}  ${status.padEnd(7)}  ${said} (${ago(lastTransitionTime, nowMs)})`;
  });
}

function memberLines({ members }: SetFields): readonly string[] {
  if (members.length === 0) return [];
  return table(
    ["name", "role", "zone", "node", "silent for", "power USD", "reasons"].map((title) => ({
      title,
      align: title.endsWith("USD") || title === "silent for" ? "right" : "left",
    })),
    members.map(({ name, role, zone, node, silentMs, reasons, ...member }) => [
      name,
      role,
      zone || "-",
      node || "-",
      silentMs === null ? "-" : duration(silentMs),
      member.power === "0" ? "-" : power(member.power),
      reasons.join(", ") || "-",
    ]),
  );
}

function rotationLines({ rotations }: SetFields, nowMs: number): readonly string[] {
  if (rotations.length === 0) return [];
  return table(
    ["name", "cause", "leaver", "newcomer", "phase", "age", "message"].map((title) => ({
      title,
      align: "left",
    })),
    rotations.map((each) => [
      each.name,
      each.cause,
      each.memberName ?? each.member.slice(0, 8),
      each.newcomerName ?? "-",
      each.phase ?? "new",
      ago(each.createdAt ?? undefined, nowMs).replace(" ago", ""),
      each.message,
    ]),
  );
}
