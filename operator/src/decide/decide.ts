import type { Findings } from "../detect/verdict.ts";
import type { Observation } from "../observe/observation.ts";
import { faultBudget } from "./budget.ts";
import { candidatesOf, effectOf, planOf } from "./candidate.ts";
import type { Decision, Ground, Refusal, RotationPlan } from "./decision.ts";
import { consent, evidence, holds, restraint } from "./policy.ts";
import type { CandidateInput, Guard } from "./policy-input.ts";

const rules: readonly string[] = [
  ...new Set([...holds, ...evidence, ...restraint, ...consent].map(({ id }) => id)),
];

function refusals(guards: readonly Guard[], input: CandidateInput): readonly Refusal[] {
  return guards.map((guard) => guard.refuse(input)).filter((refusal) => refusal !== undefined);
}

interface Obstacles {
  /** Empty where every rule but mode and approval lets it pass. */
  readonly why: readonly Refusal[];
  /** The evidence stands, whether it may be acted on or not. */
  readonly isFounded: boolean;
}

function obstacles(input: CandidateInput): Obstacles {
  const [missing] = refusals(evidence, input);
  if (missing !== undefined) return { why: [missing], isFounded: false };
  return { why: refusals(restraint, input), isFounded: true };
}

/**
 * At most one rotation, or why none: refuses by default, and says so. Pure: an approval is judged
 * here again in the pass that acts, with all rules.
 */
export function decide(observation: Observation, findings: Findings): Decision {
  const { chain: reading } = observation;
  const none = { plan: undefined, proposal: undefined };
  if (reading.kind === "unborn") return { ...none, refusals: [], rules: [], budget: undefined };
  const chain = reading.kind === "verified" ? reading.chain : undefined;
  const held = holds
    .map((hold) => hold.refuse({ observation, findings, chain }))
    .filter((refusal) => refusal !== undefined);
  if (chain === undefined) return { ...none, refusals: held, rules, budget: undefined };
  const budget = faultBudget(observation, chain, findings);
  const refused: Refusal[] = [...held];
  const all = candidatesOf(observation, findings, chain).map((candidate) => {
    const input = { observation, findings, chain, candidate };
    return { candidate, input, ...obstacles(input) };
  });
  const grounds = all.flatMap(({ candidate: { cause, member }, isFounded }): readonly Ground[] =>
    isFounded && cause !== undefined
      ? [{ cause, member, effect: effectOf(chain, cause, member) }]
      : [],
  );
  const known = { rules, budget, ...(held.length > 0 ? {} : { grounds }) };
  for (const { candidate, input, why } of all) {
    refused.push(...why);
    const { cause } = candidate;
    if (cause === undefined || why.length > 0 || held.length > 0) continue;
    const proposal: RotationPlan = planOf(chain, cause, candidate);
    const unwanted = refusals(consent, input);
    if (unwanted.length > 0) {
      return { plan: undefined, proposal, refusals: [...refused, ...unwanted], ...known };
    }
    return { plan: proposal, proposal, refusals: [], ...known };
  }
  return { ...none, refusals: refused, ...known };
}
