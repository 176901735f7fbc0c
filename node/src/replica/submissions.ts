import { isLaneFull } from "../consensus/lane-queue.ts";
import { sha256Hex } from "../crypto/sha256.ts";
import { getDigest, setDigest } from "../kernel/digest-map.ts";
import type { Refusal } from "../kernel/result.ts";
import type { Digest } from "../kernel/scalars.ts";
import { admission, isAdmitted } from "./admission.ts";
import { addRequest, certifiedReceipt } from "./answers.ts";
import { isMember } from "./consensus-view.ts";
import { feedConsensus } from "./core.ts";
import { QUEUED_MAX, WAITERS_MAX } from "./limits.ts";
import { findPlace } from "./places.ts";
import type { ReplicaState, RequestId, Submission } from "./types.ts";
import { change, type Work } from "./work.ts";

/** Why this node takes no new transaction behind `coming` bytes; undefined if it does. */
export function laneRefusal(state: ReplicaState, coming = 0): Refusal | undefined {
  if (state.halted !== undefined) {
    return { code: "HALTED", field: "node", fix: "this node has stopped: ask another validator" };
  }
  if (state.consensus.chain.split !== undefined) {
    const fix = "the members' results differ and nothing is ordered: wait for the owners' repair";
    return { code: "SPLIT", field: "node", fix };
  }
  if (!isMember(state)) {
    return { code: "NOT_A_VALIDATOR", field: "node", fix: "submit to a member of the set" };
  }
  if (state.queued.size >= QUEUED_MAX || isLaneFull(state.consensus, coming)) {
    return { code: "QUEUE_FULL", field: "node", fix: "submit the same bytes again in a second" };
  }
  return undefined;
}

function refuseRequest(work: Work, request: RequestId, refusal: Refusal): void {
  work.effects.push({ kind: "answer", request, answer: { kind: "refused", refusal } });
}

/** The transaction has a receipt already: resubmission is idempotent. */
function answerAgain(work: Work, request: RequestId, id: Digest): void {
  const receipt = certifiedReceipt(work.state, id);
  if (receipt !== undefined) {
    work.effects.push({ kind: "answer", request, answer: { kind: "certified", receipt } });
    return;
  }
  const { places, awaited, executedFrom } = work.state;
  const height = findPlace(places, id)?.height ?? 0;
  if (height < executedFrom) {
    const fix = `executed at height ${height}, no longer held here: read that block's receipts`;
    refuseRequest(work, request, { code: "RECEIPT_NOT_HELD", field: "transaction", fix });
    return;
  }
  addRequest(work, id, request);
  if (!awaited.includes(height)) change(work, { awaited: [...awaited, height] });
}

/**
 * Answers the call now, or takes it among those that wait; true if its bytes have to be queued,
 * behind `coming` others of the same input. Whoever waits is in the lane, or waits for ever.
 */
function takeIn(work: Work, { request, transaction: bytes }: Submission, coming: number): boolean {
  const id = sha256Hex(bytes);
  const place = findPlace(work.state.places, id);
  if (place?.settled === true) {
    answerAgain(work, request, id);
    return false;
  }
  const queued = getDigest(work.state.queued, id);
  if (queued !== undefined) {
    if (queued.requests.length < WAITERS_MAX) addRequest(work, id, request);
    else {
      const fix = "wait for the answer of an earlier call with the same bytes";
      refuseRequest(work, request, { code: "TOO_MANY_WAITERS", field: "transaction", fix });
    }
    return false;
  }
  // A refusal holds only while the ledger still refuses: the bytes may have come too early.
  if (place !== undefined && !isAdmitted(work.state, bytes)) {
    answerAgain(work, request, id);
    return false;
  }
  const refusal = laneRefusal(work.state, coming) ?? bytesRefusal(work.state, bytes);
  if (refusal !== undefined) {
    refuseRequest(work, request, refusal);
    return false;
  }
  addRequest(work, id, request, place?.height);
  return true;
}

function bytesRefusal(state: ReplicaState, bytes: Uint8Array): Refusal | undefined {
  const { batchBytesMax } = state.config.genesis.parameters.consensus;
  if (bytes.length > batchBytesMax) {
    const fix = `send at most ${batchBytesMax} bytes, these are ${bytes.length}`;
    return { code: "TRANSACTION_TOO_LARGE", field: "transaction", fix };
  }
  const checked = admission(state, bytes);
  return checked.ok ? undefined : checked.error;
}

/**
 * Input `submit`: each is answered at once, or when its transaction's block is certified. What came
 * together goes into the lane together: one step of the core for all of it.
 */
export function submit(work: Work, submissions: readonly Submission[]): void {
  const transactions: Uint8Array[] = [];
  let bytes = 0;
  for (const submission of submissions) {
    if (!takeIn(work, submission, bytes)) continue;
    transactions.push(submission.transaction);
    bytes += submission.transaction.length;
  }
  if (transactions.length === 0) return;
  feedConsensus(work, { kind: "transactions", transactions });
}

/** The client went away: its transaction stays in the lane, nobody is answered. */
export function abandon(work: Work, request: RequestId, id: Digest): void {
  const queued = getDigest(work.state.queued, id);
  if (queued === undefined) return;
  const requests = queued.requests.filter((waiting) => waiting !== request);
  change(work, { queued: setDigest(work.state.queued, id, { ...queued, requests }) });
}
