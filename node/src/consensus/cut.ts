import { type Digest, type PublicKey, type Round, ZERO_DIGEST } from "../kernel/scalars.ts";
import type { LanePosition } from "./chain-view.ts";
import { CUT_BATCHES_MAX } from "./lanes.ts";
import type { PooledBatch } from "./state.ts";
import type { Turn } from "./turn.ts";
import type { BatchReference } from "./types.ts";

/** Batches of one lane in one block. */
const LANE_CUT_MAX = 16;

/** The batches of one lane that follow each other above a position. */
function laneOf(
  byPlace: ReadonlyMap<string, Digest>,
  author: PublicKey,
  from: LanePosition,
): readonly BatchReference[] {
  const lane: BatchReference[] = [];
  let position = from;
  while (lane.length < LANE_CUT_MAX) {
    const sequence = position.sequence + 1;
    const digest = byPlace.get(`${author}/${sequence}/${position.digest}`);
    if (digest === undefined) break;
    lane.push({ author, sequence, digest });
    position = { sequence, digest };
  }
  return lane;
}

/**
 * How many batches each lane gets of `room`: one at a time in turn, so that full lanes share what
 * is there evenly and a lane with little gets all of it. `first` is where the turns begin.
 */
export function shareOut(waiting: readonly number[], room: number, first: number): number[] {
  const shares = waiting.map(() => 0);
  let left = room;
  for (let level = 1; level <= LANE_CUT_MAX && left > 0; level += 1) {
    for (let step = 0; step < waiting.length && left > 0; step += 1) {
      const lane = (first + step) % waiting.length;
      if ((waiting[lane] ?? 0) < level) continue;
      shares[lane] = level;
      left -= 1;
    }
  }
  return shares;
}

function placesOf(pool: Iterable<PooledBatch>): ReadonlyMap<string, Digest> {
  const byPlace = new Map<string, Digest>();
  for (const { signed } of pool) {
    const { author, sequence, previous } = signed.batch;
    byPlace.set(`${author}/${sequence}/${previous}`, signed.digest);
  }
  return byPlace;
}

/**
 * The batches that a proposal on this chain orders: contiguous in each lane, lanes by key, and no
 * lane more than its share while another one waits (rule FAIR: lanes are rotated by round).
 */
export function buildCut(
  turn: Turn,
  positions: ReadonlyMap<PublicKey, LanePosition>,
  round: Round,
): BatchReference[] {
  const { pool } = turn.lanes;
  if (pool.size === 0) return [];
  const byPlace = placesOf(pool.values());
  const { members } = turn.state.set;
  const lanes = members.map(({ key }) => {
    return laneOf(byPlace, key, positions.get(key) ?? { sequence: 0, digest: ZERO_DIGEST });
  });
  const waiting = lanes.map((lane) => lane.length);
  const shares = shareOut(waiting, CUT_BATCHES_MAX, round % members.length);
  return lanes.flatMap((lane, index) => lane.slice(0, shares[index]));
}
