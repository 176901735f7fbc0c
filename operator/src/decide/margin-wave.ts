import { honestPower, mainPath, powerSaying, usableSamples } from "../detect/peers.ts";
import type { Observation } from "../observe/observation.ts";
import { instantMs } from "./instant.ts";

/** A wave holds back voluntary acts at most this long (rule S18). */
export const WAVE_HOLD_MS = 600_000;

/** Accounts that are being liquidated, as at least f+1 of the power see it. */
export interface LiquidationWave {
  /** The lowest number that one of them tells. */
  readonly accounts: number;
  /** Milliseconds since status first told of it. */
  readonly lastedMs: number;
  /** Upgrades, drains and a lower number of spares wait; healing never does. */
  readonly holds: boolean;
}

/**
 * Rule S18. The peers' word is enough to wait for a while: f+1 of the power say so, and it binds
 * nothing that heals. How long it lasts is in the condition MarginCalm, so a new leader knows it.
 */
export function liquidationWave(observation: Observation): LiquidationWave | undefined {
  const { chain, set, nowMs } = observation;
  if (chain.kind !== "verified") return undefined;
  const samples = usableSamples(mainPath(observation)).filter(({ liquidating }) => liquidating > 0);
  if (powerSaying(chain.chain.set, samples, () => true) < honestPower(chain.chain.set)) {
    return undefined;
  }
  const calm = set.status?.conditions.find(({ type }) => type === "MarginCalm");
  const sinceMs = calm?.status === "False" ? instantMs(calm.lastTransitionTime) : undefined;
  const lastedMs = Math.max(0, nowMs - (sinceMs ?? nowMs));
  const accounts = Math.min(...samples.map(({ liquidating }) => liquidating));
  return { accounts, lastedMs, holds: lastedMs < WAVE_HOLD_MS };
}

/** Whether voluntary acts wait for the margin engine (rule S18). */
export function marginHolds(observation: Observation): boolean {
  return liquidationWave(observation)?.holds === true;
}
