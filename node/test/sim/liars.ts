import { faultyPowerMax } from "../../src/kernel/threshold.ts";
import type { Random } from "./random.ts";

export const EQUIVOCATIONS = [
  "proposal",
  "vote",
  "order-vote",
  "timeout",
  "attestation",
  "batch",
  "heartbeat",
  "oracle-report",
] as const;
export type Equivocation = (typeof EQUIVOCATIONS)[number];

export const LIAR_KINDS = [
  "twins",
  "amnesia",
  "equivocate",
  "withhold",
  "delay",
  "invalid-proposals",
  "stale-certificates",
  "spam",
  "junk-lane",
  "rollback",
] as const;
export type LiarKind = (typeof LIAR_KINDS)[number];

/**
 * One member that lies from `fromMs` on.
 * - twins: two processes with one key, each telling a part of the others.
 * - amnesia: proposes on old certificates after a timeout, as if it had forgotten the newer ones.
 * - equivocate: signs a second statement of the drawn kinds and tells each half another one.
 * - withhold, delay: what it sends of the drawn kinds never reaches some, or late.
 * - invalid-proposals: every rule of R2 broken, one at a time.
 * - stale-certificates: old certificates, and certificates that are none.
 * - spam: floods, within what the transport lets through and beyond.
 * - junk-lane: its lane is full of what the ledger refuses.
 * - rollback: its disk loses what it said was synced, at every power cut, and nothing burns its
 * key.
 */
export interface Liar {
  readonly kind: LiarKind;
  readonly node: number;
  readonly fromMs: number;
  /** What an equivocator says twice. */
  readonly says: readonly Equivocation[];
}

/**
 * Pauses honest members one after another, registers spares of its own with the sponsor key, and
 * lies with every seat that they get.
 */
export interface Thief {
  readonly spares: number;
  readonly fromMs: number;
  /** What its members do once seated. */
  readonly behaviour: LiarKind;
}

const THIEF_KINDS: readonly LiarKind[] = ["equivocate", "withhold", "invalid-proposals", "delay"];

export function drawThief(random: Random): Thief {
  return {
    spares: random.integer(2, 4),
    fromMs: random.integer(3_000, 8_000),
    behaviour: random.pick(THIEF_KINDS),
  };
}

export function liar(kind: LiarKind, node: number, fields: Partial<Liar> = {}): Liar {
  return { kind, node, fromMs: 0, says: ["proposal", "vote"], ...fields };
}

export function drawLiar(random: Random, kind: LiarKind, node: number): Liar {
  const says = EQUIVOCATIONS.filter(() => random.chance(0.4));
  return {
    kind,
    node,
    // Rounds that fail after a certificate are rare: who waits for them waits from the start.
    fromMs: random.chance(0.4) || kind === "amnesia" ? 0 : random.integer(1_000, 25_000),
    says: says.length === 0 ? [random.pick(EQUIVOCATIONS)] : says,
  };
}

/** Members in a drawn order, as many of the first as hold at most f together. */
export function drawFaulty(random: Random, powers: readonly bigint[]): readonly number[] {
  const most = faultyPowerMax(powers.reduce((sum, power) => sum + power, 0n));
  const left = powers.map((_, index) => index);
  const chosen: number[] = [];
  let power = 0n;
  while (left.length > 0) {
    const [node = 0] = left.splice(random.integer(0, left.length - 1), 1);
    const more = powers[node] ?? 0n;
    if (power + more > most) continue;
    power += more;
    chosen.push(node);
  }
  return chosen;
}
