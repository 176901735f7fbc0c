import type { RotationChange } from "../act/status-writes.ts";
import type { Applied } from "../apply/apply.ts";
import type { BirthState } from "../birth/birth.ts";
import type { SpareReport } from "../birth/spares.ts";
import type { Desired } from "../build/desired.ts";
import type { Decision } from "../decide/decision.ts";
import type { Findings } from "../detect/verdict.ts";
import type { Observed } from "../observe/observe.ts";

/** Everything that one pass found, decided and did: what report tells. */
export interface Pass {
  readonly observed: Observed;
  readonly findings: Findings;
  readonly decision: Decision;
  readonly birth: BirthState;
  readonly rotations: readonly RotationChange[];
  readonly spare: SpareReport | undefined;
  readonly desired: Desired;
  /** Undefined where nothing may be written: paused, or a genesis that a person has to look at. */
  readonly applied: Applied | undefined;
}
