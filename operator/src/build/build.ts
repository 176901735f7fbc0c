import { LABELS } from "../api/v1alpha1/labels.ts";
import type { MemberRole, ValidatorSet } from "../api/v1alpha1/types.ts";
import { marginHolds } from "../decide/margin-wave.ts";
import type { MemberView, Observation, PodView } from "../observe/observation.ts";
import type { Desired, NewMember, PodRemoval } from "./desired.ts";
import { budgetOf, claimOf, configMapOf, podOf, serviceOf } from "./objects.ts";
import { chooseZone, type Placed } from "./placement.ts";
import { isFounder, roleOf } from "./roles.ts";
import { rollout } from "./rollout.ts";
import { withheldPod } from "./second-signer.ts";

interface Roster {
  readonly member: MemberView;
  readonly role: MemberRole;
}

const VOTES: ReadonlySet<MemberRole> = new Set(["Founder", "Voter", "Leaving"]);
const WAITS: ReadonlySet<MemberRole> = new Set(["Spare", "Joining"]);

function rosterOf(observation: Observation): readonly Roster[] {
  return observation.members
    .map((member) => ({ member, role: roleOf(observation, member) }))
    .sort((left, right) => left.member.ordinal - right.member.ordinal);
}

function firstFreeOrdinal({ set, members }: Observation): number {
  const used = members.map(({ ordinal }) => ordinal + 1);
  return Math.max(set.status?.nextOrdinal ?? 0, 0, ...used);
}

/** Whether the key ever sat in the set: such a member is never scaled down. */
function everSeated(observation: Observation, { consensusKey }: MemberView): boolean {
  if (observation.chain.kind !== "verified" || consensusKey === undefined) return false;
  return observation.chain.chain.swaps.some(
    ({ leaver, newcomer }) => leaver === consensusKey || newcomer === consensusKey,
  );
}

/** A swap is under way or due: which spare it takes is the chain's to say (rule PICK). */
function needsSpares({ chain, rotations }: Observation): boolean {
  if (rotations.some(({ status }) => status?.phase === "Submitted")) return true;
  return (
    chain.kind === "verified" &&
    [...chain.chain.liveness.values()].some(({ isCondemned }) => isCondemned)
  );
}

interface Staffing {
  /** Members whose `retired` mark changes in this pass, by name. */
  readonly retired: ReadonlyMap<string, boolean>;
  readonly wanted: number;
}

/**
 * Spares are kept at `spec.spares`: too many, the newest never-seated ones retire; too few, retired
 * ones come back before new ones are made. Only by a verified chain: else nobody knows who is one.
 */
function staffSpares(
  observation: Observation,
  roster: readonly Roster[],
  isBusy: boolean,
): Staffing {
  const { spares } = observation.set.spec;
  const waiting = roster.filter(({ role }) => WAITS.has(role));
  const active = waiting.filter(({ member }) => !member.retired);
  const unchanged = { retired: new Map(), wanted: 0 };
  if (observation.chain.kind !== "verified") return unchanged;
  if (active.length > spares) {
    if (isBusy) return unchanged;
    const surplus = active
      .filter(({ member }) => !everSeated(observation, member))
      .slice(spares - active.length);
    return { retired: new Map(surplus.map(({ member }) => [member.name, true])), wanted: 0 };
  }
  const missing = spares - active.length;
  const back = waiting.filter(({ member }) => member.retired).slice(0, missing);
  return {
    retired: new Map(back.map(({ member }) => [member.name, false])),
    wanted: missing - back.length,
  };
}

/**
 * Ordinals of new spares. Members belong to the owners in turn, by ordinal, and a seat's newcomer
 * is best one of the same owner (rules PICK, SEAT): so ordinals are left out until one belongs to
 * an owner with the fewest spares.
 */
function spareOrdinals(
  observation: Observation,
  roster: readonly Roster[],
  wanted: number,
): readonly number[] {
  const owners = observation.set.spec.owners.length;
  const held = Array.from({ length: owners }, () => 0);
  for (const { member, role } of roster) {
    const owner = member.ordinal % owners;
    if (WAITS.has(role) && !member.retired) held[owner] = (held[owner] ?? 0) + 1;
  }
  const ordinals: number[] = [];
  let ordinal = firstFreeOrdinal(observation);
  while (ordinals.length < wanted) {
    const owner = ordinal % owners;
    if (held[owner] === Math.min(...held)) {
      ordinals.push(ordinal);
      held[owner] = (held[owner] ?? 0) + 1;
    }
    ordinal += 1;
  }
  return ordinals;
}

/**
 * A leaver whose pod does not go away, or a voter that the chain counts as silent: where it is
 * bound, a new member might wait for ever.
 */
function isDoubtful({ pods, chain }: Observation, { member, role }: Roster): boolean {
  if (role === "Left") return pods.some((pod) => pod.member === member.name);
  if (chain.kind !== "verified" || member.consensusKey === undefined) return false;
  return chain.chain.liveness.get(member.consensusKey)?.isSilent === true;
}

/** Founders are made before the genesis, spares after it: they name its hash (rule GENESIS). */
function newMembers(
  observation: Observation,
  roster: readonly Roster[],
  wantedSpares: number,
): readonly NewMember[] {
  const { set, nodes } = observation;
  const placed: Placed[] = roster
    .filter(
      (each) => !each.member.retired && (each.role !== "Left" || isDoubtful(observation, each)),
    )
    .map((each) => ({
      zone: each.member.zone,
      votes: VOTES.has(each.role),
      doubtful: isDoubtful(observation, each),
    }));
  const made: NewMember[] = [];
  const make = (ordinal: number, reason: NewMember["reason"], message: string) => {
    const zone = chooseZone(nodes, placed);
    placed.push({ zone, votes: reason === "FounderNeeded", doubtful: false });
    made.push({ name: `${set.metadata.name}-${ordinal}`, ordinal, zone, reason, message });
  };
  if (observation.chain.kind === "unborn" && observation.genesisHash === undefined) {
    const there = new Set(roster.map(({ member }) => member.ordinal));
    for (let ordinal = 0; ordinal < set.spec.replicas; ordinal += 1) {
      if (!isFounder(observation, ordinal) || there.has(ordinal)) continue;
      make(ordinal, "FounderNeeded", `founder ${ordinal + 1} of ${set.spec.replicas}`);
    }
  }
  for (const ordinal of spareOrdinals(observation, roster, wantedSpares)) {
    make(ordinal, "SpareNeeded", `spec.spares is ${set.spec.spares}: a spare is missing`);
  }
  return made;
}

function removalOf(
  { member, role }: Roster,
  { phase, labels }: PodView,
  isBusy: boolean,
): Pick<PodRemoval, "how" | "reason" | "message"> | undefined {
  const { name } = member;
  const mayVote = VOTES.has(role) || labels[LABELS.voter] === "true";
  const how = mayVote ? "Evict" : "Delete";
  if (role === "Left") {
    if (isBusy) return undefined;
    const message = `${name}: its seat went to another key; the volume stays`;
    return { how, reason: "Rotated", message };
  }
  if (member.retired && WAITS.has(role)) {
    if (isBusy) return undefined;
    const message = `${name}: spec.spares is smaller now; the volume stays`;
    return { how, reason: "ScaledDown", message };
  }
  if (phase !== "Failed" && phase !== "Succeeded") return undefined;
  const message = `${name}: its pod ended (${phase}) and no container of it runs`;
  return { how, reason: "PodFailed", message };
}

/** Never by force, never a voter's that runs (rules S14, STOLEN). */
function removals(
  { set, pods }: Observation,
  roster: readonly Roster[],
  isSwapping: boolean,
): readonly PodRemoval[] {
  const namespace = set.metadata.namespace ?? "default";
  const isReady = ({ member }: Roster): boolean =>
    pods.some((pod) => pod.name === member.name && pod.ready);
  // Whoever is not ready first: its eviction takes nothing from the budget, and gives it back.
  const ordered = roster.toSorted((left, right) => Number(isReady(left)) - Number(isReady(right)));
  return ordered.flatMap((each) => {
    const { name } = each.member;
    const pod = pods.find((one) => one.member === name && one.name === name);
    if (pod === undefined || pod.terminating) return [];
    const removal = removalOf(each, pod, isSwapping);
    return removal === undefined ? [] : [{ ...removal, namespace, name: pod.name, uid: pod.uid }];
  });
}

/** The pod that makes room for the new image. */
function upgrade({ set, pods }: Observation, turn: string | undefined): readonly PodRemoval[] {
  const pod = pods.find(({ name, member }) => name === turn && member === turn);
  if (pod === undefined || pod.terminating || pod.image === set.spec.image) return [];
  const { uid, name, image, labels } = pod;
  const namespace = set.metadata.namespace ?? "default";
  const how = labels[LABELS.voter] === "true" ? "Evict" : "Delete";
  const message = `${name}: from ${image} to ${set.spec.image}`;
  return [{ namespace, name, uid, how, reason: "Upgraded", message }];
}

/** The prices of one node: by its ordinal, else the default. Undefined: nobody knows yet. */
function pricesFor(observation: Observation, ordinal: number): readonly unknown[] | undefined {
  if (observation.set.spec.prices.sourcesRef === undefined) return [];
  const sources = observation.priceSources;
  if (sources === undefined) return undefined;
  return sources[String(ordinal)] ?? sources["default"] ?? [];
}

function nodesOf(observation: Observation, staffed: readonly Roster[]) {
  const { set, genesisHash, controlClientKey } = observation;
  const ready = staffed.flatMap(({ member, role }) => {
    if (role === "Left" || (member.retired && WAITS.has(role))) return [];
    const prices = pricesFor(observation, member.ordinal);
    // Without an address there is nothing to advertise: the Service's comes with the next pass.
    return prices === undefined || member.address === "" ? [] : [{ member, role, prices }];
  });
  const withheld = ready.flatMap(({ member }) => withheldPod(observation, member) ?? []);
  const held = new Set(withheld.map(({ member }) => member));
  return {
    withheld,
    configMaps: ready.map(({ member, prices }) => {
      const hash = isFounder(observation, member.ordinal) ? undefined : genesisHash;
      return configMapOf(set, member, { controlClientKey, prices, genesisHash: hash });
    }),
    claims: ready.map(({ member }) => claimOf(set, member.name)),
    pods: ready
      .filter(({ member }) => !held.has(member.name))
      .map(({ member, role }) => {
        // A pod that was a voter's keeps the label for its life: admission refuses its removal, so
        // that a thief of this account cannot take a voter out of its budget (rule STOLEN).
        const was = observation.pods.find(({ name }) => name === member.name);
        const votes =
          role === "Voter" || role === "Leaving" || was?.labels[LABELS.voter] === "true";
        const image = was?.image ?? member.image;
        return podOf(set, member, { votes, genesisHash, image });
      }),
  };
}

/**
 * The pods that have to stay (rule S1): one for every seat, and those of others that are labelled
 * voter as long as they run, without the seats that may be disrupted; never fewer than the seats
 * without f. It says nothing of which pods are ready: the API server looks at each eviction.
 */
function disruptionBudget(
  { set, chain, pods }: Observation,
  roster: readonly Roster[],
  disruptable: number,
): Desired["budget"] {
  if (chain.kind === "unborn") return undefined;
  /** One that has ended is not ready ever again. */
  const isLabelled = (name: string): boolean =>
    pods.some(({ name: pod, terminating, labels, phase }) => {
      const runs = !terminating && phase !== "Failed" && phase !== "Succeeded";
      return pod === name && runs && labels[LABELS.voter] === "true";
    });
  const guarded = roster.filter(
    ({ member, role }) => role === "Voter" || role === "Leaving" || isLabelled(member.name),
  ).length;
  return budgetOf(set, Math.max(seatsThatStay(set), guarded - disruptable));
}

/** What a person's word alone keeps, and the admission policy with it (rule STOLEN). */
function seatsThatStay({ spec }: ValidatorSet): number {
  const { replicas, faultTolerance, genesisHash, joins } = spec;
  if (genesisHash === undefined || joins === undefined) return replicas - faultTolerance;
  return Math.max(0, joins.seats - joins.disruptable);
}

/**
 * From one pass's knowledge to the objects that should exist; `disruptable` seats may be without a
 * ready pod at once.
 * Pure; touches nothing.
 */
export function build(observation: Observation, disruptable = 0): Desired {
  const { set } = observation;
  const roster = rosterOf(observation);
  const isSwapping = needsSpares(observation);
  const isBusy = isSwapping || marginHolds(observation);
  const staffing = staffSpares(observation, roster, isBusy);
  const enlisted = roster.map(({ member, role }) => {
    const retired = staffing.retired.get(member.name) ?? member.retired;
    return { member: { ...member, retired }, role };
  });
  const gates = { disruptable, isBusy };
  const { images, fresh: freshImage, turn, state } = rollout(observation, enlisted, gates);
  const staffed = enlisted.map(({ member, role }) => {
    return { member: { ...member, image: images.get(member.name) ?? freshImage }, role };
  });
  const made = newMembers(observation, staffed, staffing.wanted);
  const unnamed = { consensusKey: undefined, networkKey: undefined };
  const fresh = { ...unnamed, image: freshImage, retired: false };
  const next = made.map(({ ordinal }) => ordinal + 1);
  return {
    budget: disruptionBudget(observation, staffed, disruptable),
    services: [
      ...staffed.map(({ member }) => serviceOf(set, member)),
      ...made.map(({ name, zone }) => serviceOf(set, { name, zone, ...fresh })),
    ],
    ...nodesOf(observation, staffed),
    newMembers: made,
    rollout: state,
    removals: [...removals(observation, staffed, isSwapping), ...upgrade(observation, turn)],
    nextOrdinal: Math.max(firstFreeOrdinal(observation), ...next),
  };
}
