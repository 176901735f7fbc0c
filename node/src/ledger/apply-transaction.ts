import { unreachable } from "../kernel/assert.ts";
import type { Digest } from "../kernel/scalars.ts";
import { applyAbsence } from "./absence.ts";
import { applyBundle, applyReport } from "./client-transactions.ts";
import { applyApproval } from "./condemned.ts";
import { applyCustodianDeposit, applyFaucet } from "./deposits.ts";
import { applyPut } from "./key-value.ts";
import { applyInvalidVote, applyMisconduct } from "./misconduct.ts";
import { applyReadiness } from "./readiness.ts";
import { applyRegistration } from "./registration.ts";
import { applyOwnerRotation, applyReturn, applySilenceRecord } from "./rotation.ts";
import { applyExit, applyTreasuryWithdraw } from "./treasury.ts";
import type { Transaction } from "./types.ts";
import type { Verdict, Work } from "./work.ts";

/** Where a transaction stands: its id, and its place among the block's receipts. */
export interface Place {
  readonly id: Digest;
  readonly position: number;
}

/**
 * Applies one transaction by the rules of version 1; a refused one changes nothing, except that a
 * rotation with its owner's signature uses its nonce.
 */
export function applyDecoded(work: Work, transaction: Transaction, place: Place): Verdict {
  const { id } = place;
  switch (transaction.kind) {
    case "bundle":
      return applyBundle(work, transaction, place);
    case "oracle-report":
      return applyReport(work, transaction);
    case "silence-record":
      return applySilenceRecord(work, transaction, id);
    case "misconduct-proof":
      return applyMisconduct(work, transaction, id);
    case "invalid-vote-proof":
      return applyInvalidVote(work, transaction, id);
    case "owner-rotation":
      return applyOwnerRotation(work, transaction, id);
    case "register-spare":
      return applyRegistration(work, transaction);
    case "return-spare":
      return applyReturn(work, transaction, id);
    case "exit-spare":
      return applyExit(work, transaction, id);
    case "treasury-withdraw":
      return applyTreasuryWithdraw(work, transaction, id);
    case "absence":
      return applyAbsence(work, transaction);
    case "approve-swap":
      return applyApproval(work, transaction);
    case "faucet":
      return applyFaucet(work, transaction, id);
    case "custodian-deposit":
      return applyCustodianDeposit(work, transaction, id);
    case "readiness":
      return applyReadiness(work, transaction);
    case "put":
      return applyPut(work, transaction);
    default:
      return unreachable(transaction);
  }
}
