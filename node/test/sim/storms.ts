import type { PeerMessage } from "../../src/consensus/types.ts";
import type { Random } from "./random.ts";
import type { SimNode } from "./sim-node.ts";
import type { World } from "./world.ts";

export const STORM_KINDS = [
  "hidden-order",
  "split",
  "gusts",
  "late-hand-over",
  "lost-certificates",
] as const;
export type StormKind = (typeof STORM_KINDS)[number];

/**
 * Weather that picks its messages.
 * - hidden-order: one member alone commits by order certificates, and proposals are often lost.
 * - split: two halves that do not hear each other; of a pair of twins one sits in each.
 * - gusts: in gusts messages take longer than a round.
 * - late-hand-over: order votes late and attestations later, so that an epoch's end finds blocks
 *   that were ordered behind it.
 * - lost-certificates: votes and certificates are lost, timeouts arrive: round after round fails.
 */
export interface Storm {
  readonly kind: StormKind;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly salt: number;
}

/** A kind is given where a liar needs rounds that fail: it only lies in the round after. */
export function drawStorm(random: Random, healMs: number, wanted?: StormKind): Storm {
  const fromMs = random.integer(1_000, healMs - 15_000);
  const untilMs = Math.min(healMs, fromMs + random.integer(5_000, 25_000));
  const drawn = random.pick(STORM_KINDS);
  return { kind: wanted ?? drawn, fromMs, untilMs, salt: random.integer(0, 1_000) };
}

type Loses = (from: SimNode, to: SimNode, message: PeerMessage) => boolean;

function losesOf({ kind, salt }: Storm, members: number, random: Random): Loses {
  const favourite = salt % members;
  switch (kind) {
    case "hidden-order":
      return (_, to, { body }) => {
        if (body.kind === "proposal") return random.chance(0.35);
        if (to.place === favourite) return false;
        if (body.kind === "certificates") return body.order !== undefined;
        return body.kind === "order-vote" || body.kind === "chain-response";
      };
    case "split": {
      // The second of two twins stands behind the members and spares: on the other side.
      const half = ({ index, place }: SimNode) => ((place + salt) % 2 === 0) === (index === place);
      return (from, to) => half(from) !== half(to);
    }
    case "lost-certificates":
      return (_, __, { body }) => {
        if (body.kind === "certificates") return random.chance(0.7);
        return body.kind === "statement" && body.signed.statement.kind === "vote"
          ? random.chance(0.4)
          : false;
      };
    default:
      return () => false;
  }
}

type Delays = (message: PeerMessage) => number;

function delaysOf({ kind }: Storm, world: World, random: Random): Delays {
  switch (kind) {
    case "gusts":
      return () => (world.now % 4_000 > 3_000 ? random.integer(0, 1_200) : 0);
    case "late-hand-over":
      return ({ body }) => {
        if (body.kind === "order-vote") return 20;
        return body.kind === "statement" && body.signed.statement.kind === "attestation" ? 80 : 0;
      };
    default:
      return () => 0;
  }
}

/** Sets the weather of a run; whoever it hits may look silent. */
export function raiseStorm(world: World, storm: Storm, random: Random): void {
  const loses = losesOf(storm, world.plan.members, random);
  const delays = delaysOf(storm, world, random);
  const rages = () => world.now >= storm.fromMs && world.now < storm.untilMs;
  world.isLost = (from, to, message) => rages() && loses(from, to, message);
  world.extraDelayMs = (message) => (rages() ? delays(message) : 0);
  world.at(storm.fromMs, () => {
    world.counts.add(`storm: ${storm.kind}`);
    for (const node of world.nodes) node.lastFaultMs = Math.max(node.lastFaultMs, storm.untilMs);
  });
}
