import type { Digest, Height, PublicKey, Round } from "../kernel/scalars.ts";
import type { Block } from "./types.ts";

/** Newest batch of a lane that a chain of blocks has ordered. */
export interface LanePosition {
  readonly sequence: number;
  readonly digest: Digest;
}

/** What a chain of blocks has used up: no batch, late vote or heartbeat is in it twice. */
export interface ChainView {
  readonly lanes: ReadonlyMap<PublicKey, LanePosition>;
  /** Round of the newest late statement of each member, in this epoch. */
  readonly late: ReadonlyMap<PublicKey, Round>;
  /** Height named by the newest heartbeat of each key, in this epoch. */
  readonly heartbeats: ReadonlyMap<PublicKey, Height>;
}

/** What a chain has used up after one more block. */
export function extendView(view: ChainView, block: Block): ChainView {
  const lanes = new Map(view.lanes);
  for (const { author, sequence, digest } of block.cut) lanes.set(author, { sequence, digest });
  const late = new Map(view.late);
  const heartbeats = new Map(view.heartbeats);
  for (const { author, statement } of block.signsOfLife) {
    if (statement.kind === "heartbeat") heartbeats.set(author, statement.height);
    else if ("round" in statement) late.set(author, statement.round);
  }
  return { lanes, late, heartbeats };
}
