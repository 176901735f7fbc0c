import type { Height, Millis, Power, PublicKey } from "../kernel/scalars.ts";
import { faultyPowerMax, honestPowerMin } from "../kernel/threshold.ts";
import { powerOf, totalPower } from "../kernel/validator-set.ts";
import type { LedgerState } from "./state.ts";

/** What the chain itself counts about one member. */
export interface SilenceCount {
  /** Since the last sign of life of any kind. */
  readonly blocks: number;
  readonly ms: Millis;
  /** Since the last vote, order vote or timeout. */
  readonly blocksWithoutVote: number;
  readonly msWithoutVote: Millis;
  /** Power of the distinct proposers since the last sign of life, the accused not counted. */
  readonly proposerPower: Power;
  readonly isSilent: boolean;
}

/** What the count rests on: certified leaves alone, so that a light client counts the same. */
export type SilenceState = Pick<
  LedgerState,
  "liveness" | "proposedAt" | "height" | "clockMs" | "set"
> & { readonly genesis: Pick<LedgerState["genesis"], "parameters"> };

/** Power of those whose blocks came after `height`, `accused` not counted. */
function proposersSince(state: SilenceState, height: Height, accused: PublicKey): Power {
  const proposers = [...state.proposedAt].filter(([key, at]) => key !== accused && at > height);
  return powerOf(
    state.set,
    proposers.map(([key]) => key),
  );
}

/**
 * Rule SILENCE: over at least N blocks and T of credited time and blocks of proposers with at least
 * f+1, no sign of life; or over `silenceWindowsDespiteHeartbeats` windows no vote, whatever else
 * came.
 */
export function silenceOf(state: SilenceState, key: PublicKey): SilenceCount | undefined {
  const liveness = state.liveness.get(key);
  if (liveness === undefined) return undefined;
  const { silenceBlocks, silenceMs, silenceWindowsDespiteHeartbeats } =
    state.genesis.parameters.rotation;
  const blocks = state.height - liveness.sinceHeight;
  const ms = state.clockMs - liveness.sinceMs;
  const blocksWithoutVote = state.height - liveness.votedHeight;
  const msWithoutVote = state.clockMs - liveness.votedMs;
  const honest = honestPowerMin(totalPower(state.set));
  const proposerPower = proposersSince(state, liveness.sinceHeight, key);
  const isMute = blocks >= silenceBlocks && ms >= silenceMs && proposerPower >= honest;
  const isVoteless =
    blocksWithoutVote >= silenceBlocks * silenceWindowsDespiteHeartbeats &&
    msWithoutVote >= silenceMs * silenceWindowsDespiteHeartbeats &&
    proposersSince(state, liveness.votedHeight, key) >= honest;
  const isSilent = isMute || isVoteless;
  return { blocks, ms, blocksWithoutVote, msWithoutVote, proposerPower, isSilent };
}

/** Power of members whose absence notice runs, `except` not counted. */
export function absentPower(state: LedgerState, except: PublicKey): Power {
  const absent = [...state.liveness].filter(
    ([key, { absentUntilMs }]) => key !== except && absentUntilMs > state.clockMs,
  );
  return powerOf(
    state.set,
    absent.map(([key]) => key),
  );
}

/** Power of muted seats. */
export function mutedPower(state: LedgerState): Power {
  return state.set.members.reduce((sum, { muted, power }) => (muted ? sum + power : sum), 0n);
}

/** f of the current set, in power. */
export function faultyPowerOf(state: LedgerState): Power {
  return faultyPowerMax(totalPower(state.set));
}
