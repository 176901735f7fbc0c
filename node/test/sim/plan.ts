import { createRandom, type Random } from "./random.ts";

/** What goes wrong in one run, all drawn from the seed. Times are virtual ms since the start. */
export type Fault =
  /** Nobody on one side reaches anybody on the other. */
  | {
      readonly kind: "partition";
      readonly atMs: number;
      readonly untilMs: number;
      readonly side: readonly number[];
    }
  /** The process of one node ends between two effects; what it wrote is still there. */
  | Crash<"kill">
  /** One node loses power between two effects: unsynced writes are lost. */
  | Crash<"power">
  /** All nodes lose power when one of them is between two effects. */
  | Crash<"blackout">
  /** One node is gone for good. */
  | { readonly kind: "gone"; readonly atMs: number; readonly node: number }
  /** One node's messages to some peers are withheld. */
  | {
      readonly kind: "withhold";
      readonly atMs: number;
      readonly untilMs: number;
      readonly node: number;
      readonly from: readonly number[];
    };

interface Crash<K extends string> {
  readonly kind: K;
  readonly atMs: number;
  readonly node: number;
  /** Effects that the node still performs after `atMs`. */
  readonly afterEffects: number;
  readonly downMs: number;
}

/**
 * `twins`: two processes with one key, each telling a part of the others. `amnesia`: proposes on
 * old certificates after a timeout, as if it had forgotten the newer ones.
 */
export interface Liar {
  readonly kind: "twins" | "amnesia";
  readonly node: number;
}

export interface Links {
  /** Least delay of a link, by sender and receiver. */
  readonly baseMs: readonly (readonly number[])[];
  readonly jitterMs: number;
  readonly dropRate: number;
  readonly duplicateRate: number;
}

export interface Plan {
  readonly seed: number;
  readonly members: number;
  readonly spares: number;
  /** Voting power by member. */
  readonly powers: readonly bigint[];
  readonly owners: number;
  readonly links: Links;
  /** Local clock minus true time, by node. */
  readonly skewMs: readonly number[];
  readonly fsyncMsMax: number;
  /** One node whose syncs take up to ten times as long. */
  readonly slowDisk: number | undefined;
  readonly faults: readonly Fault[];
  /** The one member that lies. */
  readonly liar: Liar | undefined;
  /** Honest, but keeps the evidence that it finds to itself. */
  readonly evidenceDropper: number | undefined;
  /** From here on no message is lost and every node that is not gone is up. */
  readonly healMs: number;
  readonly endMs: number;
  /** Mean time between client transactions; 0 for none. */
  readonly tradeEveryMs: number;
  readonly emptyBlockPaceMs: number;
}

const FAULT_START_MS = 1_500;
const HEAL_MS = 9_000;
const END_MS = 22_000;

function drawLinks(random: Random, count: number): Links {
  const spread = random.pick([2, 10, 40]);
  const baseMs = Array.from({ length: count }, () =>
    Array.from({ length: count }, () => random.integer(1, spread)),
  );
  return {
    baseMs,
    jitterMs: random.pick([1, 5, 30]),
    dropRate: random.pick([0, 0.01, 0.05, 0.15]),
    duplicateRate: random.pick([0, 0.02, 0.1]),
  };
}

function drawSide(random: Random, count: number): readonly number[] {
  const side = Array.from({ length: count }, (_, node) => node).filter(() => random.chance(0.5));
  return side.length === 0 ? [0] : side;
}

function drawCrash<K extends string>(kind: K, random: Random, nodes: number): Crash<K> {
  const atMs = random.integer(FAULT_START_MS, HEAL_MS - 2_000);
  const downMs = random.integer(50, Math.min(2_500, HEAL_MS - atMs - 100));
  return {
    kind,
    atMs,
    node: random.integer(0, nodes - 1),
    afterEffects: random.integer(0, 60),
    downMs,
  };
}

function drawFault(random: Random, nodes: number): Fault {
  const atMs = random.integer(FAULT_START_MS, HEAL_MS - 1_000);
  const untilMs = random.integer(atMs + 100, HEAL_MS);
  const roll = random.next();
  if (roll < 0.2) return { kind: "partition", atMs, untilMs, side: drawSide(random, nodes) };
  if (roll < 0.4) return drawCrash("kill", random, nodes);
  if (roll < 0.6) return drawCrash("power", random, nodes);
  if (roll < 0.8) return drawCrash("blackout", random, nodes);
  const node = random.integer(0, nodes - 1);
  return { kind: "withhold", atMs, untilMs, node, from: drawSide(random, nodes) };
}

/** Powers such that every seat stays below a third (rule SEAT). */
function drawPowers(random: Random, members: number): readonly bigint[] {
  if (random.chance(0.6)) return Array.from({ length: members }, () => 100n);
  return Array.from({ length: members }, () => BigInt(random.integer(80, 110)));
}

/** The run that a seed stands for. At most one member lies or is gone: f is 1 for n = 4 to 6. */
export function drawPlan(seed: number, members: number): Plan {
  const random = createRandom(seed);
  const spares = random.integer(1, 2);
  const nodes = members + spares;
  const faults: Fault[] = [];
  const count = random.integer(0, 4);
  for (let index = 0; index < count; index += 1) faults.push(drawFault(random, nodes));
  // With an owner for each seat only the first has a spare that may take its seat (rule SEAT).
  const owners = random.pick([1, members]);
  const villain = owners === 1 ? random.integer(0, members - 1) : 0;
  const role = random.next();
  if (role >= 0.35 && role < 0.6) {
    const atMs = random.integer(FAULT_START_MS, 5_000);
    faults.push({ kind: "gone", atMs, node: villain });
  }
  return {
    seed,
    members,
    spares,
    powers: drawPowers(random, members),
    owners,
    links: drawLinks(random, nodes),
    skewMs: Array.from({ length: nodes }, () => random.integer(-100, 100)),
    fsyncMsMax: random.pick([1, 3, 20]),
    slowDisk: random.chance(0.3) ? random.integer(0, members - 1) : undefined,
    faults: faults.toSorted((left, right) => left.atMs - right.atMs),
    liar: role < 0.35 ? { kind: role < 0.25 ? "twins" : "amnesia", node: villain } : undefined,
    evidenceDropper: random.chance(0.3) ? (villain + 1) % members : undefined,
    healMs: HEAL_MS,
    endMs: END_MS,
    tradeEveryMs: random.pick([0, 300, 1_000]),
    emptyBlockPaceMs: 250,
  };
}
