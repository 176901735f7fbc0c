import { describe, expect, test } from "vitest";
import { liar } from "./liars.ts";
import { quietPlan } from "./quiet-plan.ts";
import { createRandom } from "./random.ts";
import { addLife, startAll } from "./scenario.ts";
import { World } from "./world.ts";

const LIAR = 3;

/**
 * Only one member ever sees an order certificate, so it alone commits at once; rounds often fail,
 * and the liar proposes on old certificates whenever it leads after a timeout. Whoever votes for
 * that forks the chain from what the one member has committed.
 */
function amnesiaWorld(seed: number): World {
  const liars = [liar("amnesia", LIAR)];
  const world = new World(quietPlan({ seed, liars, healMs: 0, endMs: 12_000, tradeEveryMs: 300 }));
  const random = createRandom(seed).fork(21);
  world.isLost = (_, to, { body }) => {
    if (body.kind === "proposal") return random.chance(0.35);
    if (to.index === seed % LIAR) return false;
    if (body.kind === "certificates") return body.order !== undefined;
    return body.kind === "order-vote" || body.kind === "chain-response";
  };
  for (const node of world.nodes) node.lastFaultMs = Number.POSITIVE_INFINITY;
  startAll(world);
  addLife(world);
  return world;
}

describe("agreement", { timeout: 120_000 }, () => {
  test("lock rule: a leader that forgets certificates forks nobody", () => {
    for (let seed = 1; seed <= 6; seed += 1) {
      const world = amnesiaWorld(seed);
      world.runUntil(10_000);
      expect(world.checker.height).toBeGreaterThan(3);
    }
  });
});
