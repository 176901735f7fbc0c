import { decide } from "@quorate/operator/decide/decide";
import { DECISION_MESSAGE, decisionLine } from "@quorate/operator/decision-log/decision-line";
import { detect } from "@quorate/operator/detect/detect";
import { observe, type Scene, SILENT } from "../../test/scene.ts";

function lineOf(scene: Partial<Scene>): string {
  const observation = observe(scene);
  const findings = detect(observation);
  const decision = decisionLine({
    observation,
    findings,
    decision: decide(observation, findings),
  });
  return `${JSON.stringify({ level: 30, time: 1, decision, msg: DECISION_MESSAGE })}\n`;
}

/** Two lines of an operator's log: a quiet pass, and one that swaps a silent member. */
export function loggedDecisions(): string {
  return lineOf({}) + lineOf({ actors: [SILENT, {}, {}, {}] });
}
