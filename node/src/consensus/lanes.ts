import { sha256Hex } from "../crypto/sha256.ts";
import type { Digest, Millis, PublicKey } from "../kernel/scalars.ts";
import { type SignedStatement, verifyStatement } from "../kernel/statements.ts";
import type { LanePosition } from "./chain-view.ts";
import { encodeBatch, openBatch } from "./codec.ts";
import { reportMisconduct } from "./evidence.ts";
import { gotWanted } from "./fetch.ts";
import { clientWindow, dequeue, enqueue, hasQueued, type TransactionClass } from "./lane-queue.ts";
import { roundTimer } from "./round-timer.ts";
import { askSign, observeLife } from "./signing.ts";
import { type ConsensusState, mayVote, type PooledBatch } from "./state.ts";
import { keepEntries, type Turn, withEntry } from "./turn.ts";
import type { BatchReference, SignedBatch } from "./types.ts";

/** Batches of all lanes in one block. */
export const CUT_BATCHES_MAX = 128;
/** Placeholder in the log until the signer answers; the journal has the signature after a crash. */
const UNSIGNED = new Uint8Array(64);
/** After a refused signature the lane rests this long. */
const REFUSED_PAUSE_MS: Millis = 1_000;

function committedPosition(state: ConsensusState, author: PublicKey): LanePosition | undefined {
  return state.epoch.root.view.lanes.get(author);
}

export function batchStatement(batch: SignedBatch): SignedStatement {
  const { author, sequence } = batch.batch;
  const statement = { kind: "batch", sequence, digest: batch.digest } as const;
  return { statement, author, signature: batch.signature };
}

/** Takes transactions for this node's lane; a batch is cut at its size or its delay. */
export function queueTransactions(
  turn: Turn,
  transactions: readonly Uint8Array[],
  kind: TransactionClass,
): void {
  if (!enqueue(turn, transactions, kind)) return;
  if (turn.lanes.cutDueAt === undefined) {
    const cutDueAt = turn.now + turn.state.config.parameters.batchDelayMs;
    turn.changeLanes({ cutDueAt });
    turn.setTimer("batch", cutDueAt);
  }
  cutBatch(turn);
}

/** Where this node's lane goes on. The chain is ahead only of a log that lost its end. */
function ownPosition({ state, lanes }: Turn): {
  readonly last: LanePosition;
  readonly ordered: number;
} {
  const committed = committedPosition(state, state.config.self.key);
  const ordered = committed?.sequence ?? 0;
  const isAhead = committed !== undefined && ordered > lanes.own.sequence;
  return { last: isAhead ? committed : lanes.own, ordered };
}

/** True while no proposal that this node knows of orders the newest batch of its lane. */
function awaitsProposal(turn: Turn): boolean {
  const author = turn.state.config.self.key;
  const { last, ordered } = ownPosition(turn);
  if (last.sequence <= ordered) return false;
  for (const { signed } of turn.epoch.blocks.values()) {
    const isNamed = signed.block.cut.some((each) => {
      return each.author === author && each.sequence >= last.sequence;
    });
    if (isNamed) return false;
  }
  return true;
}

/**
 * When a batch that is due is cut whatever the one before waits for: after as long as a slow round
 * takes, p99 of the newest ones, which the round timer has four times and at least 50 ms.
 */
function heldUntil({ state }: Turn, cutDueAt: Millis): Millis {
  const { config, roundTimes } = state;
  const { baseMs } = state.timer ?? roundTimer(config.parameters, roundTimes, 0);
  return cutDueAt + Math.ceil((baseMs - config.parameters.emptyBlockPaceMs) / 4);
}

/**
 * Each batch costs every member a signature or its check, and a proposal orders what stands in the
 * lane at its time: one batch a proposal does as well as many. Where proposals stay away the lane
 * goes on, so that its transactions are with the members when one comes.
 */
function isDue(turn: Turn): boolean {
  const { cutDueAt } = turn.lanes;
  if (cutDueAt === undefined || turn.now < cutDueAt) return false;
  return turn.now >= heldUntil(turn, cutDueAt) || !awaitsProposal(turn);
}

/** Timer `batch`: cuts what is due, or comes again when it is held no longer. */
export function onBatchTimer(turn: Turn): void {
  cutBatch(turn);
  const { cutDueAt } = turn.lanes;
  if (cutDueAt === undefined || turn.now < cutDueAt) return;
  const at = heldUntil(turn, cutDueAt);
  if (turn.now < at) turn.setTimer("batch", at);
}

/**
 * Cuts the next batch if one is due and the lane's window has room. Its content goes into the log
 * before the signature exists: an index that was signed but whose content is lost would end the
 * lane.
 */
export function cutBatch(turn: Turn): void {
  const { lanes, state } = turn;
  const { batchBytesMax, laneWindowBatches } = state.config.parameters;
  if (!mayVote(state) || lanes.draft !== undefined || !hasQueued(lanes)) return;
  if (turn.now < lanes.refusedUntil) return;
  if (lanes.queueBytes + lanes.dutyBytes < batchBytesMax && !isDue(turn)) return;
  const author = state.config.self.key;
  const { last, ordered } = ownPosition(turn);
  const inFlight = last.sequence - ordered;
  const isReserve = inFlight >= clientWindow(laneWindowBatches);
  if (inFlight >= laneWindowBatches || (isReserve && lanes.duties.length === 0)) return;
  const transactions = dequeue(turn, isReserve);
  const sequence = last.sequence + 1;
  const batch = { author, sequence, previous: last.digest, transactions };
  const { batchDelayMs } = state.config.parameters;
  const cutDueAt = hasQueued(turn.lanes) ? turn.now + batchDelayMs : undefined;
  if (cutDueAt !== undefined) turn.setTimer("batch", cutDueAt);
  const bytes = encodeBatch(batch);
  const digest = sha256Hex(bytes);
  turn.changeLanes({
    draft: { batch, digest, bytes },
    own: { sequence, digest },
    cutDueAt,
  });
  turn.emit({
    kind: "store",
    record: { kind: "batch", batch: { batch, bytes, digest, signature: UNSIGNED } },
  });
  signDraft(turn);
}

/**
 * Asks for the signature of a batch that is cut and stored; again after a restart or a new seat.
 */
export function signDraft(turn: Turn): void {
  const { draft } = turn.lanes;
  if (draft === undefined) return;
  askSign(turn, { kind: "batch", sequence: draft.batch.sequence, digest: draft.digest });
}

/**
 * The signer refused the batch: the journal has another one in its place, of which this log knows
 * nothing. Its transactions wait again; the lane goes on when the chain has passed that place.
 */
export function onBatchRefused(turn: Turn, digest: Digest): void {
  const { draft, queue, queueBytes } = turn.lanes;
  if (draft === undefined || draft.digest !== digest) return;
  const { sequence, previous, transactions } = draft.batch;
  const bytes = transactions.reduce((sum, transaction) => sum + transaction.length, 0);
  const refusedUntil = turn.now + REFUSED_PAUSE_MS;
  turn.changeLanes({
    draft: undefined,
    own: { sequence: sequence - 1, digest: previous },
    queue: [...transactions, ...queue],
    queueBytes: queueBytes + bytes,
    cutDueAt: refusedUntil,
    refusedUntil,
  });
  turn.setTimer("batch", refusedUntil);
}

/** The signer signed this node's own batch: it goes out, and into the log with its signature. */
export function onBatchSigned(turn: Turn, signed: SignedStatement): void {
  const { draft } = turn.lanes;
  if (draft === undefined || signed.statement.kind !== "batch") return;
  if (signed.statement.digest !== draft.digest) return;
  const batch = openBatch(draft.bytes, signed.signature);
  turn.changeLanes({ draft: undefined });
  addToPool(turn, { signed: batch, stored: true, receivedAt: turn.now });
  turn.emit({ kind: "store", record: { kind: "batch", batch } });
  turn.broadcast({ kind: "batch", batch });
  cutBatch(turn);
}

function addToPool(turn: Turn, pooled: PooledBatch): void {
  turn.changeLanes({ pool: withEntry(turn.lanes.pool, pooled.signed.digest, pooled) });
}

/** A batch of a peer: verified, bounded by the lane's window unless it was asked for. */
export function onBatch(turn: Turn, from: PublicKey, signed: SignedBatch): void {
  const { state, lanes, sync } = turn;
  const { author, sequence } = signed.batch;
  if (lanes.pool.has(signed.digest)) return;
  const wanted = sync.wants.has(signed.digest);
  const ordered = committedPosition(state, author)?.sequence ?? 0;
  if (sequence <= ordered && !wanted) return;
  const { batchBytesMax, laneWindowBatches } = state.config.parameters;
  const refuse = (code: string, field: string): void => turn.drop(from, { code, field });
  if (!turn.isMember(author) && !wanted) {
    refuse("FOREIGN_AUTHOR", "batch.author");
    return;
  }
  if (sequence < 1 || (sequence > ordered + 2 * laneWindowBatches && !wanted)) {
    refuse("LANE_WINDOW", "batch.sequence");
    return;
  }
  const { transactions } = signed.batch;
  const bytes = transactions.reduce((sum, transaction) => sum + transaction.length, 0);
  if (bytes > batchBytesMax || transactions.length === 0) {
    refuse("BATCH_SIZE", "batch");
    return;
  }
  const statement = batchStatement(signed);
  const { scheme, chainId } = state.config;
  if (!verifyStatement(scheme, chainId, statement)) {
    refuse("BAD_SIGNATURE", "batch");
    return;
  }
  observeLife(turn, statement);
  const other = Array.from(lanes.pool.values()).find(({ signed: { batch } }) => {
    return batch.author === author && batch.sequence === sequence;
  });
  if (other !== undefined) {
    // E8: two batches at one index. The second is kept only if a block names it.
    reportMisconduct(turn, batchStatement(other.signed), statement);
    if (!wanted) return;
  }
  gotWanted(turn, signed.digest);
  addToPool(turn, { signed, stored: false, receivedAt: turn.now });
}

/** Batches of a cut that are not here. */
export function missingBatches(
  turn: Turn,
  cut: readonly BatchReference[],
): readonly BatchReference[] {
  return cut.filter(({ digest }) => !turn.lanes.pool.has(digest));
}

/** Puts the batches of a cut into the log, each once: something that is signed rests on them. */
export function storeBatches(turn: Turn, cut: readonly BatchReference[]): void {
  const changed = new Map(turn.lanes.pool);
  for (const { digest } of cut) {
    const pooled = changed.get(digest);
    if (pooled === undefined || pooled.stored) continue;
    turn.emit({ kind: "store", record: { kind: "batch", batch: pooled.signed } });
    changed.set(digest, { ...pooled, stored: true });
  }
  turn.changeLanes({ pool: changed });
}

/** Drops from the pool what the committed chain has passed, and lanes of keys that left the set. */
export function prunePool(turn: Turn): void {
  const { lanes } = turn.epoch.root.view;
  const own = turn.state.config.self.key;
  const pool = keepEntries(turn.lanes.pool, (_, { signed }) => {
    const { author, sequence } = signed.batch;
    if (author !== own && !turn.isMember(author)) return false;
    return sequence > (lanes.get(author)?.sequence ?? 0);
  });
  turn.changeLanes({ pool });
}

/** Sends this node's oldest unordered batches again: a lost one would hold its lane up. */
export function resendBatches(turn: Turn, olderThanMs: number): void {
  const own = turn.state.config.self.key;
  if (!mayVote(turn.state)) return;
  const waiting = Array.from(turn.lanes.pool.values())
    .filter(({ signed, receivedAt }) => {
      return signed.batch.author === own && turn.now - receivedAt >= olderThanMs;
    })
    .toSorted((left, right) => left.signed.batch.sequence - right.signed.batch.sequence);
  for (const { signed } of waiting.slice(0, 4)) turn.broadcast({ kind: "batch", batch: signed });
}
