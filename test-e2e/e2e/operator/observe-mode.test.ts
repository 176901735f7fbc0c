import { expect, test } from "vitest";
import { Stage } from "./stage.ts";

test("Observe acts on nothing and says what it would do", async () => {
  const stage = await Stage.start({ spec: { mode: "Observe" }, selfHealAfterWindows: 100 });
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
    await stage.commitsFor(4);
    expect(await stage.set.rotations()).toEqual([]);
    // Nodes stay out of it: whatever had happened would have been the operator.
    expect(await stage.swaps()).toEqual([]);
    stage.passed();
  } finally {
    await stage.stop();
  }
});
