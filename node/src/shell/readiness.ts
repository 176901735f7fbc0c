import type { Split } from "../consensus/split-groups.ts";
import type { Height } from "../kernel/scalars.ts";
import type { BurnGuard } from "./burn-guard.ts";

/** Blocks that a ready node may be behind what f+1 of the power claims. */
const READY_LAG_BLOCKS = 20;
const LISTENING = "listening to peers before the first signature";

export interface Condition {
  /** Why the replica has stopped by itself, if it has. */
  readonly halted: string | undefined;
  /** SPLIT: members' results that can't reach a quorum. */
  readonly split?: Split | undefined;
  readonly guard: BurnGuard["state"];
  /** Newest executed height, and what f+1 of the power claim. */
  readonly height: Height;
  readonly claimed: Height;
}

function splitReason({ height, groups }: Split): string {
  return `split: ${groups.length} results of height ${height}, none with a quorum; see SPLIT`;
}

/** Undefined where the node is in sync and may sign, else one sentence that says why not. */
export function notReady(condition: Condition): string | undefined {
  const { halted, split, guard, height, claimed } = condition;
  if (halted !== undefined) return `halted: ${halted}`;
  if (split !== undefined) return splitReason(split);
  if (guard.kind === "burnt") return `burnt: ${guard.reason}`;
  if (height + READY_LAG_BLOCKS < claimed) {
    return `catching up: at height ${height}, peers are at ${claimed}`;
  }
  return guard.kind === "listening" ? LISTENING : undefined;
}

/** Undefined where the node signs; unlike readiness, how far it has come does not matter. */
export function notSigning({
  halted,
  split,
  guard,
}: Pick<Condition, "halted" | "split" | "guard">): string | undefined {
  if (halted !== undefined) return halted;
  if (split !== undefined) return splitReason(split);
  if (guard.kind === "burnt") return guard.reason;
  return guard.kind === "listening" ? LISTENING : undefined;
}
