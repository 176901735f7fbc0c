import { findMember } from "@quorate/node/kernel/validator-set";
import { timestamp } from "../act/follow.ts";
import { LABELS } from "../api/v1alpha1/labels.ts";
import type { FaultBudget, MemberStatus, ValidatorSetStatus } from "../api/v1alpha1/types.ts";
import { ownerOf } from "../birth/genesis.ts";
import { roleOf } from "../build/roles.ts";
import { maintenanceOf } from "../decide/maintenance.ts";
import { nameOf } from "../decide/policy-input.ts";
import type { MemberView } from "../observe/observation.ts";
import { conditionsOf, holdOf, holdReason, judge } from "./conditions.ts";
import type { Pass } from "./pass.ts";

const NO_BUDGET: FaultBudget = {
  total: "0",
  quorum: "0",
  f: "0",
  used: "0",
  free: "0",
  seats: 0,
};
const REASONS_MAX = 16;
const TEXT_MAX = 4_096;

/** The status that this pass leaves behind. Pure. */
export function statusOf(pass: Pass): ValidatorSetStatus {
  const { observed, birth, decision, desired } = pass;
  const { observation } = observed;
  const { set, nowMs } = observation;
  const away = new Set(maintenanceOf(observation).away.map(({ member }) => member));
  const members = observation.members.map((member) =>
    memberStatus(pass, member, away.has(member.name)),
  );
  const before = set.status;
  const counted = {
    birth: { phase: birth.phase, asked: birth.asked },
    members,
    voters: members.filter(({ role }) => role === "Voter" || role === "Leaving").length,
    spares: fitSpares(pass, members),
  };
  const now = timestamp(nowMs);
  const generation = set.metadata.generation ?? 0;
  return {
    observedGeneration: generation,
    conditions: conditionsOf(judge(pass, counted), before?.conditions ?? [], { now, generation }),
    ...counted,
    genesisHash: before?.genesisHash || (observation.genesisHash ?? ""),
    ...chainStatus(pass),
    faultBudget: decision.budget ?? before?.faultBudget ?? NO_BUDGET,
    nextOrdinal: Math.max(before?.nextOrdinal ?? 0, desired.nextOrdinal),
    lastDecision: { ...lastDecision(pass), at: now },
    selector: `${LABELS.set}=${set.metadata.name}`,
  };
}

/** What was verified in this pass, else what was verified last. */
function chainStatus({ observed }: Pass): Pick<ValidatorSetStatus, "chain" | "checkpoint"> {
  const { observation, checkpoint } = observed;
  const before = observation.set.status;
  const reading = observation.chain;
  const nothing = {
    chain: before?.chain ?? { epoch: 0, height: 0, setHash: "", time: "" },
    checkpoint: before?.checkpoint ?? { epoch: 0, set: "", time: "" },
  };
  if (reading.kind !== "verified") return nothing;
  const { set, setHash, height, timeMs, protocol } = reading.chain;
  const { version, activation: next } = protocol;
  return {
    chain: {
      epoch: set.epoch,
      height,
      setHash,
      time: timestamp(timeMs),
      protocol: { version, ...(next === undefined ? {} : { next }) },
    },
    checkpoint:
      checkpoint.checkpoint === ""
        ? nothing.checkpoint
        : {
            epoch: checkpoint.checkpointEpoch,
            set: checkpoint.checkpoint,
            time: timestamp(checkpoint.checkpointTimeMs),
          },
  };
}

function memberStatus(pass: Pass, member: MemberView, isAway: boolean): MemberStatus {
  const { observation } = pass.observed;
  const { chain, pods, set } = observation;
  const { consensusKey = "", networkKey = "" } = member;
  const pod = pods.find((each) => each.member === member.name);
  const seat = chain.kind === "verified" ? findMember(chain.chain.set, consensusKey) : undefined;
  const last = set.status?.members?.find(({ name }) => name === member.name);
  const silentMs =
    chain.kind === "verified" && seat !== undefined
      ? chain.chain.liveness.get(consensusKey)?.msSilent
      : undefined;
  const power = chain.kind === "verified" ? String(seat?.power ?? 0n) : (last?.power ?? "0");
  return {
    name: member.name,
    role: roleOf(observation, member),
    owner: ownerOf(set, member.ordinal).name,
    consensusKey,
    networkKey,
    power,
    // Kept after the pod is gone: whether that machine still runs it decides about another one.
    node: pod?.node || (last?.node ?? ""),
    zone: member.zone,
    ...(silentMs === undefined ? {} : { silentMs }),
    reasons: reasonsOf(pass, member, isAway),
  };
}

/** Suspicions, and what was refused about this member. */
function reasonsOf(
  { observed, findings, decision, spare, desired }: Pass,
  member: MemberView,
  isAway: boolean,
): readonly string[] {
  const { consensusKey, name } = member;
  const about = <T extends { readonly member?: string }>({ member: key }: T): boolean =>
    key !== undefined && key === consensusKey;
  const reasons = [
    ...(isAway ? ["InMaintenance"] : []),
    ...findings.verdicts.filter(about).map(({ kind }) => kind),
    ...decision.refusals.filter(about).map(holdReason),
    ...(observed.problems ?? []).filter((each) => each.member === name).map(({ reason }) => reason),
    ...(spare?.member === name && spare.isProblem ? [spare.reason] : []),
    ...desired.withheld.filter((each) => each.member === name).map(({ reason }) => reason),
  ];
  return [...new Set(reasons)].toSorted().slice(0, REASONS_MAX);
}

/** Registered and in sync: what the chain would pick. */
function fitSpares({ observed }: Pass, members: readonly MemberStatus[]): number {
  const { chain, set } = observed.observation;
  if (chain.kind !== "verified") return set.status?.spares ?? 0;
  const own = new Set(members.map(({ consensusKey }) => consensusKey));
  return chain.chain.spares.filter(({ key, fit }) => fit && own.has(key)).length;
}

function lastDecision(pass: Pass): Omit<ValidatorSetStatus["lastDecision"], "at"> {
  const { decision, observed } = pass;
  const { rules } = decision;
  const wanted = decision.plan ?? decision.proposal;
  if (wanted !== undefined) {
    const who = nameOf(observed.observation, wanted.member);
    const why = decision.plan === undefined ? (decision.refusals.at(-1)?.message ?? "") : "acts";
    const message = `${who}: ${wanted.message}; ${why}`.slice(0, TEXT_MAX);
    return { verdict: wanted.cause, rules, message };
  }
  const refusal = holdOf(pass) ?? decision.refusals[0];
  if (refusal === undefined) return { verdict: "Healthy", rules, message: "nothing is wanted" };
  const message = `${refusal.rule}: ${refusal.message}`.slice(0, TEXT_MAX);
  return { verdict: holdReason(refusal), rules, message };
}
