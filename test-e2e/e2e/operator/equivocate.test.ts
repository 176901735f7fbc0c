import { expect, test } from "vitest";
import { Stage } from "./stage.ts";

test("a voter that signs two votes is removed by its proof", async () => {
  const stage = await Stage.start();
  try {
    await stage.set.until(({ spares }) => (spares === 1 ? true : undefined), "a spare", 60_000);
    const victim = await stage.voter(2);
    await stage.faults.takeOver(victim.name, "vote");
    const swap = await stage.swapped(victim.key);
    expect(swap.cause).toBe("misconduct");
    const rotation = await stage.recorded(swap);
    expect(rotation.spec).toMatchObject({ cause: "Misconduct", member: victim.key });
    expect(rotation.status).toMatchObject({ initiator: "Operator", transaction: swap.proof });
    stage.passed();
  } finally {
    await stage.stop();
  }
});
