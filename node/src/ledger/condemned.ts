import { compareText } from "../kernel/bytes.ts";
import type { Digest, PublicKey } from "../kernel/scalars.ts";
import { hasQuorum, type ValidatorSet } from "../kernel/validator-set.ts";
import type { Condemned, LedgerState } from "./state.ts";
import { muteSeat, swapSeat } from "./swap.ts";
import { approveSwapSigningBytes } from "./transaction.ts";
import type { Transaction } from "./types.ts";
import { change, type Verdict, type Work, withEntry } from "./work.ts";

/**
 * A seat's key was condemned. RATE: a proof against another seat within two silence windows of the
 * last slashed at once, but its swap waits for an approval: one bug can give many seats one key.
 */
export function judge(work: Work, key: PublicKey, proof: Digest): void {
  const { state } = work;
  const { silenceMs } = state.genesis.parameters.rotation;
  const last = state.lastMisconductMs;
  const needsApproval = last !== undefined && state.clockMs - last < 2 * silenceMs;
  const entry: Condemned = { key, proof, sinceMs: state.clockMs, needsApproval, approvals: [] };
  change(work, {
    condemned: withEntry(state.condemned, key, entry),
    lastMisconductMs: state.clockMs,
  });
  removeCondemned(work);
}

/** Whether these owners' seats together hold a quorum of the power. */
export function ownersHaveQuorum(set: ValidatorSet, owners: readonly PublicKey[]): boolean {
  const seats = set.members.filter(({ owner }) => owners.includes(owner));
  return hasQuorum(
    set,
    seats.map(({ key }) => key),
  );
}

/** The seat's owner, or owners with a quorum of the power (rule RATE). */
function isApproved(state: LedgerState, { key, approvals }: Condemned): boolean {
  const owner = state.seats.get(key)?.owner;
  if (owner !== undefined && approvals.includes(owner)) return true;
  return ownersHaveQuorum(state.set, approvals);
}

function mayGo(state: LedgerState, entry: Condemned): boolean {
  if (!entry.needsApproval || isApproved(state, entry)) return true;
  const { secondMisconductWaitMs } = state.genesis.parameters.rotation;
  return state.clockMs - entry.sinceMs >= secondMisconductWaitMs;
}

/** In order of condemnation; those of one block by key, the one that needs no approval first. */
function byCondemnation(one: Condemned, two: Condemned): number {
  const needed = Number(one.needsApproval) - Number(two.needsApproval);
  return one.sinceMs - two.sinceMs || needed || compareText(one.key, two.key);
}

/**
 * Swaps, or without a fit spare mutes, the first condemned seat that may go. Runs at the start of
 * every block and after whatever may free a condemned seat; one at a time (RATE).
 */
export function removeCondemned(work: Work): void {
  for (const entry of [...work.state.condemned.values()].sort(byCondemnation)) {
    if (work.nextSet !== undefined) return;
    const seat = work.state.seats.get(entry.key);
    if (seat === undefined || !mayGo(work.state, entry)) continue;
    const refusal = swapSeat(work, seat, "misconduct", entry.proof);
    if (refusal !== undefined) muteSeat(work, seat, entry.proof, refusal);
  }
}

/** An owner approves the swap of a condemned seat. */
export function applyApproval(
  work: Work,
  { member, signer, signature }: Extract<Transaction, { kind: "approve-swap" }>,
): Verdict {
  const { state } = work;
  const entry = state.condemned.get(member);
  if (entry === undefined || mayGo(state, entry)) {
    const fix = "no swap of this member waits for an approval";
    return { code: "NOTHING_TO_APPROVE", field: "member", fix };
  }
  if (!state.set.members.some(({ owner }) => owner === signer)) {
    return { code: "UNKNOWN_OWNER", field: "signer", fix: "sign with the key of a seat's owner" };
  }
  if (entry.approvals.includes(signer)) {
    return { code: "APPROVAL_DUPLICATE", field: "signer", fix: "this owner has approved before" };
  }
  const message = approveSwapSigningBytes(state.chainId, member);
  if (!work.scheme.verify(signer, message, signature)) {
    return { code: "BAD_SIGNATURE", field: "signature", fix: "sign approveSwapSigningBytes" };
  }
  const approved = { ...entry, approvals: [...entry.approvals, signer] };
  change(work, { condemned: withEntry(state.condemned, member, approved) });
  removeCondemned(work);
  return undefined;
}
