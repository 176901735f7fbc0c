import { expect } from "vitest";
import type { Testimony } from "../../prometheus/false-witness.ts";
import { BLIND_WITHIN_MS, WitnessStage } from "./witness-stage.ts";

/**
 * Blind is no reason to act: a machine is lost while Prometheus says this, and nothing follows
 * until it sees again. `reasons` may come one after the other; the last one stays.
 */
export async function staysItsHandWhenBlind(
  testimony: Testimony,
  reasons: readonly [...string[], string],
): Promise<void> {
  const witness = await WitnessStage.start();
  const { stage } = witness;
  try {
    const distrust = await witness.distrusts(testimony);
    expect(reasons).toContain(distrust.reason);
    expect(distrust.afterMs).toBeLessThanOrEqual(BLIND_WITHIN_MS);
    await stage.set.untilCondition("SignalsTrusted", "False", 20_000, reasons.at(-1));
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
}
