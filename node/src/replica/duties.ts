import { sha256Hex } from "../crypto/sha256.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import { newestVersion } from "../ledger/protocol.ts";
import { readyVersion } from "../ledger/readiness.ts";
import { dueTransactions } from "../ledger/self-heal.ts";
import { encodeTransaction, READINESS_NONCE, readinessDigest } from "../ledger/transaction.ts";
import { isAdmitted } from "./admission.ts";
import { currentSafety, currentSet, isMember, isMute } from "./consensus-view.ts";
import { feedConsensus } from "./core.ts";
import { searchDifference } from "./difference.ts";
import { dropSettledProofs, dutyIsDue, noteDuty } from "./proofs.ts";
import type { ReplicaInput, ReplicaState } from "./types.ts";
import { change, type Work } from "./work.ts";

/** Four signs of life in each silence window: three may be lost (rule SILENCE). */
const HEARTBEATS_PER_WINDOW = 4;

/** And two while one of them keeps a spare fit: one may be lost (rule FIT). */
const HEARTBEATS_PER_FIT = 2;

export function setDutyTimer(work: Work): void {
  const { silenceMs, fitMs } = work.state.config.genesis.parameters.rotation;
  const everyMs = Math.min(silenceMs / HEARTBEATS_PER_WINDOW, fitMs / HEARTBEATS_PER_FIT);
  const at = work.now + Math.floor(everyMs);
  work.effects.push({ kind: "set-timer", timer: "duties", at });
}

/** A sign of life of a member, and of a spare the proof that it is in sync (rules SILENCE, FIT). */
function askHeartbeat(work: Work): void {
  const { certified, config, spares } = work.state;
  if (certified === undefined || isMute(work.state)) return;
  if (!isMember(work.state) && !spares.includes(config.self.key)) return;
  const { epoch, height, stateRoot } = certified.certificate.result;
  const statement = { kind: "heartbeat", epoch, height, stateRoot } as const;
  work.effects.push({ kind: "sign", statement, safety: currentSafety(work.state) });
}

/** Puts a duty into the own lane unless the chain already has it or would refuse it now. */
function submitDuty(work: Work, transaction: Uint8Array): void {
  if (!dutyIsDue(work, sha256Hex(transaction))) return;
  if (!isAdmitted(work.state, transaction)) return;
  noteDuty(work, sha256Hex(transaction));
  feedConsensus(work, { kind: "duties", transactions: [transaction] });
}

/** The readiness that this binary has to signal; undefined where the chain's record says it. */
function dueReadiness({ config, ledger }: ReplicaState): number | undefined {
  const version = newestVersion(config.protocols);
  return version === readyVersion(ledger, config.self.key) ? undefined : version;
}

/**
 * VERSION: a member whose binary holds another newest version than the chain's record says so, up
 * as well as down: an old binary that was put back withdraws what the new one said.
 */
function askReadiness(work: Work): void {
  const { config, ledger } = work.state;
  const version = dueReadiness(work.state);
  if (version === undefined) return;
  const subject = readinessDigest(config.chainId, version);
  if (!dutyIsDue(work, subject)) return;
  noteDuty(work, subject);
  const nonce = READINESS_NONCE + ledger.height;
  const statement = { kind: "endorsement", nonce, subject } as const;
  work.effects.push({ kind: "sign", statement, safety: currentSafety(work.state) });
}

/** The endorsement is signed: it goes into the own lane. */
function submitReadiness(work: Work, endorsement: SignedStatement): void {
  const { config } = work.state;
  const version = newestVersion(config.protocols);
  const { statement } = endorsement;
  if (statement.kind !== "endorsement" || !isMember(work.state)) return;
  if (statement.subject !== readinessDigest(config.chainId, version)) return;
  const transaction = encodeTransaction({ kind: "readiness", version, endorsement });
  feedConsensus(work, { kind: "duties", transactions: [transaction] });
}

/** Timer `duties`: heartbeat, then the silence records and proofs that are due (rule CAUSE). */
export function runDuties(work: Work): void {
  setDutyTimer(work);
  askHeartbeat(work);
  searchDifference(work);
  if (!isMember(work.state) || isMute(work.state)) return;
  askReadiness(work);
  for (const transaction of dueTransactions(work.state.ledger, work.state.config.self.key)) {
    submitDuty(work, transaction);
  }
  dropSettledProofs(work);
  const due = work.state.pendingProofs.filter(({ dueAtMs }) => dueAtMs <= work.now);
  for (const { transaction } of due) submitDuty(work, transaction);
}

type Price = Extract<ReplicaInput, { readonly kind: "price" }>;

/** Input `price`: a member reports each slot of a market once (EVIDENCE, E9). */
export function reportPrice(work: Work, { market, slot, price }: Price): void {
  const { oracleSlots } = work.state;
  if (isMute(work.state) || !isMember(work.state)) return;
  if (slot <= (oracleSlots.get(market) ?? -1)) return;
  change(work, { oracleSlots: new Map([...oracleSlots, [market, slot]]) });
  const { epoch } = currentSet(work.state);
  const statement = { kind: "oracle-report", epoch, market, slot, price } as const;
  work.effects.push({ kind: "sign", statement, safety: currentSafety(work.state) });
}

/** The signatures that the replica asked for itself; all others are the core's. */
export function onSigned(work: Work, signed: SignedStatement): void {
  if (signed.statement.kind === "oracle-report") {
    const transaction = encodeTransaction({ kind: "oracle-report", report: signed });
    if (!isMember(work.state)) return;
    feedConsensus(work, { kind: "duties", transactions: [transaction] });
    return;
  }
  if (signed.statement.kind === "endorsement") {
    submitReadiness(work, signed);
    feedConsensus(work, { kind: "signed", signed });
    return;
  }
  // The core broadcasts the own heartbeat like everybody's, and keeps it for the own proposals.
  feedConsensus(work, { kind: "signed", signed });
}
