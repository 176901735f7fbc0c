import { assert } from "../kernel/assert.ts";
import type { Millis } from "../kernel/scalars.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import { statementEpoch } from "../kernel/statements.ts";
import { maybeSync, onHistory } from "./catch-up.ts";
import { keepAttestation, resendAttestations } from "./certification.ts";
import { advanceCommit } from "./commit.ts";
import type { Effect } from "./effects.ts";
import { onExecuted, pumpExecution } from "./execution.ts";
import { retryWants } from "./fetch.ts";
import { tryHandOver } from "./hand-over.ts";
import type { Input, TimerName } from "./inputs.ts";
import {
  cutBatch,
  onBatchRefused,
  onBatchSigned,
  onBatchTimer,
  queueTransactions,
  resendBatches,
} from "./lanes.ts";
import { drainFuture, onMessage } from "./messages.ts";
import { maybePropose, onProposalSigned } from "./propose.ts";
import {
  onEndorsementRefused,
  onEndorsementSigned,
  resendEndorsement,
  tryRepair,
} from "./repair.ts";
import { roundTimer } from "./round-timer.ts";
import { checkTwoChain, countTimeouts, lastTc, onRoundTimer, resendRound } from "./rounds.ts";
import { start } from "./start.ts";
import type { ConsensusState } from "./state.ts";
import { countOrderVote, countVote, onHeartbeat } from "./statements.ts";
import { Turn } from "./turn.ts";
import { keepTimeout } from "./vote-keeper.ts";
import { tryVote } from "./vote-rule.ts";

export interface Step {
  readonly state: ConsensusState;
  readonly effects: readonly Effect[];
}

/**
 * The consensus core: one input, at one instant of the local clock (ms), gives the next state and
 * what the shell has to do about it, in order. Nothing else happens in here.
 *
 * @throws AssertionError if the shell or the ledger breaks the contract of inputs.ts; the process
 * ends and recovers from its journal.
 */
export function step(state: ConsensusState, input: Input, now: Millis): Step {
  const isWhole = Number.isSafeInteger(now);
  if (!isWhole) assert(false, `the local clock is in whole milliseconds, not ${now}`);
  const turn = new Turn(state, now);
  if (input.kind === "start") start(turn);
  if (!turn.state.started) return { state: turn.state, effects: turn.effects };
  onInput(turn, input);
  settle(turn);
  return { state: turn.state, effects: turn.effects };
}

function onInput(turn: Turn, input: Input): void {
  switch (input.kind) {
    // R2 to R7, R9, EPOCH, SPLIT
    case "message":
      onMessage(turn, input.from, input.message);
      return;
    // JOURNAL
    case "signed":
      onSigned(turn, input.signed);
      return;
    // JOURNAL
    case "refused":
      if (input.statement.kind === "batch") onBatchRefused(turn, input.statement.digest);
      onEndorsementRefused(turn, input.statement, input.reason);
      return;
    // R6, R8, R11
    case "timer":
      onTimer(turn, input.timer);
      return;
    // FAIR
    case "transactions":
      queueTransactions(turn, input.transactions, "client");
      return;
    // ORDER
    case "duties":
      queueTransactions(turn, input.transactions, "duty");
      return;
    // EPOCH, SPLIT
    case "executed":
      onExecuted(turn, input);
      return;
    // R9
    case "history":
      onHistory(turn, input.to, input.segment);
      return;
    default:
      return;
  }
}

/** What the rules allow after any input, until nothing more follows from it. */
function settle(turn: Turn): void {
  drainFuture(turn);
  while (advanceCommit(turn)) {
    // A certificate that waited for the block which is now the root may commit its child.
    for (const qc of turn.epoch.certified.values()) checkTwoChain(turn, qc);
  }
  pumpExecution(turn);
  tryRepair(turn);
  tryVote(turn);
  maybePropose(turn);
  cutBatch(turn);
  maybeSync(turn);
}

/** The signer's answer counts like a peer's message, and goes out. */
function onSigned(turn: Turn, signed: SignedStatement): void {
  const { statement, author } = signed;
  if (author !== turn.state.config.self.key) return;
  const epoch = statementEpoch(statement);
  if (epoch !== 0 && epoch !== turn.state.set.epoch) return;
  switch (statement.kind) {
    // R1
    case "proposal":
      onProposalSigned(turn, signed);
      return;
    // R2, R3
    case "vote":
      turn.changeEpoch({ ownVote: signed });
      turn.broadcast({ kind: "statement", signed });
      countVote(turn, signed, undefined);
      return;
    // R4, R5
    case "order-vote":
      onOrderVoteSigned(turn, signed, statement.blockId);
      return;
    // R6, R7
    case "timeout":
      onTimeoutSigned(turn, signed, statement.round);
      return;
    // FAIR
    case "batch":
      onBatchSigned(turn, signed);
      return;
    // EPOCH
    case "attestation":
      keepAttestation(turn, signed);
      turn.broadcast({ kind: "statement", signed });
      tryHandOver(turn);
      return;
    // SILENCE
    case "heartbeat":
      onHeartbeat(turn, undefined, signed);
      return;
    // SPLIT
    case "endorsement":
      onEndorsementSigned(turn, signed);
      return;
    default:
      // Oracle reports travel in lanes; the replica made them.
      return;
  }
}

function onOrderVoteSigned(turn: Turn, signed: SignedStatement, blockId: string): void {
  const qc = turn.epoch.certified.get(blockId);
  turn.changeEpoch({ ownOrderVote: signed });
  if (qc !== undefined) turn.broadcast({ kind: "order-vote", signed, qc });
  countOrderVote(turn, signed);
}

function onTimeoutSigned(turn: Turn, signed: SignedStatement, round: number): void {
  const { timeoutQc: qc, round: current } = turn.epoch;
  if (qc === undefined) return;
  turn.changeEpoch({ ownTimeout: { signed, qc } });
  if (round === current) {
    turn.broadcast({ kind: "timeout", signed, highestQc: qc, lastTc: lastTc(turn) });
  }
  keepTimeout(turn, { signed, qc });
  countTimeouts(turn, round);
}

function onTimer(turn: Turn, timer: TimerName): void {
  switch (timer) {
    // R6, R8
    case "round":
      onRoundTimer(turn);
      return;
    // R1, R11
    case "propose":
      turn.changeEpoch({ proposeDueAt: undefined });
      return;
    // FAIR
    case "batch":
      onBatchTimer(turn);
      return;
    // R6, R9
    case "resend":
      onResendTimer(turn);
      return;
    // R9
    default:
      turn.changeSync({ dueAt: undefined });
      retryWants(turn);
      return;
  }
}

/** What a lost message would hold up for ever goes out again. */
function onResendTimer(turn: Turn): void {
  const { config, roundTimes } = turn.state;
  const { baseMs: pause } = roundTimer(config.parameters, roundTimes, 0);
  if (turn.now >= turn.state.resendDueAt) {
    resendAttestations(turn, pause);
    tryHandOver(turn);
    resendEndorsement(turn);
    resendBatches(turn, pause);
    resendRound(turn, pause);
    turn.change({ resendDueAt: turn.now + pause });
  }
  turn.setTimer("resend", turn.state.resendDueAt);
}
