import { verifyStatement } from "../kernel/statements.ts";
import { absentPower, faultyPowerOf } from "./silence.ts";
import type { LedgerState, Liveness } from "./state.ts";
import { absenceDigest } from "./transaction.ts";
import type { Transaction } from "./types.ts";
import { change, type Verdict, type Work, withEntry } from "./work.ts";

/** The member's newest notice still counts: one in `absenceEveryMs`. */
export function hasGivenNotice(
  { clockMs, genesis }: LedgerState,
  { absentFromMs, absentUntilMs }: Liveness,
): boolean {
  return absentUntilMs > 0 && clockMs - absentFromMs < genesis.parameters.rotation.absenceEveryMs;
}

/**
 * Absence notice before a planned stop (rule SILENCE): the member's count rests for at most
 * `absenceMsMax`, once in `absenceEveryMs`, and at most f are absent at a time.
 */
export function applyAbsence(
  work: Work,
  { untilMs, endorsement }: Extract<Transaction, { kind: "absence" }>,
): Verdict {
  const { state } = work;
  const { author, statement } = endorsement;
  const liveness = state.liveness.get(author);
  const seat = state.seats.get(author);
  if (liveness === undefined || seat === undefined) {
    return { code: "NOT_A_MEMBER", field: "endorsement.author", fix: "only a member is absent" };
  }
  const names =
    statement.kind === "endorsement" && statement.subject === absenceDigest(state.chainId, untilMs);
  if (!names || !verifyStatement(work.scheme, state.chainId, endorsement)) {
    const fix = "the member's consensus key endorses absenceDigest(chainId, untilMs)";
    return { code: "BAD_ABSENCE", field: "endorsement", fix };
  }
  const { absenceMsMax, absenceEveryMs } = state.genesis.parameters.rotation;
  const restMs = untilMs - state.timestampMs;
  if (restMs <= 0 || restMs > absenceMsMax) {
    const fix = `end it at most ${absenceMsMax} ms after block time ${state.timestampMs}`;
    return { code: "ABSENCE_TOO_LONG", field: "untilMs", fix };
  }
  if (hasGivenNotice(state, liveness)) {
    const fix = `its last notice was less than ${absenceEveryMs} ms ago`;
    return { code: "ABSENCE_TOO_OFTEN", field: "endorsement", fix };
  }
  if (absentPower(state, author) + seat.power > faultyPowerOf(state)) {
    const fix = "members with more than f would be absent: wait until another is back";
    return { code: "ABSENT_POWER", field: "endorsement", fix };
  }
  const notice = { absentFromMs: state.clockMs, absentUntilMs: state.clockMs + restMs };
  change(work, { liveness: withEntry(state.liveness, author, { ...liveness, ...notice }) });
  return undefined;
}
