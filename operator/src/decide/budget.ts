import { faultyPowerMax, quorumPower } from "@quorate/node/kernel/threshold";
import { powerOf, totalPower } from "@quorate/node/kernel/validator-set";
import type { FaultBudget, ValidatorSet } from "../api/v1alpha1/types.ts";
import { isDraining } from "../detect/kubernetes.ts";
import type { Findings, VerdictKind } from "../detect/verdict.ts";
import type { ChainView, Observation } from "../observe/observation.ts";
import type { Decision } from "./decision.ts";
import { maintenanceOf } from "./maintenance.ts";
import { marginHolds } from "./margin-wave.ts";

/** Verdicts that mean: its votes are not to be counted on. An oracle outlier votes as usual. */
const DOWN: ReadonlySet<VerdictKind> = new Set(["Silence", "Unreachable", "Crashed"]);

/** Members that are or seem down, on whatever certainty: a budget is spent by doubt as well. */
export function downMembers({ verdicts }: Findings): ReadonlySet<string> {
  return new Set(verdicts.filter(({ kind }) => DOWN.has(kind)).map(({ member }) => member));
}

/** Members whose seat a rotation in flight vacates. */
export function leavingMembers({ rotations }: Observation): ReadonlySet<string> {
  const leaving = rotations.filter(({ status }) => status?.phase === "Submitted");
  return new Set(leaving.map(({ spec }) => spec.member));
}

/** Union of unreachable, leaving, draining and announced members of the on-chain set (rule S1). */
export function spentMembers(
  observation: Observation,
  chain: ChainView,
  findings: Findings,
): readonly string[] {
  const down = downMembers(findings);
  const leaving = leavingMembers(observation);
  const away = new Set(maintenanceOf(observation).away.map(({ key }) => key));
  const isSpent = (key: string): boolean =>
    down.has(key) || leaving.has(key) || isDraining(observation, key) || away.has(key);
  return chain.set.members.map(({ key }) => key).filter(isSpent);
}

/** The fault budget in power at the on-chain set (rule S1); `also` spends in addition. */
export function faultBudget(
  observation: Observation,
  chain: ChainView,
  findings: Findings,
  also: readonly string[] = [],
): FaultBudget {
  const total = totalPower(chain.set);
  const f = faultyPowerMax(total);
  const used = powerOf(chain.set, [...spentMembers(observation, chain, findings), ...also]);
  const free = used > f ? 0n : f - used;
  return {
    total: String(total),
    quorum: String(quorumPower(total)),
    f: String(f),
    used: String(used),
    free: String(free),
    seats: seatsWithin(chain.set, free),
  };
}

/**
 * Seats that may be without a ready pod at once: f, without those that give no sign of life
 * although Kubernetes calls them ready, or that have no pod here. None where something holds
 * everything, because then nobody knows, and during a liquidation wave (rule S18). Pods that are
 * not ready Kubernetes subtracts itself, at every eviction, so that none opens room by coming
 * back. A machine that is cordoned spends nothing: its drain is what asks.
 */
export function disruptableSeats(
  observation: Observation,
  findings: Findings,
  { grounds }: Pick<Decision, "grounds">,
): number {
  const { chain: reading, members, pods } = observation;
  if (reading.kind !== "verified" || grounds === undefined) return 0;
  if (marginHolds(observation)) return 0;
  const { set } = reading.chain;
  const down = downMembers(findings);
  const leaving = leavingMembers(observation);
  /** Ours, and without a ready pod. */
  const isSubtracted = (key: string): boolean => {
    const member = members.find(({ consensusKey }) => consensusKey === key);
    const isReady = pods.some((pod) => {
      return pod.member === member?.name && pod.ready && !pod.terminating;
    });
    return member !== undefined && !isReady;
  };
  const gone = set.members
    .map(({ key }) => key)
    .filter((key) => (down.has(key) || leaving.has(key)) && !isSubtracted(key));
  const within = seatsWithin(set, faultyPowerMax(totalPower(set)) - powerOf(set, gone));
  return Math.min(within, shareOf(observation.set));
}

/**
 * What others of the chain drain at the same moment nobody here can see before they are silent: a
 * set that joined takes the share that people agreed upon (rule MANY).
 */
function shareOf({ spec: { joins } }: ValidatorSet): number {
  return joins?.disruptable ?? Number.POSITIVE_INFINITY;
}

/** Seats that this much power holds at least, whichever they are. */
function seatsWithin({ members }: ChainView["set"], power: bigint): number {
  const powers = members.map((member) => member.power);
  const [strongest = 1n] = powers.toSorted((left, right) => (left < right ? 1 : -1));
  return power > 0n ? Number(power / strongest) : 0;
}
