import { assert } from "../kernel/assert.ts";
import type { Epoch, Height, Millis, Round } from "../kernel/scalars.ts";
import type { BlockMark, LedgerState } from "./state.ts";
import type { ExecutableBlock } from "./types.ts";
import { change, type Work } from "./work.ts";

/** Late votes of at least this many rounds count (rule SILENCE). */
export const LATE_ROUNDS = 64;
/** And those of the last second. */
const LATE_MS: Millis = 1_000;

/** What a new block did to the ledger's clock. */
export interface Tick {
  /** Block time that counts: at most `blockTimeCreditMsMax`. */
  readonly creditMs: Millis;
  /** A gap between commits: the counts of SILENCE start anew. */
  readonly isGap: boolean;
}

/**
 * Moves height, block time and the ledger's clock. Every clock here (cool-down, age, jail,
 * unbonding, silence) runs on credited time, so that no proposer's stamp jumps a term.
 */
export function advanceClock(work: Work, block: ExecutableBlock): Tick {
  const { state } = work;
  assert(block.height === state.height + 1, `block ${block.height} after ${state.height}`);
  assert(block.epoch === state.set.epoch, `block of epoch ${block.epoch}, not ${state.set.epoch}`);
  const spanMs = block.timestampMs - state.timestampMs;
  assert(spanMs > 0, `block time ${block.timestampMs} is not above ${state.timestampMs}`);
  const { blockTimeCreditMsMax, commitGapMs } = state.genesis.parameters.rotation;
  const creditMs = Math.min(spanMs, blockTimeCreditMsMax);
  change(work, {
    height: block.height,
    timestampMs: block.timestampMs,
    clockMs: state.clockMs + creditMs,
  });
  return { creditMs, isGap: spanMs > commitGapMs };
}

/** How old a certified height may be in a member's heartbeat: half a window (rule SILENCE). */
export function heartbeatAgeMsMax(state: LedgerState): Millis {
  return Math.floor(state.genesis.parameters.rotation.silenceMs / 2);
}

/** Forgets marks that no heartbeat and no late vote of later blocks may name. */
export function forgetMarks(work: Work): void {
  const { state } = work;
  const { fitMs, fitBlocks } = state.genesis.parameters.rotation;
  const reachMs = Math.max(fitMs, heartbeatAgeMsMax(state), LATE_MS);
  const reachBlocks = Math.max(fitBlocks, LATE_ROUNDS);
  const first = state.marks.findIndex(
    ({ height, clockMs }) =>
      height > state.height - reachBlocks || state.clockMs - clockMs <= reachMs,
  );
  if (first > 0) change(work, { marks: state.marks.slice(first) });
}

/**
 * Remembers the executed block for later heartbeats and late votes. The mark has the state's own
 * root, so that its leaf comes with the next block.
 */
export function markBlock(state: LedgerState, round: Round, epoch: Epoch): LedgerState {
  const { height, timestampMs, clockMs, stateRoot } = state;
  const mark: BlockMark = { epoch, height, round, timestampMs, clockMs, stateRoot };
  return { ...state, marks: [...state.marks, mark] };
}

/** The mark of a recent height; heights are contiguous. */
export function findMark(state: LedgerState, height: Height): BlockMark | undefined {
  const oldest = state.marks[0]?.height ?? 0;
  return state.marks[height - oldest];
}

/** Oldest round whose votes count in a block of `round`: 64 rounds, or those of the last second. */
export function oldestLateRound(state: LedgerState, round: number): number {
  const { marks, timestampMs, set } = state;
  const recent = marks.find(
    (mark) => mark.epoch === set.epoch && timestampMs - mark.timestampMs <= LATE_MS,
  );
  return Math.min(round - LATE_ROUNDS, recent?.round ?? round);
}
