import type { Plan } from "./plan.ts";
import type { Random } from "./random.ts";
import type { SimNode } from "./sim-node.ts";

type Place = Pick<SimNode, "place">;

/** Which messages arrive, and when. Before the healing anything may happen to them. */
export interface Network {
  /** Delays (ms) after which copies of one message arrive; empty where it is lost. */
  deliveries(from: Place, to: Place, atMs: number): readonly number[];
}

function isCut(plan: Plan, from: number, to: number, atMs: number): boolean {
  return plan.faults.some((fault) => {
    if (fault.kind === "partition") {
      const active = atMs >= fault.atMs && atMs < fault.untilMs;
      return active && fault.side.includes(from) !== fault.side.includes(to);
    }
    if (fault.kind === "deaf") {
      const active = atMs >= fault.atMs && atMs < fault.untilMs;
      return active && fault.side.includes(to) && !fault.side.includes(from);
    }
    if (fault.kind === "withhold") {
      const active = atMs >= fault.atMs && atMs < fault.untilMs;
      return active && fault.node === from && fault.from.includes(to);
    }
    return false;
  });
}

export function createNetwork(plan: Plan, random: Random): Network {
  const { baseMs, jitterMs, dropRate, duplicateRate } = plan.links;
  const { slowNode } = plan;
  return {
    deliveries({ place: from }, { place: to }, atMs) {
      const isSlow = slowNode !== undefined && (slowNode.node === from || slowNode.node === to);
      const leastMs = (baseMs[from]?.[to] ?? 1) + (isSlow ? slowNode.extraMs : 0);
      const delay = () => leastMs + random.next() * jitterMs;
      const healed = atMs >= plan.healMs;
      if (healed) return [delay()];
      if (isCut(plan, from, to, atMs) || random.chance(dropRate)) return [];
      return random.chance(duplicateRate) ? [delay(), delay()] : [delay()];
    },
  };
}
