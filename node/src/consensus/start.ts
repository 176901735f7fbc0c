import { statementIndex } from "../kernel/statements.ts";
import { repeatRepairs } from "./hand-over.ts";
import { resendBatches, signDraft } from "./lanes.ts";
import { startRoundTimer } from "./round-clock.ts";
import { roundTimer } from "./round-timer.ts";
import { checkTwoChain, countTimeouts, lastTc } from "./rounds.ts";
import { countOrderVote, countVote } from "./statements.ts";
import type { Turn } from "./turn.ts";
import { keepTimeout } from "./vote-keeper.ts";

/**
 * Input `start`, once: timers, and everything that this node said last, so that a network which
 * lost power as a whole goes on from what its members remember (rule JOURNAL).
 */
export function start(turn: Turn): void {
  if (turn.state.started) return;
  const { config, roundTimes } = turn.state;
  const resendDueAt = turn.now + roundTimer(config.parameters, roundTimes, 0).baseMs;
  turn.change({ started: true, resendDueAt });
  turn.changeEpoch({ enteredAt: turn.now });
  startRoundTimer(turn);
  turn.setTimer("resend", resendDueAt);
  // The state of a snapshot is the certified one: a repair that went on from it comes after it.
  repeatRepairs(turn, turn.chain.executed);
  for (const qc of turn.epoch.certified.values()) checkTwoChain(turn, qc);
  resendSigned(turn);
}

function resendSigned(turn: Turn): void {
  const { ownVote, ownOrderVote, ownTimeout, certified, highestQc } = turn.epoch;
  const qc = highestQc.round > 0 ? highestQc : undefined;
  turn.broadcast({ kind: "certificates", qc, tc: turn.epoch.highestTc, order: undefined });
  if (ownVote !== undefined) {
    turn.broadcast({ kind: "statement", signed: ownVote });
    countVote(turn, ownVote, undefined);
  }
  if (ownOrderVote?.statement.kind === "order-vote") {
    const under = certified.get(ownOrderVote.statement.blockId);
    if (under !== undefined)
      turn.broadcast({ kind: "order-vote", signed: ownOrderVote, qc: under });
  }
  if (ownOrderVote !== undefined) countOrderVote(turn, ownOrderVote);
  if (ownTimeout !== undefined) {
    const { signed } = ownTimeout;
    turn.broadcast({ kind: "timeout", signed, highestQc: ownTimeout.qc, lastTc: lastTc(turn) });
    keepTimeout(turn, ownTimeout);
    countTimeouts(turn, statementIndex(signed.statement));
  }
  signDraft(turn);
  resendBatches(turn, 0);
}
