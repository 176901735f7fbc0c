import { REPAIR_NONCE } from "../kernel/repair.ts";
import type { Digest, Epoch, Height, PublicKey } from "../kernel/scalars.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import type { JournalRecord } from "./safety-data.ts";

/** More heights than are ever open. */
const ATTESTED_MAX = 64;

/** Go on from this certified height of that epoch, or of where it began, in the next epoch. */
export interface RepairPlan {
  /** The epoch that is abandoned. */
  readonly epoch: Epoch;
  readonly height: Height;
  readonly stateRoot: Digest;
  /** Protocol version to go on with. */
  readonly version: number;
  /**
   * Members whose disks are gone: what they attested nobody can tell any more, and a result that
   * only their word would certify may become void.
   */
  readonly lost?: readonly PublicKey[] | undefined;
}

/** Endorsements of the owner's plan, own and others', by member. */
export interface RepairState {
  readonly asked: boolean;
  readonly endorsements: ReadonlyMap<PublicKey, SignedStatement>;
  /** What the journal has attested above the plan's height in its epoch; the newest without one. */
  readonly attested: readonly SignedStatement[];
  /** Epochs that this key has given up by an endorsement: it signs nothing more in them. */
  readonly givenUp: ReadonlySet<Epoch>;
}

export const NO_REPAIR: RepairState = {
  asked: false,
  endorsements: new Map(),
  attested: [],
  givenUp: new Set(),
};

/** What the journal says about repairs; it outlasts the owner's file (rules SPLIT, JOURNAL). */
export function recoverRepair(
  plan: RepairPlan | undefined,
  journal: readonly JournalRecord[],
): RepairState {
  const all = journal.filter(({ statement }) => statement.kind === "attestation");
  const above = all.filter(({ statement }) => {
    if (plan === undefined || statement.kind !== "attestation") return false;
    return statement.result.epoch === plan.epoch && statement.result.height > plan.height;
  });
  const attested = plan === undefined ? all.slice(-ATTESTED_MAX) : above;
  const givenUp = new Set<Epoch>();
  for (const { statement } of journal) {
    if (statement.kind !== "endorsement" || statement.nonce < REPAIR_NONCE) continue;
    givenUp.add(statement.nonce - REPAIR_NONCE);
  }
  return { ...NO_REPAIR, attested, givenUp };
}

/**
 * SPLIT: the current epoch is given up by a plan of the owner, or by an endorsement in the journal:
 * that one binds also when the plan is gone.
 */
export function isGivenUp(state: {
  readonly config: { readonly repair?: RepairPlan | undefined };
  readonly set: { readonly epoch: Epoch };
  readonly repair: RepairState;
}): boolean {
  const { config, set, repair } = state;
  return config.repair?.epoch === set.epoch || repair.givenUp.has(set.epoch);
}
