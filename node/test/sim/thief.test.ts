import { describe, expect, test } from "vitest";
import { faultyPowerMax } from "../../src/kernel/threshold.ts";
import { totalPower } from "../../src/kernel/validator-set.ts";
import { quietPlan } from "./quiet-plan.ts";
import { addLife, startAll } from "./scenario.ts";
import { World } from "./world.ts";

/** Every other honest node is held still in turn; the thief's three spares want its seats. */
function thiefWorld(members: number): World {
  const thief = { spares: 3, fromMs: 3_000, behaviour: "withhold" } as const;
  const world = new World(quietPlan({ members, thief, healMs: 40_000, endMs: 55_000 }));
  startAll(world);
  addLife(world);
  world.at(40_000, () => {
    for (const node of world.nodes) world.resume(node);
  });
  return world;
}

function stolenPower(world: World): bigint {
  const thieves = new Set(world.nodes.filter(({ name }) => name.startsWith("t")).map((n) => n.key));
  const held = world.checker.set.members.filter(({ key }) => thieves.has(key));
  return held.reduce((sum, { power }) => sum + power, 0n);
}

describe("rules RATE and STOLEN", { timeout: 240_000 }, () => {
  test.each([4, 7])(
    "rule RATE: a thief that pauses anyone and has the sponsor's key gets f and no more (%i)",
    (members) => {
      const world = thiefWorld(members);
      world.runUntil(40_000);
      const most = faultyPowerMax(totalPower(world.checker.set));
      expect(stolenPower(world)).toBeGreaterThan(0n);
      expect(stolenPower(world)).toBeLessThanOrEqual(most);
      const before = world.checker.certifiedHeight;
      world.runUntil(55_000);
      expect(world.checker.certifiedHeight).toBeGreaterThan(before + 10);
      expect(stolenPower(world)).toBeLessThanOrEqual(most);
    },
  );
});
