import { expect, test } from "vitest";
import { BLIND_WITHIN_MS, WitnessStage } from "./witness-stage.ts";

test("a Prometheus that is down is blindness: no act until it sees again", async () => {
  const witness = await WitnessStage.start();
  const { stage } = witness;
  try {
    const distrust = await witness.distrusts({ kind: "down" });
    expect(distrust.reason).toBe("PrometheusUnreachable");
    expect(distrust.afterMs).toBeLessThanOrEqual(BLIND_WITHIN_MS);
    const victim = await stage.voter();
    await stage.faults.machineGone(victim.name);
    await stage.commitsFor(4);
    expect(await stage.swaps()).toEqual([]);
    expect(await stage.set.rotations()).toEqual([]);
    expect(await stage.set.condition("Held")).toMatchObject({ status: "True", reason: "Blind" });
    witness.honest();
    await stage.set.untilCondition("SignalsTrusted", "True", 60_000);
    const swap = await stage.swapped(victim.key);
    expect(swap.cause).toBe("silence");
    stage.passed();
  } finally {
    await witness.stop();
  }
});
