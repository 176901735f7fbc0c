import type { Plan } from "./plan.ts";

/** A network without faults, to which a scenario adds its own. */
export function quietPlan(changes: Partial<Plan> = {}): Plan {
  const members = changes.members ?? 4;
  const spares = changes.spares ?? 1;
  const count = members + spares + (changes.thief?.spares ?? 0);
  const baseMs = Array.from({ length: count }, () => Array.from({ length: count }, () => 3));
  return {
    seed: 1,
    members,
    spares,
    powers: Array.from({ length: members }, () => 100n),
    owners: 1,
    links: { baseMs, jitterMs: 2, dropRate: 0, duplicateRate: 0 },
    skewMs: Array.from({ length: count }, () => 0),
    fsyncMsMax: 1,
    slowDisk: undefined,
    slowNode: undefined,
    faults: [],
    liars: [],
    thief: undefined,
    dull: undefined,
    lateSpareMs: undefined,
    upgrade: undefined,
    split: undefined,
    storm: undefined,
    evidenceDropper: undefined,
    ownersAct: false,
    resizes: false,
    junk: false,
    sessions: false,
    healMs: 2_000,
    endMs: 6_000,
    tradeEveryMs: 0,
    emptyBlockPaceMs: 250,
    silenceMs: 2_000,
    oracleSlotMs: 1_000,
    ...changes,
  };
}
