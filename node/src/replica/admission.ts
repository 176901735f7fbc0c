import type { Refusal, Result } from "../kernel/result.ts";
import type { Digest } from "../kernel/scalars.ts";
import { checkTransaction } from "../ledger/check-transaction.ts";
import type { ReplicaState } from "./types.ts";

/** Whether the ledger would take the transaction now, by the rules of the active version. */
export function admission(
  { ledger, config }: Pick<ReplicaState, "ledger" | "config">,
  transaction: Uint8Array,
): Result<Digest, Refusal> {
  return checkTransaction(ledger, transaction, config.scheme, config.protocols);
}

export function isAdmitted(
  state: Pick<ReplicaState, "ledger" | "config">,
  transaction: Uint8Array,
): boolean {
  return admission(state, transaction).ok;
}
