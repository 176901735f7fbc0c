import { unreachable } from "../kernel/assert.ts";
import type { Digest } from "../kernel/scalars.ts";
import { applyAbsence } from "./absence.ts";
import { applyBundle, applyReport } from "./client-transactions.ts";
import { applyApproval } from "./condemned.ts";
import { applyCustodianDeposit, applyFaucet } from "./deposits.ts";
import { applyPut } from "./key-value.ts";
import { applyMarketTerms } from "./market-terms.ts";
import { applyInvalidVote, applyMisconduct } from "./misconduct.ts";
import { applyReadiness } from "./readiness.ts";
import { applyRegistration } from "./registration.ts";
import { applyResize } from "./resize.ts";
import { applyOwnerRotation, applyReturn, applySilenceRecord } from "./rotation.ts";
import { applyRevoke, applySession, applySessionBundle } from "./sessions.ts";
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
    // ORDER
    case "bundle":
      return applyBundle(work, transaction, place);
    // STALE, E9
    case "oracle-report":
      return applyReport(work, transaction);
    // CAUSE (a), SILENCE, RATE
    case "silence-record":
      return applySilenceRecord(work, transaction, id);
    // CAUSE (b), EVIDENCE: E1 to E5, E7 to E10
    case "misconduct-proof":
      return applyMisconduct(work, transaction, id);
    // CAUSE (b), E6
    case "invalid-vote-proof":
      return applyInvalidVote(work, transaction, id);
    // CAUSE (c)
    case "owner-rotation":
      return applyOwnerRotation(work, transaction, id);
    // SWAP, SEAT
    case "resize":
      return applyResize(work, transaction, id);
    // PARAMETERS
    case "market-terms":
      return applyMarketTerms(work, transaction, id);
    // SPONSOR
    case "register-spare":
      return applyRegistration(work, transaction);
    // RETURN
    case "return-spare":
      return applyReturn(work, transaction, id);
    // SEAT
    case "exit-spare":
      return applyExit(work, transaction, id);
    // SPONSOR
    case "treasury-withdraw":
      return applyTreasuryWithdraw(work, transaction, id);
    // ORDER: a session's orders are its account's
    case "session":
      return applySession(work, transaction, id);
    // ORDER
    case "session-bundle":
      return applySessionBundle(work, transaction, place);
    // ORDER
    case "revoke-session":
      return applyRevoke(work, transaction);
    // SILENCE
    case "absence":
      return applyAbsence(work, transaction);
    // RATE
    case "approve-swap":
      return applyApproval(work, transaction);
    // MINT
    case "faucet":
      return applyFaucet(work, transaction, id);
    // MINT
    case "custodian-deposit":
      return applyCustodianDeposit(work, transaction, id);
    // VERSION
    case "readiness":
      return applyReadiness(work, transaction);
    // GENESIS
    case "put":
      return applyPut(work, transaction);
    default:
      return unreachable(transaction);
  }
}
