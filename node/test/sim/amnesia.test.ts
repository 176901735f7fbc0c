import { describe, expect, test } from "vitest";
import { quietPlan } from "./quiet-plan.ts";
import { createRandom } from "./random.ts";
import { addLife, startAll } from "./scenario.ts";
import { World } from "./world.ts";

const LIAR = 3;

/**
 * Order votes and certificates often reach only one member, rounds often fail, and the liar proposes
 * on old certificates whenever it leads after a timeout: whoever votes for that forks the chain.
 */
function amnesiaWorld(seed: number): World {
  const liar = { kind: "amnesia", node: LIAR } as const;
  const quiet = quietPlan({ seed, liar, healMs: 0, endMs: 12_000, tradeEveryMs: 300 });
  const world = new World(quiet);
  const random = createRandom(seed).fork(21);
  world.isLost = (_, to, { body }) => {
    if (body.kind === "order-vote") return to.index !== seed % LIAR && random.chance(0.8);
    return body.kind === "proposal" && random.chance(0.3);
  };
  for (const node of world.nodes) node.lastFaultMs = Number.POSITIVE_INFINITY;
  startAll(world);
  addLife(world);
  return world;
}

describe("agreement", () => {
  test("lock rule: a leader that forgets certificates forks nobody", () => {
    for (let seed = 1; seed <= 6; seed += 1) {
      const world = amnesiaWorld(seed);
      world.runUntil(10_000);
      expect(world.checker.height).toBeGreaterThan(3);
    }
  });
});
