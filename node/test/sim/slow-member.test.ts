import { describe, expect, test } from "vitest";
import { quietPlan } from "./quiet-plan.ts";
import { addLife, startAll } from "./scenario.ts";
import { World } from "./world.ts";

const SLOW = 3;
const EXTRA_MS = 150;

/** Everything that one member sends or hears takes 150 ms longer. */
function slowWorld(endMs: number, emptyBlockPaceMs: number): World {
  const plan = quietPlan({ spares: 1, healMs: 0, endMs, emptyBlockPaceMs, tradeEveryMs: 2_000 });
  const baseMs = plan.links.baseMs.map((row, from) =>
    row.map((base, to) => (from === SLOW || to === SLOW ? base + EXTRA_MS : base)),
  );
  const world = new World({ ...plan, links: { ...plan.links, baseMs } });
  startAll(world);
  addLife(world);
  return world;
}

describe("rule SILENCE", () => {
  test("rule SILENCE: a member 150 ms slower is never silent", () => {
    const world = slowWorld(60_000, 250);
    world.runUntil(60_000);
    expect(world.checker.swaps).toEqual([]);
    expect(world.checker.height).toBeGreaterThan(100);
  });
});
