import { describe, expect, test } from "vitest";
import { quietPlan } from "./quiet-plan.ts";
import { addLife, startAll } from "./scenario.ts";
import { World } from "./world.ts";

/**
 * Runs until `effects` effects are done, cuts the power of all nodes there, and starts them again.
 */
function cutAt(effects: number, seed: number): World {
  // With one slow disk the others vote, certify and order a block that its proposer has not synced.
  const slowDisk = seed % 2 === 0 ? undefined : seed % 4;
  const world = new World(
    quietPlan({ seed, tradeEveryMs: 100, healMs: 0, fsyncMsMax: 3, slowDisk }),
  );
  startAll(world);
  addLife(world);
  const [first] = world.nodes;
  const cut = () => {
    for (const node of world.nodes) world.stop(node, "power");
    for (const node of world.nodes) world.at(world.now + 50, () => world.start(node));
  };
  world.runUntil(5_000, () => world.effects >= effects - 40);
  const trigger = world.nodes.find((node) => node.process !== undefined) ?? first;
  if (trigger !== undefined) trigger.doom = { left: effects % 40, die: cut };
  world.runUntil(world.now + 1_000, () => trigger?.process === undefined);
  return world;
}

describe("rule JOURNAL", { timeout: 120_000 }, () => {
  test("rule JOURNAL: power cut of all nodes at any effect commits again", () => {
    for (let effects = 40; effects < 1_600; effects += 29) {
      const world = cutAt(effects, effects);
      const before = world.checker.height;
      world.runUntil(world.now + 5_000, () => world.checker.certifiedHeight > before + 1);
      expect(world.checker.certifiedHeight, `cut at effect ${effects}`).toBeGreaterThan(before + 1);
    }
  });
});
