import { describe, expect, test } from "vitest";
import { slowMemberWorld, watchSilence } from "./slow-member.ts";

describe("rule SILENCE", { timeout: 120_000 }, () => {
  // One minute here; `npm run sim -- --hour` runs the hour.
  test("rule SILENCE: a member 150 ms slower is never silent", () => {
    const world = slowMemberWorld();
    const silent = watchSilence(world);
    world.runUntil(60_000);
    expect([...silent]).toEqual([]);
    expect(world.checker.height).toBeGreaterThan(100);
  });
});
