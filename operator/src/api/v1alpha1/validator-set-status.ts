import { z } from "zod";
import { CONDITION_TYPES } from "./conditions.ts";
import { about, count, instant, listMap, money } from "./fields.ts";

const MEMBERS_MAX = 512;

const condition = z
  .object({
    type: z.enum(CONDITION_TYPES).meta(about("See docs/conditions.md.")),
    status: z.enum(["True", "False", "Unknown"]),
    reason: z
      .string()
      .regex(/^[A-Za-z]+$/)
      .max(64)
      .meta(about("CamelCase; docs/conditions.md.")),
    message: z.string().max(4096),
    lastTransitionTime: instant,
    observedGeneration: count,
  })
  .meta(about("One condition (kstatus)."));

const member = z
  .object({
    name: z.string().max(63).meta(about("<set>-<ordinal>; an ordinal is never used twice.")),
    role: z.enum(["Founder", "Voter", "Spare", "Joining", "Leaving", "Left"]),
    owner: z.string().max(63),
    consensusKey: z.string().max(64).meta(about("64 hex characters; empty before it is known.")),
    networkKey: z.string().max(64),
    power: money.meta(about("Micro-USD, decimal; 0 without a seat.")),
    node: z.string().max(253).meta(about("Machine of the pod.")),
    zone: z.string().max(63).meta(about("Failure domain of the pod.")),
    silentMs: z
      .exactOptional(count)
      .meta(about("Milliseconds since its last sign of life in the chain's count; voters only.")),
    reasons: z.array(z.string().max(64)).max(16).meta(about("Suspicions and refusals.")),
  })
  .meta(about("One node of the set."));

export const faultBudgetSchema = z
  .object({
    total: money,
    quorum: money,
    f: money.meta(about("Power that may fail: total - quorum.")),
    used: money.meta(about("Union of unreachable, leaving and draining (S1).")),
    free: money,
    seats: count.meta(about("Seats that may still fail, the strongest counted.")),
  })
  .meta(about("Power in micro-USD, decimal."));

export const validatorSetStatus = z
  .object({
    observedGeneration: count,
    conditions: z.array(condition).max(16).meta(listMap("type")),
    birth: z.object({ phase: z.enum(["Keys", "Genesis", "Alive"]), asked: count }),
    genesisHash: z.string().max(64).meta(about("Of the pinned genesis; empty before.")),
    chain: z
      .object({
        epoch: count,
        height: count,
        setHash: z.string().max(64),
        time: z.string().max(40).meta(about("Block time of the newest verified header.")),
        protocol: z.exactOptional(
          z
            .object({
              version: count.meta(about("Rules that the chain runs by.")),
              next: z.exactOptional(
                z
                  .object({ version: count, height: count })
                  .meta(
                    about("Agreed by a quorum; images without this version stop at this height."),
                  ),
              ),
            })
            .meta(about("Version of the state machine (rule VERSION).")),
        ),
      })
      .meta(about("What was verified last.")),
    checkpoint: z
      .object({ epoch: count, set: z.string().max(262_144), time: z.string().max(40) })
      .meta(about("Newest verified set, canonical bytes in hex (VERIFIED-READ).")),
    faultBudget: faultBudgetSchema,
    members: z.array(member).max(MEMBERS_MAX).meta(listMap("name")),
    nextOrdinal: count.meta(about("Next ordinal; never falls.")),
    voters: count,
    spares: count,
    lastDecision: z
      .object({
        verdict: z.string().max(64),
        rules: z.array(z.string().max(64)).max(64),
        message: z.string().max(4096),
        at: z.string().max(40),
      })
      .meta(about("What was decided last, and which rules were asked.")),
    selector: z.string().max(512).meta(about("Label selector of the pods, for scale.")),
  })
  .meta(about("What the operator saw and did."));
