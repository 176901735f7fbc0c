import type { Millis } from "../kernel/scalars.ts";
import { roundTimer, timerCause } from "./round-timer.ts";
import type { Turn } from "./turn.ts";

/** T of now (R8); a change of it is an event. */
function timeoutMs(turn: Turn): Millis {
  const { config, roundTimes, epoch, timer: before } = turn.state;
  const timer = roundTimer(config.parameters, roundTimes, epoch.failures);
  turn.change({ timer });
  if (before !== undefined && before.timeoutMs !== timer.timeoutMs) {
    const { timeoutMs: previousMs } = before;
    const cause = timerCause(before, timer);
    turn.observe({ kind: "timer-changed", previousMs, nextMs: timer.timeoutMs, cause });
  }
  return timer.timeoutMs;
}

/** (Re)starts the timer of the current round. */
export function startRoundTimer(turn: Turn): void {
  const roundDueAt = turn.now + timeoutMs(turn);
  turn.changeEpoch({ roundDueAt });
  turn.setTimer("round", roundDueAt);
}

/** A commit ends the growth of the timer, in the round that runs as well (R8). */
export function endTimerGrowth(turn: Turn): void {
  if (turn.epoch.failures === 0) return;
  turn.changeEpoch({ failures: 0 });
  const roundDueAt = turn.now + timeoutMs(turn);
  if (roundDueAt >= turn.epoch.roundDueAt) return;
  turn.changeEpoch({ roundDueAt });
  turn.setTimer("round", roundDueAt);
}
