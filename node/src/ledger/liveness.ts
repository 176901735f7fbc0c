import type { Epoch, Millis, PublicKey } from "../kernel/scalars.ts";
import { type SignedStatement, verifyStatement } from "../kernel/statements.ts";
import { findMark, heartbeatAgeMsMax, oldestLateRound, type Tick } from "./clock.ts";
import { freshLiveness, type LedgerState, type Liveness } from "./state.ts";
import type { ExecutableBlock } from "./types.ts";
import { change, type Work, withEntry } from "./work.ts";

type Roll = Map<PublicKey, Liveness>;

/**
 * Counts this block's signs of life (rule SILENCE) and the heartbeats of spares (rule FIT). Runs
 * before the block's transactions, so that any sign of life clears a silence record of the same
 * block.
 */
export function updateLiveness(work: Work, block: ExecutableBlock, tick: Tick): void {
  const roll = rested(work.state, tick);
  for (const key of block.voters) noteVote(roll, key, work.state);
  for (const signed of block.signsOfLife) noteStatement(work, roll, block, signed);
  const lanes = new Set(block.transactions.map(({ lane }) => lane));
  for (const lane of lanes) noteSign(roll, lane, work.state);
  noteSign(roll, block.proposer, work.state);
  const proposedAt = withEntry(work.state.proposedAt, block.proposer, block.height);
  change(work, { liveness: roll, proposedAt });
}

/**
 * Starts the counts anew after a gap; lets those of absent members rest. Neither is a vote: what
 * shows that a muted member votes again starts anew after both.
 */
function rested(state: LedgerState, { creditMs, isGap }: Tick): Roll {
  const { height, clockMs } = state;
  const entries = [...state.liveness].map(([key, liveness]): [PublicKey, Liveness] => {
    if (isGap) {
      const start = { sinceHeight: height, sinceMs: clockMs };
      const voted = { votedHeight: height, votedMs: clockMs, votingSinceMs: undefined };
      return [key, { ...liveness, ...start, ...voted }];
    }
    if (liveness.absentUntilMs <= clockMs - creditMs) return [key, liveness];
    // The part of this block's span that lies in the absence does not count.
    const restMs = Math.min(creditMs, liveness.absentUntilMs - (clockMs - creditMs));
    const rest: Liveness = {
      ...liveness,
      sinceHeight: liveness.sinceHeight + 1,
      sinceMs: liveness.sinceMs + restMs,
      votedHeight: liveness.votedHeight + 1,
      votedMs: liveness.votedMs + restMs,
      votingSinceMs: undefined,
    };
    return [key, rest];
  });
  return new Map(entries);
}

function noteSign(roll: Roll, key: PublicKey, { height, clockMs }: LedgerState): void {
  const liveness = roll.get(key);
  if (liveness === undefined) return;
  roll.set(key, { ...liveness, sinceHeight: height, sinceMs: clockMs });
}

/** A longer pause than a quarter of a window ends a muted member's proof that it votes again. */
function pauseMsMax(state: LedgerState): Millis {
  return Math.floor(state.genesis.parameters.rotation.silenceMs / 4);
}

function noteVote(roll: Roll, key: PublicKey, state: LedgerState): void {
  const liveness = roll.get(key);
  if (liveness === undefined) return;
  const { height, clockMs } = state;
  const paused = clockMs - liveness.votedMs > pauseMsMax(state);
  const votingSinceMs = paused ? clockMs : (liveness.votingSinceMs ?? clockMs);
  roll.set(key, {
    ...liveness,
    sinceHeight: height,
    sinceMs: clockMs,
    votedHeight: height,
    votedMs: clockMs,
    votingSinceMs,
    absentUntilMs: isBack(liveness, state) ? clockMs : liveness.absentUntilMs,
  });
}

/**
 * A vote so long after its notice is none that was on its way when it stopped: the member is back,
 * its count goes on, and another may be absent. The notice still counts once an hour.
 */
function isBack({ absentFromMs, absentUntilMs }: Liveness, state: LedgerState): boolean {
  const { commitGapMs } = state.genesis.parameters.rotation;
  return absentUntilMs > state.clockMs && state.clockMs - absentFromMs > commitGapMs;
}

/** A statement that a proposer collected. The ledger trusts no proposer: it checks each itself. */
function noteStatement(
  work: Work,
  roll: Roll,
  block: ExecutableBlock,
  signed: SignedStatement,
): void {
  const { author, statement } = signed;
  if (statement.kind === "heartbeat") {
    noteHeartbeat(work, roll, signed);
    return;
  }
  const liveness = roll.get(author);
  if (liveness === undefined) return;
  const counted = countedRounds(liveness, signed, block.epoch);
  if (counted === undefined || counted.round > block.round) return;
  if (counted.round < oldestLateRound(work.state, block.round)) return;
  if (!verifyStatement(work.scheme, work.state.chainId, signed)) return;
  roll.set(author, counted.liveness);
  noteVote(roll, author, work.state);
}

interface Counted {
  readonly round: number;
  readonly liveness: Liveness;
}

/** The record with this vote's round counted; undefined if it is no vote, or not a newer one. */
function countedRounds(
  liveness: Liveness,
  { statement }: SignedStatement,
  epoch: Epoch,
): Counted | undefined {
  const none = { roundsEpoch: epoch, voteRound: 0, orderVoteRound: 0, timeoutRound: 0 };
  const base = liveness.roundsEpoch === epoch ? liveness : { ...liveness, ...none };
  switch (statement.kind) {
    case "vote":
      if (statement.epoch !== epoch || statement.round <= base.voteRound) return undefined;
      return { round: statement.round, liveness: { ...base, voteRound: statement.round } };
    case "order-vote":
      if (statement.epoch !== epoch || statement.round <= base.orderVoteRound) return undefined;
      return { round: statement.round, liveness: { ...base, orderVoteRound: statement.round } };
    case "timeout":
      if (statement.epoch !== epoch || statement.round <= base.timeoutRound) return undefined;
      return { round: statement.round, liveness: { ...base, timeoutRound: statement.round } };
    default:
      return undefined;
  }
}

/** Whether the heartbeat names a height that this chain has, under that height's own root. */
function namesOurRoot(state: LedgerState, { statement }: SignedStatement): boolean {
  if (statement.kind !== "heartbeat") return false;
  const mark = findMark(state, statement.height);
  return mark?.epoch === statement.epoch && mark.stateRoot === statement.stateRoot;
}

function noteHeartbeat(work: Work, roll: Roll, signed: SignedStatement): void {
  const { state } = work;
  const { author, statement } = signed;
  if (statement.kind !== "heartbeat" || !namesOurRoot(state, signed)) return;
  const { height } = statement;
  const member = roll.get(author);
  const spare = state.spares.get(author);
  // Each height counts once per key.
  if (height <= Math.max(member?.heartbeat ?? 0, spare?.attested ?? 0)) return;
  if (member === undefined && spare === undefined) return;
  if (!verifyStatement(work.scheme, state.chainId, signed)) return;
  if (spare !== undefined) {
    change(work, { spares: withEntry(state.spares, author, { ...spare, attested: height }) });
  }
  if (member === undefined) return;
  const ageMs = state.clockMs - (findMark(state, height)?.clockMs ?? 0);
  if (ageMs > heartbeatAgeMsMax(state)) return;
  roll.set(author, { ...member, heartbeat: height });
  noteSign(roll, author, state);
}

/** Rolls of the next epoch: a newcomer's count starts at its first epoch, stayers' go on. */
export function rollOf(state: LedgerState, keys: readonly PublicKey[]): Roll {
  const entries = keys.map((key): [PublicKey, Liveness] => {
    const heartbeat = state.spares.get(key)?.attested ?? 0;
    return [key, state.liveness.get(key) ?? freshLiveness(state.height, state.clockMs, heartbeat)];
  });
  return new Map(entries);
}
