import { describe, expect, test } from "vitest";
import { quietPlan } from "./quiet-plan.ts";
import { addLife, startAll } from "./scenario.ts";
import { World } from "./world.ts";

/** Links about as slow as the round timer: certificates and timeouts of a round race each other. */
function racingWorld(seed: number): World {
  const quiet = quietPlan({ seed, healMs: 0, tradeEveryMs: 200, fsyncMsMax: 20 });
  const baseMs = quiet.links.baseMs.map((row) => row.map(() => 60));
  const world = new World({ ...quiet, links: { ...quiet.links, baseMs, jitterMs: 160 } });
  startAll(world);
  addLife(world);
  return world;
}

describe("late certificates", () => {
  test("rule R4: no order vote after a timeout, and the chain goes on", () => {
    for (let seed = 1; seed <= 4; seed += 1) {
      const world = racingWorld(seed);
      world.runUntil(8_000);
      expect(world.counts.get("rounds timed out")).toBeGreaterThan(0);
      expect(world.checker.height).toBeGreaterThan(3);
    }
  });
});
