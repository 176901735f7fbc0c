import { findMember, validatorSet } from "@quorate/node/kernel/validator-set";
import { fitSpares } from "../decide/candidate.ts";
import { quorumSafety } from "../decide/failure-domains.ts";
import type { ChainView } from "../observe/observation.ts";
import { type WhatIf, zoneOf } from "./what-if.ts";

/** What the set would be with this spare in the seat. */
export interface Newcomer {
  readonly name: string;
  /** Failure domains that the seat leaves and enters; empty where nobody knows. */
  readonly leaves: string;
  readonly enters: string;
  /** No machine and no zone holds voters with more than f afterwards (rule S8). */
  readonly safe: boolean;
  readonly message: string;
}

export interface Outlook {
  /** Whoever is not silent holds a quorum, and blocks come (rule S11). */
  readonly chainGoesOn: boolean;
  /**
   * Fit spares, those of the owners whom PICK asks first in front; within an owner's the chain
   * goes by heights that the operator does not know. Empty where no seat changes hands.
   */
  readonly newcomers: readonly Newcomer[];
}

/** What comes after the decision; undefined while nothing of the chain is verified. Pure. */
export function outlookOf({ observation, decision }: WhatIf): Outlook | undefined {
  if (observation.chain.kind !== "verified") return undefined;
  const { chain } = observation.chain;
  const { members, pods, nodes } = observation;
  // Rule S11 is always asked, and the imagined chain stands still without a quorum.
  const chainGoesOn = !decision.refusals.some(({ reason }) => reason === "ChainHalted");
  const wanted = decision.plan ?? decision.proposal;
  if (wanted?.effect !== "Swap") return { chainGoesOn, newcomers: [] };
  const { cause, member } = wanted;
  const owner = findMember(chain.set, member)?.owner;
  const place = (key: string) => {
    const found = members.find(({ consensusKey }) => consensusKey === key);
    const zone = found === undefined ? "" : zoneOf(found, pods, nodes);
    return { name: found?.name ?? key, zone };
  };
  const spares = fitSpares(chain, cause, member);
  const own = spares.filter((spare) => spare.owner === owner);
  const others = spares.filter((spare) => spare.owner !== owner);
  const ordered = cause === "Misconduct" ? [...others, ...own] : [...own, ...others];
  const newcomers = ordered.map((spare) => {
    const { safe, message } = quorumSafety(observation, swapped(chain, member, spare));
    const { name, zone } = place(spare.key);
    return { name, leaves: place(member).zone, enters: zone, safe, message };
  });
  return { chainGoesOn, newcomers };
}

/** One seat changes hands: the newcomer takes exactly the leaver's power (rule SEAT). */
function swapped(
  chain: ChainView,
  leaver: string,
  { key, owner }: ChainView["spares"][number],
): ChainView {
  const members = chain.set.members.map((seat) =>
    seat.key === leaver ? { ...seat, key, owner } : seat,
  );
  return { ...chain, set: validatorSet(chain.set.epoch, members) };
}
