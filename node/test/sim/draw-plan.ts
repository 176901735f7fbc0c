import { drawFault, FAULT_START_MS, type Fault } from "./faults.ts";
import { drawFaulty, drawLiar, drawThief, LIAR_KINDS, type Liar, type LiarKind } from "./liars.ts";
import type { Links, Plan } from "./plan.ts";
import { createRandom, type Random } from "./random.ts";
import { drawSplit } from "./split-fault.ts";
import { drawStorm } from "./storms.ts";
import type { Upgrade } from "./upgrade.ts";

const HEAL_MS = 44_000;
/** Long enough after the healing for silence, cool-downs and swaps. */
const END_MS = 62_000;
const FAULTS_MAX = 8;
const DULL_EXTRA_MS = 90;

function drawLinks(random: Random, count: number): Links {
  const spread = random.pick([2, 10, 40]);
  const baseMs = Array.from({ length: count }, () =>
    Array.from({ length: count }, () => random.integer(1, spread)),
  );
  return {
    baseMs,
    jitterMs: random.pick([1, 5, 30]),
    dropRate: random.pick([0, 0, 0.01, 0.05, 0.1]),
    duplicateRate: random.pick([0, 0.02, 0.1]),
  };
}

/** Powers such that every seat stays below a third (rule SEAT). */
function drawPowers(random: Random, members: number): readonly bigint[] {
  if (random.chance(0.5)) return Array.from({ length: members }, () => 100n);
  return Array.from({ length: members }, () => BigInt(random.integer(80, 110)));
}

/** Kinds that reach deep corners come more often than those that are only noise. */
function drawKind(random: Random): LiarKind {
  const roll = random.next();
  if (roll < 0.12) return "twins";
  if (roll < 0.32) return "equivocate";
  if (roll < 0.5) return "invalid-proposals";
  if (roll < 0.6) return "amnesia";
  if (roll < 0.72) return "stale-certificates";
  return random.pick(LIAR_KINDS);
}

interface Villains {
  readonly liars: readonly Liar[];
  /** Gone for good, or with an old volume. */
  readonly gone: readonly Fault[];
}

/** A spare that is down until the healing: the chain must not pick it (rule FIT). */
function drawLostSpares(random: Random, members: number, spares: number): readonly Fault[] {
  if (!random.chance(0.15)) return [];
  const node = members + random.integer(0, spares - 1);
  const atMs = random.integer(FAULT_START_MS, 30_000);
  return [{ kind: "power", atMs, node, afterEffects: 0, downMs: HEAL_MS - atMs }];
}

function drawDull(random: Random, members: number): number | undefined {
  return random.chance(0.08) ? random.integer(0, members - 1) : undefined;
}

/** At most f of the power lies or is gone, drawn together. */
function drawVillains(random: Random, powers: readonly bigint[]): Villains {
  const liars: Liar[] = [];
  const gone: Fault[] = [];
  for (const node of drawFaulty(random, powers)) {
    const roll = random.next();
    if (roll < 0.55) liars.push(drawLiar(random, drawKind(random), node));
    else if (roll < 0.8) {
      const atMs = random.integer(FAULT_START_MS, 30_000);
      gone.push({ kind: "gone", atMs, node });
    } else if (roll < 0.9 && !gone.some(({ kind }) => kind === "old-volume")) {
      const copiedMs = random.integer(FAULT_START_MS, 20_000);
      const atMs = copiedMs + random.integer(0, 8_000);
      const downMs = random.integer(100, 1_500);
      gone.push({ kind: "old-volume", atMs, node, copiedMs, downMs });
    }
  }
  return { liars, gone };
}

/**
 * Messages grow with the square of the set: large ones are paced slower, for more seeds an hour.
 */
function leastPaceMs(members: number): number {
  if (members >= 7) return 1_000;
  return members >= 5 ? 500 : 250;
}

/** A dull member's votes are so late that certificates do without them. */
function drawSlow(random: Random, members: number, dull: number | undefined): Plan["slowNode"] {
  const isSlow = random.chance(0.2);
  const slow = isSlow && { node: random.integer(0, members - 1), extraMs: random.integer(20, 75) };
  if (dull !== undefined) return { node: dull, extraMs: DULL_EXTRA_MS };
  return slow === false ? undefined : slow;
}

/** All nodes have the new binary before the healing. */
function drawUpgrade(random: Random, nodes: number): Upgrade {
  const fromMs = random.integer(2_000, 15_000);
  return { fromMs, everyMs: random.integer(100, Math.floor(20_000 / (nodes + 3))) };
}

/** The thief, or a split, is alone: what else goes wrong would hide what it does. */
const NOBODY_LIES = { liars: [], upgrade: undefined, storm: undefined } as const;

/** The run that a seed stands for. */
export function drawPlan(seed: number, members: number): Plan {
  const random = createRandom(seed);
  const spares = random.integer(1, 2);
  const powers = drawPowers(random, members);
  const owners = random.pick([1, members]);
  const thief = random.chance(0.1) ? drawThief(random) : undefined;
  const nodes = members + spares + (thief?.spares ?? 0);
  const bounds = { nodes: members + spares, members, healMs: HEAL_MS };
  const faults: Fault[] = [];
  // The thief pauses whom it likes: other faults would hide what it does.
  const count = thief === undefined ? random.integer(0, FAULTS_MAX) : random.integer(0, 2);
  for (let index = 0; index < count; index += 1) faults.push(drawFault(random, bounds));
  const villains = drawVillains(random.fork(31), powers);
  const forgets = villains.liars.some(({ kind }) => kind === "amnesia");
  const storm = random.chance(forgets ? 0.8 : 0.3)
    ? drawStorm(random.fork(32), HEAL_MS, forgets ? "hidden-order" : undefined)
    : undefined;
  const split = thief === undefined ? drawSplit(random.fork(34), powers) : undefined;
  const isQuiet = thief !== undefined || split !== undefined;
  const lostSpares = drawLostSpares(random.fork(36), members, spares);
  if (!isQuiet) faults.push(...villains.gone, ...lostSpares);
  const rare = random.fork(33);
  const dull = drawDull(random.fork(37), members);
  const isLate = rare.chance(0.2) && thief === undefined;
  const upgrade = rare.chance(0.12) ? drawUpgrade(rare, nodes) : undefined;
  return {
    seed,
    members,
    spares,
    powers,
    owners,
    links: drawLinks(random, nodes),
    skewMs: Array.from({ length: nodes }, () => random.integer(-100, 100)),
    fsyncMsMax: random.pick([1, 3, 20]),
    slowDisk: random.chance(0.3) ? random.integer(0, members - 1) : undefined,
    slowNode: drawSlow(random, members, dull),
    dull,
    faults: faults.toSorted((left, right) => left.atMs - right.atMs),
    liars: villains.liars,
    thief,
    lateSpareMs: isLate ? rare.integer(4_000, 25_000) : undefined,
    upgrade,
    split,
    storm,
    evidenceDropper: random.chance(0.2) ? random.integer(0, members - 1) : undefined,
    ownersAct: random.chance(0.4) && split === undefined,
    resizes: !isQuiet && random.fork(38).chance(0.2),
    junk: random.chance(0.4),
    sessions: random.fork(35).chance(0.35),
    healMs: HEAL_MS,
    endMs: END_MS,
    tradeEveryMs: random.pick([0, 500, 2_000]),
    emptyBlockPaceMs: Math.max(random.pick([250, 500, 1_000]), leastPaceMs(members)),
    silenceMs: random.pick([2_000, 4_000]),
    oracleSlotMs: random.pick([1_000, 3_000]),
    ...(isQuiet ? NOBODY_LIES : {}),
  };
}
