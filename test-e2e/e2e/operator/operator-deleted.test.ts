import { expect, test } from "vitest";
import { Stage } from "./stage.ts";

test("without an operator the chain swaps a machine that is gone by itself", async () => {
  const stage = await Stage.start();
  try {
    await stage.set.until(({ spares }) => (spares === 1 ? true : undefined), "a spare", 60_000);
    await stage.scaleOperator(0);
    const victim = await stage.voter();
    await stage.faults.machineGone(victim.name);
    const swap = await stage.swapped(victim.key, 90_000);
    expect(swap.cause).toBe("silence");
    expect(await stage.set.rotations()).toEqual([]);
    await stage.scaleOperator(1);
    const rotation = await stage.recorded(swap);
    expect(rotation.status?.initiator).toBe("Chain");
    stage.passed();
  } finally {
    await stage.stop();
  }
});
