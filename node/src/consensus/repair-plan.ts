import type { Digest, Epoch, Height, PublicKey } from "../kernel/scalars.ts";
import type { SignedStatement } from "../kernel/statements.ts";

/** Go on from this certified height of that epoch, or of where it began, in the next epoch. */
export interface RepairPlan {
  /** The epoch that is abandoned. */
  readonly epoch: Epoch;
  readonly height: Height;
  readonly stateRoot: Digest;
  /** Protocol version to go on with. */
  readonly version: number;
}

/** Endorsements of the owner's plan, own and others', by member. */
export interface RepairState {
  readonly asked: boolean;
  readonly endorsements: ReadonlyMap<PublicKey, SignedStatement>;
}
