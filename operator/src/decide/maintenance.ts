import { faultyPower, findMember, powerOf } from "@quorate/node/kernel/validator-set";
import type { ValidatorSetSpec } from "../api/v1alpha1/types.ts";
import type { MemberView, Observation } from "../observe/observation.ts";
import { instantMs } from "./instant.ts";

type Work = NonNullable<ValidatorSetSpec["maintenance"]>[number];

/** A seat that is away on purpose. */
export interface Away {
  readonly key: string;
  readonly member: string;
  /** For people: why, and until when. */
  readonly message: string;
}

export interface Maintenance {
  /** Never more than f together: else nobody is away on purpose. */
  readonly away: readonly Away[];
  /** What a person has to correct in the spec. */
  readonly problem?: {
    readonly reason: "MaintenanceUnknown" | "MaintenanceAboveF";
    readonly message: string;
  };
}

function concerns({ member, zone }: Work, { name, zone: bound }: MemberView): boolean {
  return member === name || (zone !== undefined && zone === bound);
}

/** Announced work on the member whose time is over. */
export function expiredWork({ set, members, nowMs }: Observation, name: string): Work | undefined {
  const member = members.find((each) => each.name === name);
  return (set.spec.maintenance ?? []).find(
    (work) => isOver(work, nowMs) && member !== undefined && concerns(work, member),
  );
}

function isOver({ until }: Work, nowMs: number): boolean {
  return (instantMs(until) ?? 0) <= nowMs;
}

/** The work that goes on now, and which seats it takes away (`spec.maintenance`, rule S1). */
export function maintenanceOf({ set, members, chain: reading, nowMs }: Observation): Maintenance {
  if (reading.kind !== "verified") return { away: [] };
  const { chain } = reading;
  const works = (set.spec.maintenance ?? []).filter((work) => !isOver(work, nowMs));
  const away = members.flatMap((each): readonly Away[] => {
    const key = each.consensusKey ?? "";
    const work = works.find((one) => concerns(one, each));
    if (work === undefined || findMember(chain.set, key) === undefined) return [];
    return [{ key, member: each.name, message: `${work.reason}, until ${work.until}` }];
  });
  const power = powerOf(
    chain.set,
    away.map(({ key }) => key),
  );
  const f = faultyPower(chain.set);
  if (power > f) {
    const names = away.map(({ member }) => member).join(", ");
    const fix = "announce them one after the other; until then it counts for none of them";
    const message = `spec.maintenance: ${names} hold ${power}, at most f = ${f} may: ${fix}`;
    return { away: [], problem: { reason: "MaintenanceAboveF", message } };
  }
  const unknown = works.find((work) => !members.some((each) => concerns(work, each)));
  if (unknown === undefined) return { away };
  const { member, zone = "" } = unknown;
  const known = members.map((each) => (member === undefined ? each.zone : each.name));
  const field = member === undefined ? `zone: ${zone}` : `member: ${member}`;
  const message = `spec.maintenance.${field} is none of ${[...new Set(known)].join(", ")}`;
  return { away, problem: { reason: "MaintenanceUnknown", message } };
}
