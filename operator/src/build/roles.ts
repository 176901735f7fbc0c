import { findMember } from "@quorate/node/kernel/validator-set";
import type { MemberRole } from "../api/v1alpha1/types.ts";
import type { ChainView, MemberView, Observation } from "../observe/observation.ts";

/** What a member was in the last status; the chain may be out of sight. */
function lastRole({ set }: Observation, member: MemberView): MemberRole | undefined {
  return set.status?.members?.find(({ name }) => name === member.name)?.role;
}

/** Whether the set founds its chain with this member. */
export function isFounder({ set }: Observation, ordinal: number): boolean {
  return set.spec.genesisHash === undefined && ordinal < set.spec.replicas;
}

function isLeaving({ rotations }: Observation, key: string): boolean {
  return rotations.some(({ spec, status }) => spec.member === key && status?.phase === "Submitted");
}

function roleOnChain(observation: Observation, chain: ChainView, member: MemberView): MemberRole {
  const key = member.consensusKey;
  if (key === undefined) return "Joining";
  if (findMember(chain.set, key)) return isLeaving(observation, key) ? "Leaving" : "Voter";
  if (chain.spares.some((spare) => spare.key === key)) return "Spare";
  // Only a proven swap says that a key has gone: whatever else is not seen is kept.
  return isLeaver(chain, key) ? "Left" : "Joining";
}

function isLeaver({ left, swaps }: ChainView, key: string): boolean {
  return left?.has(key) === true || swaps.some(({ leaver }) => leaver === key);
}

/** A member's role: by the verified chain, else as the last status has it. */
export function roleOf(observation: Observation, member: MemberView): MemberRole {
  const { chain } = observation;
  if (chain.kind === "verified") return roleOnChain(observation, chain.chain, member);
  if (chain.kind === "unborn") {
    return isFounder(observation, member.ordinal) ? "Founder" : "Joining";
  }
  const fallback = isFounder(observation, member.ordinal) ? "Founder" : "Joining";
  return lastRole(observation, member) ?? fallback;
}
