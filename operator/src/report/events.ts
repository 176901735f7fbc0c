import type { EventNote } from "@quorate/runtime/event-recorder";
import type { KubeObject } from "@quorate/runtime/objects";
import type { Condition, ConditionType } from "../api/v1alpha1/types.ts";
import { expiredWork, maintenanceOf } from "../decide/maintenance.ts";
import type { Pass } from "./pass.ts";

/** One event and the object that it is about. */
export interface Told {
  readonly object: KubeObject;
  readonly note: EventNote;
}

/** Conditions whose change is an event: its reason is the condition's. */
const TELLING: readonly ConditionType[] = ["Held", "SignalsTrusted", "QuorumSafe", "Stalled"];
/** The value at which a person should look. */
const BAD: Readonly<Partial<Record<ConditionType, Condition["status"]>>> = {
  Held: "True",
  SignalsTrusted: "False",
  QuorumSafe: "False",
  Stalled: "True",
};

/** What a pass did and what changed by it, one event each. Pure. */
export function eventsOf(pass: Pass, conditions: readonly Condition[]): readonly Told[] {
  const { set } = pass.observed.observation;
  const tell = (type: EventNote["type"], reason: string, message: string): Told => {
    return { object: set, note: { type, reason, message } };
  };
  const { birth, desired, applied, spare } = pass;
  const rotations = pass.rotations.flatMap(({ rotation, status }) => {
    const { phase, message } = status;
    const type = phase === "Refused" || phase === "Expired" ? "Warning" : "Normal";
    const note: EventNote = { type, reason: `Rotation${phase}`, message };
    const told = `${rotation.metadata.name}: ${message}`;
    return [{ object: rotation, note }, tell(type, note.reason, told)];
  });
  const made = new Set((applied?.created ?? []).map(({ metadata }) => metadata.name));
  const newMembers = desired.newMembers
    .filter(({ name }) => made.has(name))
    .map(({ reason, name, message }) => tell("Normal", reason, `${name}: ${message}`));
  return [
    ...rotations,
    ...newMembers,
    ...removalEvents(pass, tell),
    ...(birth.createdGenesis
      ? [tell("Normal", "GenesisCreated", "the chain's genesis is written, once and for ever")]
      : []),
    ...(spare?.isNew !== true
      ? []
      : [tell(spare.isProblem ? "Warning" : "Normal", spare.reason, spare.message)]),
    ...maintenanceEvents(pass, tell),
    ...conditionEvents(set.status?.conditions ?? [], conditions, tell),
  ];
}

type Tell = (type: EventNote["type"], reason: string, message: string) => Told;

function removalEvents({ applied, desired }: Pass, tell: Tell): readonly Told[] {
  const removed = applied?.removed;
  const removal = desired.removals.find(({ name }) => name === removed?.name);
  if (removed === undefined || removal === undefined) return [];
  if (removed.refusal === undefined) return [tell("Normal", removal.reason, removal.message)];
  return [tell("Warning", "EvictionRefused", `${removed.name}: ${removed.refusal}`)];
}

/** Who is away on purpose since the last status, and who is not any more. */
function maintenanceEvents({ observed }: Pass, tell: Tell): readonly Told[] {
  const { observation } = observed;
  // Where nobody knows who sits, nothing begins and nothing ends.
  if (observation.chain.kind !== "verified") return [];
  const { away } = maintenanceOf(observation);
  const before = (observation.set.status?.members ?? [])
    .filter(({ reasons }) => reasons.includes("InMaintenance"))
    .map(({ name }) => name);
  const begun = away
    .filter(({ member }) => !before.includes(member))
    .map(({ member, message }) => tell("Normal", "MaintenanceBegun", `${member}: ${message}`));
  const over = before
    .filter((name) => !away.some(({ member }) => member === name))
    .map((name) => {
      const work = expiredWork(observation, name);
      if (work === undefined) return tell("Normal", "MaintenanceEnded", `${name}: it counts again`);
      const message = `${name}: ${work.reason} was to end at ${work.until}; it counts again`;
      return tell("Warning", "MaintenanceExpired", message);
    });
  return [...begun, ...over];
}

function conditionEvents(
  before: readonly Condition[],
  after: readonly Condition[],
  tell: Tell,
): readonly Told[] {
  return after.flatMap(({ type, status, reason, message }) => {
    const last = before.find((each) => each.type === type);
    const isNew = last?.status !== status || (status === BAD[type] && last.reason !== reason);
    if (!TELLING.includes(type) || !isNew) return [];
    if (status === BAD[type]) return [tell("Warning", reason, `${type}: ${message}`)];
    // The first look at a healthy set is no news.
    return last === undefined || last.status === "Unknown" || status === "Unknown"
      ? []
      : [tell("Normal", reason, `${type} is ${status} again`)];
  });
}
