import { defined } from "../kernel/assert.ts";
import type { Digest, PublicKey } from "../kernel/scalars.ts";
import { type Statement, statementEpoch } from "../kernel/statements.ts";
import { slotAhead } from "./client-transactions.ts";
import { judge } from "./condemned.ts";
import { checkSignature, checkSignatures, judgePair, offenceOf, type Proof } from "./evidence.ts";
import { type InvalidVoteProof, judgeInvalidVote } from "./invalid-vote.ts";
import { type Offender, raiseSlashes } from "./slashing.ts";
import type { EvidenceKind, LedgerState, Seat } from "./state.ts";
import { startUnbonding } from "./unbonding.ts";
import { change, type Verdict, type Work, withEntry, withoutEntry } from "./work.ts";

/** CAUSE (b), EVIDENCE: a pair of statements that one honest key never signs. */
export function applyMisconduct(work: Work, proof: Proof, id: Digest): Verdict {
  const { state } = work;
  const evidence = judgePair(state.chainId, proof);
  if (!evidence.ok) return evidence.error;
  const key = proof.first.author;
  const refusal =
    checkKey(state, key, "first") ??
    checkAge(state, proof.first.statement, "first") ??
    checkVoid(state, proof) ??
    (evidence.value === "E10" ? checkEnd(state, proof) : undefined) ??
    checkSignatures(work.scheme, state.chainId, proof);
  if (refusal !== undefined) return refusal;
  if (evidence.value === "E9") return jailReports(work, proof);
  condemn(work, key, evidence.value, id);
  return undefined;
}

/** E6: one vote, and the block that it should never have been given for. */
export function applyInvalidVote(work: Work, proof: InvalidVoteProof, id: Digest): Verdict {
  const { state } = work;
  const judged = judgeInvalidVote(state.chainId, proof);
  if (!judged.ok) return judged.error;
  const key = proof.vote.author;
  const refusal =
    checkKey(state, key, "vote") ??
    checkAge(state, proof.vote.statement, "vote") ??
    checkSignature(work.scheme, state.chainId, proof.vote, "vote");
  if (refusal !== undefined) return refusal;
  condemn(work, key, "E6", id);
  return undefined;
}

/** The accused must have something at stake. */
function checkKey(state: LedgerState, key: PublicKey, of: string): Verdict {
  if (state.tombstones.has(key)) {
    const fix = `${key} was condemned before: one proof is enough`;
    return { code: "EVIDENCE_DUPLICATE", field: `${of}.author`, fix };
  }
  const { seats, spares, jailed, unbonding } = state;
  if (![seats, spares, jailed, unbonding].some((keys) => keys.has(key))) {
    const fix = "the key has no bond on this chain";
    return { code: "UNKNOWN_KEY", field: `${of}.author`, fix };
  }
  return undefined;
}

/** The offence is of the past and recent enough. */
function checkAge(state: LedgerState, statement: Statement, of: string): Verdict {
  const field = `${of}.statement.epoch`;
  const epoch = statementEpoch(statement);
  if (epoch > state.set.epoch) {
    const fix = `the chain is in epoch ${state.set.epoch}: submit it in epoch ${epoch}`;
    return { code: "EVIDENCE_AHEAD", field, fix };
  }
  if (statement.kind === "oracle-report") {
    const ahead = slotAhead(state, statement.slot, `${of}.statement.slot`);
    if (ahead !== undefined) return ahead;
  }
  // Lanes and endorsements outlive epochs: their age is bounded by the bond's.
  if (statement.kind === "batch" || statement.kind === "endorsement") return undefined;
  if (epoch === state.set.epoch) return undefined;
  const { evidenceMsMax } = state.genesis.parameters.rotation;
  const ended = state.epochEnds.get(epoch);
  if (ended !== undefined && state.clockMs - ended.atMs <= evidenceMsMax) return undefined;
  const fix = `epoch ${epoch} ended more than ${evidenceMsMax} ms ago`;
  return { code: "EVIDENCE_TOO_OLD", field, fix };
}

/** SPLIT: results of an abandoned epoch above its last good height are never evidence. */
function checkVoid({ voids }: LedgerState, { second: { statement } }: Proof): Verdict {
  if (statement.kind !== "attestation") return undefined;
  // The higher of the two.
  const { epoch, height } = statement.result;
  const last = voids.get(String(epoch));
  if (last === undefined || height <= last) return undefined;
  const fix = `epoch ${epoch} was abandoned above height ${last}: its results there prove nothing`;
  return { code: "EVIDENCE_VOID", field: "second.statement", fix };
}

/**
 * E10: the first result is of the block that ended the epoch on this chain. A key that ended it
 * elsewhere computed wrongly, was rebuilt, and goes on with the others: no misconduct.
 */
function checkEnd({ epochEnds }: LedgerState, { first: { statement } }: Proof): Verdict {
  if (statement.kind !== "attestation") return undefined;
  const { epoch, height } = statement.result;
  const end = epochEnds.get(epoch)?.height;
  if (end === height) return undefined;
  const fix =
    end === undefined
      ? `epoch ${epoch} is not over here: submit it when it is`
      : `epoch ${epoch} ended at height ${end}: show the attestation of that height`;
  return { code: "NOT_EPOCH_END", field: "first.statement.height", fix };
}

/** E9 jails the reports of a seat for the jail term; it is no cause for a swap. */
function jailReports(work: Work, { first }: Proof): Verdict {
  const { state } = work;
  const seat = state.seats.get(first.author);
  if (seat === undefined) {
    const fix = "only a seated key's reports can be jailed";
    return { code: "UNKNOWN_KEY", field: "first.author", fix };
  }
  const offence = offenceOf(first.statement);
  const last = seat.reportOffence;
  const isNewer =
    last === undefined ||
    offence.epoch > last.epoch ||
    (offence.epoch === last.epoch && offence.index > last.index);
  if (!isNewer) {
    const fix = "this offence, or a later one, was punished before";
    return { code: "EVIDENCE_DUPLICATE", field: "first", fix };
  }
  const untilMs = state.clockMs + state.genesis.parameters.rotation.jailMs;
  const jailed: Seat = { ...seat, reportOffence: offence, reportsJailedUntilMs: untilMs };
  change(work, { seats: withEntry(state.seats, seat.key, jailed) });
  work.events.push({ kind: "jailed", key: seat.key, untilMs });
  return undefined;
}

/** The bond under the key, and the power of its seat, or of the seat that it left. */
function stakeOf({ seats, spares, jailed, unbonding }: LedgerState, key: PublicKey): Offender {
  const seat = seats.get(key) ?? jailed.get(key);
  if (seat !== undefined) return { bond: seat.bond, power: seat.power };
  const entry = unbonding.get(key);
  if (entry !== undefined) return { bond: entry.amount, power: entry.power };
  return { bond: defined(spares.get(key), "a bond of the accused").bond, power: 0n };
}

/**
 * Slashes at once and tombstones for ever. Only an active key's seat is swapped (CAUSE); spares and
 * jailed keys lose their place, and what is left of their bonds unbonds.
 */
function condemn(work: Work, key: PublicKey, evidence: EvidenceKind, proof: Digest): void {
  const { state } = work;
  const { height, clockMs: sinceMs, spares, jailed, tombstones } = state;
  const stake = stakeOf(state, key);
  const candidate = spares.get(key) ?? jailed.get(key);
  if (candidate !== undefined) {
    change(work, { spares: withoutEntry(spares, key), jailed: withoutEntry(jailed, key) });
    startUnbonding(work, { ...candidate, power: stake.power });
  }
  const tombstone = { key, evidence, height, proof, sinceMs, ...stake, slashed: 0n };
  change(work, { tombstones: withEntry(tombstones, key, tombstone) });
  raiseSlashes(work);
  if (state.seats.has(key)) judge(work, key, proof);
}
