import { assert } from "../kernel/assert.ts";
import type { ResultCertificate } from "../kernel/certificates.ts";
import {
  deleteDigest,
  digestEntries,
  getDigest,
  heightKey,
  setDigest,
} from "../kernel/digest-map.ts";
import type { Refusal } from "../kernel/result.ts";
import type { Digest, Height } from "../kernel/scalars.ts";
import type { ExecutionResult } from "../ledger/types.ts";
import { AWAITED_HEIGHTS_MAX } from "./limits.ts";
import { findPlace } from "./places.ts";
import type { Answer, CertifiedReceipt, ReplicaState } from "./types.ts";
import { change, type Work } from "./work.ts";

const NO_CERTIFICATE: Refusal = {
  code: "CERTIFICATE_MISSING",
  field: "transaction",
  fix: "it was executed, but this node lacks that height's certificate: ask another node",
};

/** The receipt with its proof, once its height is certified and while the block is held. */
export function certifiedReceipt(state: ReplicaState, id: Digest): CertifiedReceipt | undefined {
  const place = findPlace(state.places, id);
  if (place === undefined) return undefined;
  const key = heightKey(place.height);
  const entry = getDigest(state.executed, key);
  const certificate = getDigest(state.certificates, key);
  if (entry === undefined || certificate === undefined) return undefined;
  const { height, position } = place;
  const isOwn = entry.execution.receipts[position]?.transaction === id;
  assert(isOwn, `receipt ${position} of block ${height} is another transaction's`);
  return { height, position, execution: entry.execution, certificate };
}

/** Takes the transaction off the queue and tells everyone who waits for it. */
export function answer(work: Work, id: Digest, content: Answer): void {
  const queued = getDigest(work.state.queued, id);
  if (queued === undefined) return;
  change(work, { queued: deleteDigest(work.state.queued, id) });
  for (const request of queued.requests) {
    work.effects.push({ kind: "answer", request, answer: content });
  }
}

export function answerAll(work: Work, refusal: Refusal): void {
  for (const [id] of digestEntries(work.state.queued)) {
    answer(work, id, { kind: "refused", refusal });
  }
  change(work, { awaited: [] });
}

/** Remembers that somebody waits for receipts of this block. */
export function noteAwaited(work: Work, { receipts, result }: ExecutionResult): void {
  const { queued, awaited } = work.state;
  if (!receipts.some(({ transaction }) => getDigest(queued, transaction) !== undefined)) return;
  change(work, { awaited: [...awaited, result.height] });
}

export function noteCertificate(work: Work, certificate: ResultCertificate): void {
  const { state } = work;
  const { height } = certificate.result;
  if (height < state.executedFrom) return;
  change(work, { certificates: setDigest(state.certificates, heightKey(height), certificate) });
}

/** Advances the state that proofs are served at: newest height both executed and certified. */
function advanceCertified(work: Work): void {
  const { ledgers, certificates, certified } = work.state;
  const heights = [...ledgers.keys()].toReversed();
  for (const height of heights) {
    if (certified !== undefined && height <= certified.certificate.result.height) return;
    const certificate = getDigest(certificates, heightKey(height));
    const ledger = ledgers.get(height);
    if (certificate === undefined || ledger === undefined) continue;
    change(work, { certified: { certificate, ledger } });
    return;
  }
}

function answerHeight(work: Work, height: Height): void {
  const { state } = work;
  const key = heightKey(height);
  const entry = getDigest(state.executed, key);
  if (entry === undefined) return;
  const { execution } = entry;
  const certificate = getDigest(state.certificates, key);
  let { queued } = state;
  for (const [position, { transaction }] of execution.receipts.entries()) {
    const waiting = getDigest(queued, transaction);
    if (waiting === undefined || height <= waiting.refusedAt) continue;
    const place = findPlace(state.places, transaction);
    // Refused here, and executed again since: the later block answers.
    if (place !== undefined && place.height > height) continue;
    const isHere = place?.height === height && place.position === position;
    const receipt =
      isHere && certificate !== undefined
        ? { height, position, execution, certificate }
        : certifiedReceipt(state, transaction);
    const content: Answer =
      receipt === undefined
        ? { kind: "refused", refusal: NO_CERTIFICATE }
        : { kind: "certified", receipt };
    queued = deleteDigest(queued, transaction);
    for (const request of waiting.requests) {
      work.effects.push({ kind: "answer", request, answer: content });
    }
  }
  change(work, { queued });
}

/** Answers everyone whose receipt is executed and certified, in order of height. */
export function answerCertified(work: Work): void {
  advanceCertified(work);
  const { awaited, certified, certificates } = work.state;
  const newest = certified?.certificate.result.height ?? 0;
  const due = (height: Height) =>
    getDigest(certificates, heightKey(height)) !== undefined ||
    height <= newest - AWAITED_HEIGHTS_MAX;
  const ready = awaited.filter(due);
  if (ready.length === 0) return;
  for (const height of ready) answerHeight(work, height);
  change(work, { awaited: awaited.filter((height) => !due(height)) });
}

/**
 * One more client waits for a transaction that is queued or executed but not certified. Receipts up
 * to `refusedAt` don't answer it: it was queued again after them.
 */
export function addRequest(work: Work, id: Digest, request: number, refusedAt: Height = 0): void {
  const { state, now } = work;
  const queued = getDigest(state.queued, id) ?? { requests: [], queuedAtMs: now, refusedAt };
  const requests = [...queued.requests, request];
  change(work, { queued: setDigest(state.queued, id, { ...queued, requests }) });
}
