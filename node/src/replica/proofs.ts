import type { Digest, Millis, PublicKey } from "../kernel/scalars.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import { isCondemned } from "../ledger/self-heal.ts";
import { encodeTransaction, misconductProof } from "../ledger/transaction.ts";
import { isAdmitted } from "./admission.ts";
import { PROOFS_MAX, SETTLED_PROOFS_MAX } from "./limits.ts";
import type { PendingProof } from "./types.ts";
import { change, type Work } from "./work.ts";

/**
 * Evidence found by the core becomes a duty: others may act first, so it waits `selfHealAfter`
 * (rule CAUSE). One proof per accused key is enough: further ones are duplicates (rule RATE). One
 * that the ledger would refuse now gives way: it must not shield its author from a good one.
 */
export function noteMisconduct(work: Work, first: SignedStatement, second: SignedStatement): void {
  work.effects.push({ kind: "misconduct-found", first, second });
  const { chainId } = work.state.config;
  notePending(work, first.author, encodeTransaction(misconductProof(chainId, first, second)));
}

/** E6: the vote needs no second statement, but the very bytes of its block. */
export function noteInvalidVote(work: Work, vote: SignedStatement, block: Uint8Array): void {
  work.effects.push({ kind: "misconduct-found", first: vote, second: undefined });
  const { chainId } = work.state.config;
  const proof = { kind: "invalid-vote-proof", chainId, vote, block } as const;
  const transaction = encodeTransaction(proof);
  const { batchBytesMax } = work.state.config.genesis.parameters.consensus;
  // A block that fills a batch by itself cannot be shown to the chain: metrics and logs have it.
  if (transaction.length <= batchBytesMax) notePending(work, vote.author, transaction);
}

function notePending(work: Work, accused: PublicKey, transaction: Uint8Array): void {
  const { pendingProofs, config } = work.state;
  const before = pendingProofs.find((proof) => proof.accused === accused);
  if (before !== undefined && isAdmitted(work.state, before.transaction)) return;
  const others = pendingProofs.filter((proof) => proof !== before);
  if (others.length >= PROOFS_MAX) return;
  const { selfHealAfterWindows, silenceMs } = config.genesis.parameters.rotation;
  const dueAtMs: Millis = work.now + selfHealAfterWindows * silenceMs;
  change(work, { pendingProofs: [...others, { accused, transaction, dueAtMs }] });
}

/** A key is condemned once: when the chain has any proof against it, ours is settled too (RATE). */
export function dropSettledProofs(work: Work): void {
  const { pendingProofs, settledProofs, ledger } = work.state;
  const isSettled = ({ accused }: PendingProof): boolean => isCondemned(ledger, accused);
  const settled = pendingProofs.filter(isSettled).map(({ transaction }) => transaction);
  if (settled.length === 0) return;
  change(work, {
    pendingProofs: pendingProofs.filter((proof) => !isSettled(proof)),
    settledProofs: [...settledProofs, ...settled].slice(-SETTLED_PROOFS_MAX),
  });
}

/** Whether a duty may go into the lane again: once per silence window, until the chain has it. */
export function dutyIsDue(work: Work, id: Digest): boolean {
  const last = work.state.dutySubmissions.get(id);
  const { silenceMs } = work.state.config.genesis.parameters.rotation;
  return last === undefined || work.now - last >= silenceMs;
}

export function noteDuty(work: Work, id: Digest): void {
  const { silenceMs } = work.state.config.genesis.parameters.rotation;
  const recent = [...work.state.dutySubmissions].filter(([, at]) => work.now - at < silenceMs);
  const dutySubmissions = new Map([...recent, [id, work.now] as const]);
  change(work, { dutySubmissions });
}
