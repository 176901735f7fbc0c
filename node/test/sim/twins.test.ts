import { describe, expect, test } from "vitest";
import { liar } from "./liars.ts";
import type { Plan } from "./plan.ts";
import { quietPlan } from "./quiet-plan.ts";
import { runPlan } from "./scenario.ts";
import { World } from "./world.ts";

/** Two halves that cannot hear each other, and a liar with one process in each. */
function splitPlan(seed: number): Plan {
  return quietPlan({
    seed,
    members: 5,
    liars: [liar("twins", 4)],
    healMs: 4_000,
    endMs: 12_000,
    tradeEveryMs: 300,
  });
}

describe("agreement", { timeout: 120_000 }, () => {
  test("agreement under twins (quorum): two halves with a twin each never both commit", () => {
    for (let seed = 1; seed <= 3; seed += 1) {
      const world = new World(splitPlan(seed));
      const half = (index: number) => (index === world.nodes.length - 1 ? 1 : sideOf(index));
      world.isLost = (from, to) => world.now < 4_000 && half(from.index) !== half(to.index);
      for (const node of world.nodes) {
        node.lastFaultMs = 4_000;
        node.talksTo = () => true;
      }
      runPlan(world);
      expect(world.checker.height).toBeGreaterThan(5);
    }
  });
});

/** Members 0 and 1 and the first twin on one side, 2 and 3 and the second twin on the other. */
function sideOf(index: number): number {
  return index === 2 || index === 3 ? 1 : 0;
}
