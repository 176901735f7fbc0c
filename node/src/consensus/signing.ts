import type { SignedStatement, Statement } from "../kernel/statements.ts";
import { findMember } from "../kernel/validator-set.ts";
import { isGivenUp } from "./repair-plan.ts";
import type { SafetyData } from "./safety-data.ts";
import { mayVote } from "./state.ts";
import type { Turn } from "./turn.ts";
import type { QuorumCertificate, TimeoutCertificate } from "./types.ts";

/**
 * Asks the signer. The safety data changes here, before the signature exists: whatever happens to
 * the signature, this node acts as if it were out (rule JOURNAL).
 */
export function askSign(turn: Turn, statement: Statement, safety: Partial<SafetyData> = {}): void {
  if (!mayVote(turn.state) && !attestsBelowSplit(turn, statement)) return;
  const next = { ...turn.epoch.safety, ...safety };
  turn.changeEpoch({ safety: next });
  turn.emit({ kind: "sign", statement, safety: next });
}

/** SPLIT: the heights below are good, and certified all the same. */
function attestsBelowSplit({ state }: Turn, statement: Statement): boolean {
  const { split } = state.chain;
  if (split === undefined || statement.kind !== "attestation") return false;
  const { halted, config, set } = state;
  if (halted !== undefined || isGivenUp(state)) return false;
  return statement.result.height < split.height && findMember(set, config.self.key) !== undefined;
}

/** Puts a certificate into the chain log, once, because the next signature rests on it. */
export function storeQc(turn: Turn, qc: QuorumCertificate): void {
  if (qc.round <= turn.epoch.storedQcRound) return;
  turn.emit({ kind: "store", record: { kind: "qc", qc } });
  turn.changeEpoch({ storedQcRound: qc.round });
}

/** As `storeQc`: after a power cut this is how the node knows that the round was entered. */
export function storeTc(turn: Turn, tc: TimeoutCertificate): void {
  if (tc.round <= turn.epoch.storedTcRound) return;
  turn.emit({ kind: "store", record: { kind: "tc", tc } });
  turn.changeEpoch({ storedTcRound: tc.round });
}

/** For logs and metrics: this member is alive as far as this node sees. */
export function observeLife(turn: Turn, { author, statement }: SignedStatement): void {
  turn.observe({ kind: "sign-of-life", author, statement: statement.kind });
}
