import type { Height, PublicKey } from "../kernel/scalars.ts";
import type { AttestedResult } from "../kernel/statements.ts";

/** Members that attested one result of the height. */
export interface SplitGroup {
  readonly result: AttestedResult;
  /** By key. */
  readonly members: readonly PublicKey[];
}

/** SPLIT: results of one height that can't reach a quorum any more. */
export interface Split {
  readonly height: Height;
  /** Heaviest first. */
  readonly groups: readonly SplitGroup[];
}
