import type { PublicKey } from "../kernel/scalars.ts";
import { findMember } from "../kernel/validator-set.ts";
import { applySilenceRecord } from "./rotation.ts";
import { silenceOf } from "./silence.ts";
import type { LedgerState } from "./state.ts";
import { encodeTransaction, transactionId } from "./transaction.ts";
import { openWork } from "./work.ts";

/**
 * CAUSE: the silence records that an honest member submits by itself, `selfHealAfterWindows`
 * silence windows after a member became silent, and that the chain would execute now. Every member
 * finds the same bytes. Empty for anyone else, and never about itself.
 */
export function dueTransactions(state: LedgerState, selfKey: PublicKey): readonly Uint8Array[] {
  if (findMember(state.set, selfKey) === undefined) return [];
  return state.set.members
    .filter(({ key }) => key !== selfKey && isOverdue(state, key))
    .map(({ key }) => silenceRecord(state, key))
    .filter((bytes) => bytes !== undefined);
}

function isOverdue(state: LedgerState, key: PublicKey): boolean {
  const count = silenceOf(state, key);
  if (count?.isSilent !== true) return false;
  const { silenceMs, selfHealAfterWindows, silenceWindowsDespiteHeartbeats } =
    state.genesis.parameters.rotation;
  const laterMs = selfHealAfterWindows * silenceMs;
  return (
    count.ms >= silenceMs + laterMs ||
    count.msWithoutVote >= silenceWindowsDespiteHeartbeats * silenceMs + laterMs
  );
}

/** The record, if a swap or a muting would come of it: a refused one only fills lanes. */
function silenceRecord(state: LedgerState, member: PublicKey): Uint8Array | undefined {
  const record = { kind: "silence-record", member, setHash: state.setHash } as const;
  const bytes = encodeTransaction(record);
  // A silence record carries no signature: nothing is verified here.
  const work = openWork(state, { verify: () => false });
  const refusal = applySilenceRecord(work, record, transactionId(bytes));
  return refusal === undefined ? bytes : undefined;
}

/** Whether the chain has condemned the key: further proofs against it are duplicates (RATE). */
export function isCondemned(state: LedgerState, key: PublicKey): boolean {
  return state.tombstones.has(key);
}
