import { expect, test } from "vitest";
import { BLIND_WITHIN_MS, WitnessStage } from "./witness-stage.ts";

test("a Prometheus that calls a live voter silent is not believed: no act", async () => {
  const witness = await WitnessStage.start();
  const { stage } = witness;
  try {
    const victim = await stage.voter();
    const distrust = await witness.distrusts({ kind: "lie", member: victim.key });
    expect(distrust.reason).toBe("ContradictsChain");
    expect(distrust.afterMs).toBeLessThanOrEqual(BLIND_WITHIN_MS);
    await stage.commitsFor(4);
    expect(await stage.swaps()).toEqual([]);
    expect(await stage.set.rotations()).toEqual([]);
    witness.honest();
    await stage.set.untilCondition("SignalsTrusted", "True", 60_000);
    stage.passed();
  } finally {
    await witness.stop();
  }
});
