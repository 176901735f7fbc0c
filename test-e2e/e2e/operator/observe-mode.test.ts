import { expect, test } from "vitest";
import { Stage } from "./stage.ts";

test("Observe acts on nothing and says what it would do", async () => {
  const stage = await Stage.start({ spec: { mode: "Observe" } });
  try {
    const victim = await stage.voter();
    await stage.faults.machineGone(victim.name);
    const said = await stage.set.until(
      ({ lastDecision }) => (lastDecision.verdict === "Silence" ? lastDecision : undefined),
      "a verdict of silence",
      60_000,
    );
    expect(said.message).toContain(victim.name);
    const held = await stage.set.condition("Held");
    expect(held).toMatchObject({ status: "True", reason: "ObserveMode" });
    const struck = stage.observer.height;
    await stage.commitsFor(1);
    expect(await stage.set.rotations()).toEqual([]);
    // The chain heals by itself three windows after the silence: until then nobody acted.
    const swaps = await stage.swaps();
    expect(swaps.every(({ height }) => height > struck)).toBe(true);
    stage.passed();
  } finally {
    await stage.stop();
  }
});
