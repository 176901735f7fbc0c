import type { Findings } from "../detect/verdict.ts";
import type { Observation } from "../observe/observation.ts";
import type { Decision } from "./decision.ts";

export function decide(_observation: Observation, _findings: Findings): Decision {
  return { plan: undefined, proposal: undefined, refusals: [], rules: [], budget: undefined };
}
