import type { ValidatorRotation } from "@quorate/operator/api/v1alpha1/types";
import type { RotationReport } from "./summary.ts";

/** The operator's own record of each rotation, oldest first. */
export function rotationReports(rotations: readonly ValidatorRotation[]): RotationReport[] {
  return rotations
    .map(({ metadata, spec, status }) => ({
      name: metadata.name,
      cause: spec.cause,
      member: spec.member,
      phase: status?.phase ?? "Planned",
      initiator: status?.initiator ?? "Operator",
      transaction: status?.transaction ?? "",
      newcomer: status?.newcomer ?? "",
    }))
    .toSorted((left, right) => (left.name < right.name ? -1 : 1));
}
