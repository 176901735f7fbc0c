import type { Random } from "./random.ts";

/** What goes wrong in one run, all drawn from the seed. Times are virtual ms since the start. */
export type Fault =
  /** Nobody on one side reaches anybody on the other. */
  | (Span & { readonly kind: "partition"; readonly side: readonly number[] })
  /** One side does not hear the other, but is heard. */
  | (Span & { readonly kind: "deaf"; readonly side: readonly number[] })
  /** The process of one node ends between two effects; what it wrote is still there. */
  | Crash<"kill">
  /** One node loses power between two effects: unsynced writes are lost, the last one torn. */
  | Crash<"power">
  /** All nodes lose power when one of them is between two effects. */
  | Crash<"blackout">
  /** One node's process stands still, and goes on with all that waits for it. */
  | (Span & { readonly kind: "pause"; readonly node: number })
  /** One node's clock is moved. */
  | { readonly kind: "clock"; readonly atMs: number; readonly node: number; readonly byMs: number }
  /** A member tells the chain that it will be away, and is. */
  | (Span & { readonly kind: "absence"; readonly node: number })
  /** One node is gone for good. */
  | { readonly kind: "gone"; readonly atMs: number; readonly node: number }
  /** One member's volume is put back as it was at `copiedMs` (rule BURN). */
  | {
      readonly kind: "old-volume";
      readonly atMs: number;
      readonly node: number;
      readonly copiedMs: number;
      readonly downMs: number;
    }
  /** One node's messages to some peers are withheld. */
  | (Span & {
      readonly kind: "withhold";
      readonly node: number;
      readonly from: readonly number[];
    });

interface Span {
  readonly atMs: number;
  readonly untilMs: number;
}

interface Crash<K extends string> {
  readonly kind: K;
  readonly atMs: number;
  readonly node: number;
  /** Effects that the node still performs after `atMs`. */
  readonly afterEffects: number;
  readonly downMs: number;
}

export const FAULT_START_MS = 1_500;

function drawSide(random: Random, count: number): readonly number[] {
  const side = Array.from({ length: count }, (_, node) => node).filter(() => random.chance(0.5));
  return side.length === 0 ? [0] : side;
}

export interface FaultBounds {
  readonly nodes: number;
  readonly members: number;
  readonly healMs: number;
}

function drawCrash<K extends string>(kind: K, random: Random, bounds: FaultBounds): Crash<K> {
  const atMs = random.integer(FAULT_START_MS, bounds.healMs - 2_000);
  const downMs = random.integer(50, Math.min(3_500, bounds.healMs - atMs - 100));
  const node = random.integer(0, bounds.nodes - 1);
  return { kind, atMs, node, afterEffects: random.integer(0, 60), downMs };
}

export function drawFault(random: Random, bounds: FaultBounds): Fault {
  const { nodes, members, healMs } = bounds;
  const atMs = random.integer(FAULT_START_MS, healMs - 1_000);
  const untilMs = Math.min(healMs, atMs + random.integer(100, 7_500));
  const roll = random.next();
  if (roll < 0.16) return { kind: "partition", atMs, untilMs, side: drawSide(random, nodes) };
  if (roll < 0.22) return { kind: "deaf", atMs, untilMs, side: drawSide(random, nodes) };
  if (roll < 0.38) return drawCrash("kill", random, bounds);
  if (roll < 0.52) return drawCrash("power", random, bounds);
  if (roll < 0.68) return drawCrash("blackout", random, bounds);
  const node = random.integer(0, nodes - 1);
  if (roll < 0.78) return { kind: "pause", atMs, untilMs, node };
  if (roll < 0.83) return { kind: "clock", atMs, node, byMs: random.integer(-60, 60) };
  if (roll < 0.88) return { kind: "absence", atMs, untilMs, node: node % members };
  return { kind: "withhold", atMs, untilMs, node, from: drawSide(random, nodes) };
}
