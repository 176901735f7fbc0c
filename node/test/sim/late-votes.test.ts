import { describe, expect, test } from "vitest";
import { quietPlan } from "./quiet-plan.ts";
import { createRandom } from "./random.ts";
import { addLife, startAll } from "./scenario.ts";
import { World } from "./world.ts";

/** In gusts messages take longer than a round: its certificate and its timeouts race each other. */
function racingWorld(seed: number): World {
  const world = new World(quietPlan({ seed, healMs: 0, tradeEveryMs: 200, fsyncMsMax: 20 }));
  const random = createRandom(seed).fork(23);
  // Fast rounds make the round timer short; then a gust of delays falls on it.
  world.extraDelayMs = () => (world.now % 2_000 > 1_000 ? random.integer(0, 1_500) : 0);
  startAll(world);
  addLife(world);
  return world;
}

describe("late certificates", { timeout: 120_000 }, () => {
  test("rule R4: no order vote after a timeout, and the chain goes on", () => {
    for (let seed = 1; seed <= 8; seed += 1) {
      const world = racingWorld(seed);
      world.runUntil(12_000);
      expect(world.counts.get("rounds timed out")).toBeGreaterThan(0);
      expect(world.checker.height).toBeGreaterThan(3);
    }
  });
});
