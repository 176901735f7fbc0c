import { describe, expect, test } from "vitest";
import { liar } from "./liars.ts";
import { quietPlan } from "./quiet-plan.ts";
import { addLife, startAll } from "./scenario.ts";
import { World } from "./world.ts";

describe("real signatures and wire bytes", { timeout: 120_000 }, () => {
  test("an equivocator is slashed and swapped, restarted nodes follow from their bytes", () => {
    const liars = [liar("twins", 1)];
    const plan = quietPlan({ seed: 2, liars, healMs: 0, tradeEveryMs: 400 });
    const world = new World(plan, { crypto: "ed25519" });
    startAll(world);
    addLife(world);
    const [first] = world.nodes;
    if (first === undefined) throw new Error("four members");
    world.at(2_000, () => world.stop(first, "power"));
    world.at(2_600, () => world.start(first));
    world.runUntil(12_000, () => world.checker.epoch > 1 && world.now > 6_000);
    expect(world.checker.swaps.map(({ cause }) => cause)).toEqual(["misconduct"]);
    expect([...world.checker.slashed.keys()].map((key) => world.nodeName(key))).toEqual(["v1"]);
    expect(first.process?.state.executedHeight).toBeGreaterThan(world.checker.height - 4);
  });
});
