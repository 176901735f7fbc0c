import { z } from "zod";
import { about, type CelRule } from "./fields.ts";

/** CEL costs are estimated from the largest list. */
const ENTRIES_MAX = 16;

const entry = z.object({
  member: z
    .exactOptional(z.string().min(1).max(63))
    .meta(about("One member, by its name in status.members.")),
  zone: z
    .exactOptional(z.string().min(1).max(63))
    .meta(about("All members that are bound to this failure domain.")),
  reason: z.string().min(1).max(256).meta(about("For people: what is done there.")),
  until: z.string().max(40).meta(about("When it is over, RFC 3339 in UTC: 2026-01-31T08:00:00Z.")),
});

/** Work on machines that a person announces (rule S1). */
export const maintenance = z
  .array(
    entry.meta(
      about(
        "One piece of work.",
        {
          rule: "has(self.member) != has(self.zone)",
          message: "maintenance: name a member or a zone; write two entries for both",
        },
        {
          rule: "self.until.matches('^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$')",
          message: "maintenance.until: write a time in UTC, as in 2026-01-31T08:00:00Z",
          fieldPath: ".until",
        },
      ),
    ),
  )
  .max(ENTRIES_MAX)
  .meta(
    about(
      "Members that are away on purpose: no rotation because of them until then, while they hold " +
        "at most f; they count in the fault budget. The chain's own healing is not stopped.",
    ),
  );

/**
 * Of a whole ValidatorSet: its members have its name. No text is put together: the length of
 * metadata.name has no bound in the estimate of CEL costs.
 */
export const maintenanceNames: CelRule = {
  rule:
    "!has(self.spec.maintenance) || self.spec.maintenance.all(each, !has(each.member) || " +
    "each.member.lastIndexOf('-') > 0 && " +
    "each.member.substring(0, each.member.lastIndexOf('-')) == self.metadata.name)",
  message: "spec.maintenance.member: name a member of this set, as status.members has it",
};
