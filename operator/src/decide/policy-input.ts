import { findMember } from "@quorate/node/kernel/validator-set";
import type { Findings } from "../detect/verdict.ts";
import type { ChainView, Observation } from "../observe/observation.ts";
import type { Candidate } from "./candidate.ts";
import type { Refusal } from "./decision.ts";

/** Everything that a guard may look at. */
export interface PolicyInput {
  readonly observation: Observation;
  readonly findings: Findings;
  /** Undefined where no chain state was verified in this pass. */
  readonly chain: ChainView | undefined;
}

/** The same for a rotation that somebody asks for. */
export interface CandidateInput extends PolicyInput {
  readonly chain: ChainView;
  readonly candidate: Candidate;
}

/** Forbids everything, whatever is asked: a condition says so also while nobody asks. */
export interface Hold {
  readonly id: string;
  readonly refuse: (input: PolicyInput) => Refusal | undefined;
}

/** Forbids one rotation. */
export interface Guard {
  readonly id: string;
  readonly refuse: (input: CandidateInput) => Refusal | undefined;
}

/** First 8 characters of a key and, where the member is ours, its name. */
export function nameOf({ members }: Observation, key: string): string {
  const member = members.find(({ consensusKey }) => consensusKey === key);
  const short = key.slice(0, 8);
  return member === undefined ? short : `${member.name} (${short})`;
}

export function powerOfMember({ set }: ChainView, key: string): bigint {
  return findMember(set, key)?.power ?? 0n;
}
