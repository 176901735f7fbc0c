import type { Observation } from "../observe/observation.ts";
import type { Findings } from "./verdict.ts";

export function detect(_observation: Observation): Findings {
  const trust = { trusted: false, reason: "NotJudged", message: "" };
  return { verdicts: [], trust };
}
