import { err, ok, type Refusal, type Result } from "../kernel/result.ts";
import type { Power, PublicKey } from "../kernel/scalars.ts";
import { totalPower, type ValidatorSet } from "../kernel/validator-set.ts";
import { isGenesisOwner } from "./candidates.ts";
import { faultyPowerOf } from "./silence.ts";
import type { LedgerState, Seat, Spare } from "./state.ts";

/** Causes that seat a newcomer (rule CAUSE). */
export type SwapCause = "silence" | "misconduct" | "owner";

/**
 * PICK: the chain picks, the transaction names nobody. After silence the same owner's spares come
 * first, after misconduct the others'; after the owner's signature only its own. Within, by order
 * of registration.
 */
function candidates(state: LedgerState, leaver: Seat, cause: SwapCause): readonly Spare[] {
  const spares = [...state.spares.values()].toSorted((left, right) => left.order - right.order);
  const own = spares.filter(({ owner }) => owner === leaver.owner);
  const others = spares.filter(({ owner }) => owner !== leaver.owner);
  switch (cause) {
    case "silence":
      return [...own, ...others];
    case "misconduct":
      return [...others, ...own];
    case "owner":
      return own;
  }
}

/** FIT: it attested a certified root at most `fitMs` or `fitBlocks` old, whichever is more. */
export function isFit(state: LedgerState, spare: Spare): boolean {
  const { fitMs, fitBlocks } = state.genesis.parameters.rotation;
  if (spare.attested === 0) return false;
  if (state.height - spare.attested <= fitBlocks) return true;
  const mark = state.marks.find(({ height }) => height === spare.attested);
  return mark !== undefined && state.clockMs - mark.clockMs <= fitMs;
}

/** RATE: endorsed by the owner whose seat is vacated, as a spare or by cause (c) itself. */
export function isEndorsedFor(spare: Spare, leaver: Seat, cause: SwapCause): boolean {
  return spare.owner === leaver.owner && (spare.endorsed || cause === "owner");
}

/** Power of newcomers seated unendorsed within the span, `except` not counted (rule RATE). */
export function recentPower(state: LedgerState, except: PublicKey): Power {
  const { newcomerSpanMs } = state.genesis.parameters.rotation;
  const recent = [...state.seats.values()].filter(
    ({ key, endorsed, seatedAtMs }) =>
      key !== except && !endorsed && state.clockMs - seatedAtMs < newcomerSpanMs,
  );
  return recent.reduce((sum, { power }) => sum + power, 0n);
}

/** Why this spare may not take this seat now; undefined if it may. */
function obstacle(
  state: LedgerState,
  spare: Spare,
  leaver: Seat,
  cause: SwapCause,
): string | undefined {
  const { newcomerAgeMsMin } = state.genesis.parameters.rotation;
  if (spare.bond < leaver.power) return `its bond ${spare.bond} is below power ${leaver.power}`;
  if (!isFit(state, spare)) return "it attested no recent certified root";
  const isTrusted = isGenesisOwner(state, spare.owner);
  if (ownerWouldHoldThird(state.set, leaver, spare.owner, isTrusted)) {
    return "its owner would hold a third of the power";
  }
  if (isEndorsedFor(spare, leaver, cause)) return undefined;
  const ageMs = state.clockMs - spare.registeredMs;
  if (ageMs < newcomerAgeMsMin) return `unendorsed, its age is ${ageMs} of ${newcomerAgeMsMin} ms`;
  if (recentPower(state, leaver.key) + leaver.power > faultyPowerOf(state)) {
    return "unendorsed newcomers would hold more than f";
  }
  return undefined;
}

/**
 * SEAT: with four owners or more, no swap may bring one of them to a third. A genesis with fewer
 * trusts those that it names, and no stranger.
 */
export function ownerWouldHoldThird(
  set: ValidatorSet,
  leaver: Pick<Seat, "key" | "owner" | "power">,
  owner: PublicKey,
  isTrusted = true,
): boolean {
  const owners = new Set(set.members.map((member) => member.owner));
  if ((isTrusted && owners.size < 4) || owner === leaver.owner) return false;
  const held = set.members.reduce(
    (sum, member) => (member.owner === owner ? sum + member.power : sum),
    leaver.power,
  );
  return held * 3n >= totalPower(set);
}

/** The first candidate that may take the seat now; else `NO_FIT_SPARE` with each one's obstacle. */
export function pickNewcomer(
  state: LedgerState,
  leaver: Seat,
  cause: SwapCause,
): Result<Spare, Refusal> {
  const reasons: string[] = [];
  for (const spare of candidates(state, leaver, cause)) {
    const reason = obstacle(state, spare, leaver, cause);
    if (reason === undefined) return ok(spare);
    reasons.push(`${spare.key.slice(0, 8)}: ${reason}`);
  }
  const list = reasons.slice(0, 4).join("; ") || "there is none";
  return err({
    code: "NO_FIT_SPARE",
    field: "member",
    fix: `register a spare and keep it in sync (${list})`,
  });
}
