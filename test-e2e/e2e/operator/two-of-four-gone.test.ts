import { expect, test } from "vitest";
import { Stage } from "./stage.ts";

test("with two of four gone the operator holds, says why, and all resumes when they return", async () => {
  const stage = await Stage.start();
  try {
    const first = await stage.voter(0);
    const second = await stage.voter(1);
    await Promise.all([
      stage.provider.machineOff(first.node),
      stage.provider.machineOff(second.node),
    ]);
    const held = await stage.set.untilCondition("Held", "True", 60_000, "ChainHalted");
    expect(held.message).toContain("restart at least 1 of");
    expect(held.message).toContain(first.name);
    expect(held.message).toContain(second.name);
    expect(await stage.set.rotations()).toEqual([]);
    await stage.provider.machineOn(first.node);
    await stage.provider.machineOn(second.node);
    await stage.commits(5);
    await stage.set.untilCondition("Held", "False", 60_000);
    expect(await stage.swaps()).toEqual([]);
    stage.passed();
  } finally {
    await stage.stop();
  }
});
