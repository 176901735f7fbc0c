import { z } from "zod";
import { about, count, hex32, hex64, immutable, instant, objectName } from "./fields.ts";

export const validatorRotationSpec = z
  .object({
    set: objectName.meta(about("ValidatorSet in the same namespace.")),
    cause: z
      .enum(["Silence", "Misconduct", "Owner"])
      .meta(about("Why the seat changes hands (rule CAUSE).")),
    member: hex32.meta(about("Consensus key whose seat is vacated, 64 hex characters.")),
    setHash: hex32.meta(about("Compare and set: the set that the plan was computed from.")),
    ownerSignature: z
      .exactOptional(
        z.object({
          nonce: count.meta(about("Never used before by this owner.")),
          signature: hex64.meta(about("128 hex characters.")),
        }),
      )
      .meta(about("Cause Owner: the owner's signature, as `quorate rotate` prints it.")),
  })
  .meta(
    about(
      "What is asked for. Immutable: another rotation is another object.",
      {
        rule: "self.cause != 'Owner' || has(self.ownerSignature)",
        message: "cause Owner needs ownerSignature: let the owner sign with `quorate rotate`",
      },
      {
        rule: "self.cause == 'Owner' || !has(self.ownerSignature)",
        message: "ownerSignature goes with cause Owner only: remove it or change cause",
      },
      immutable("spec", "delete the ValidatorRotation and create another"),
    ),
  );

const phase = z.enum(["Planned", "Submitted", "Effective", "Replaced", "Refused", "Expired"]);

export const validatorRotationStatus = z
  .object({
    phase: phase.meta(about("Planned, Submitted, Effective, Replaced; or Refused, Expired.")),
    initiator: z
      .enum(["Operator", "Chain", "Person"])
      .meta(about("Chain: it swapped by itself (rule CAUSE).")),
    planHash: z.string().max(64).meta(about("What an approval names.")),
    expiresAt: z.exactOptional(instant).meta(about("Until when an approval counts.")),
    transaction: z.exactOptional(hex32).meta(about("Id of the transaction.")),
    memberName: z
      .exactOptional(z.string().max(63))
      .meta(about("The leaver's name in this set, or the first 8 characters of its key.")),
    newcomer: z.exactOptional(hex32).meta(about("Consensus key that took the seat.")),
    newcomerName: z.exactOptional(z.string().max(63)).meta(about("Its name in this set.")),
    setHashAfter: z.exactOptional(hex32),
    epoch: z.exactOptional(count).meta(about("Epoch that began by it.")),
    heights: z.exactOptional(
      z.object({ submitted: z.exactOptional(count), committed: z.exactOptional(count) }),
    ),
    rules: z.array(z.string().max(64)).max(64).meta(about("Rules that were asked.")),
    message: z.string().max(4096),
    times: z
      .object({
        Planned: z.exactOptional(instant),
        Submitted: z.exactOptional(instant),
        Effective: z.exactOptional(instant),
        Replaced: z.exactOptional(instant),
        Refused: z.exactOptional(instant),
        Expired: z.exactOptional(instant),
      })
      .meta(about("When each phase began.")),
  })
  .meta(about("How far it is; the audit trail."));

export const validatorRotation = z
  .object({
    spec: validatorRotationSpec,
    status: z.exactOptional(validatorRotationStatus),
  })
  .meta(about("One rotation: a seat's key goes out, a spare's comes in."));
