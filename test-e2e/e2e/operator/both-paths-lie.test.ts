import { fileURLToPath } from "node:url";
import { configMaps } from "@quorate/runtime/resources";
import { expect, test } from "vitest";
import { BLIND_WITHIN_MS, SCRAPE_SECONDS, WitnessStage } from "./witness-stage.ts";

const FALSE_METRICS = fileURLToPath(new URL("../../false-metrics/main.ts", import.meta.url));
const IMAGE = "quorate/node-with-false:metrics";

test("Prometheus and every /metrics lie alike about a voter that the chain sees: no act", async () => {
  const witness = await WitnessStage.start({
    images: { [IMAGE]: FALSE_METRICS },
    spec: { image: IMAGE },
  });
  const { stage } = witness;
  try {
    const victim = await stage.voter();
    const { namespace, name } = stage.set.plan;
    const prices = { namespace, name: `${name}-prices` };
    const distrust = await witness.distrustsWhen(async () => {
      const lie = JSON.stringify({ member: victim.key });
      await stage.kube.mergePatch(configMaps, prices, { data: { "lie.json": lie } });
    });
    expect(distrust.reason).toBe("ContradictsChain");
    // One scrape more than where Prometheus itself lies: it has to hear the lie first.
    expect(distrust.afterMs).toBeLessThanOrEqual(BLIND_WITHIN_MS + SCRAPE_SECONDS * 1_000);
    await stage.commitsFor(4);
    expect(await stage.swaps()).toEqual([]);
    expect(await stage.set.rotations()).toEqual([]);
    const vote = stage.observer.lastVote(victim.key);
    expect(vote?.seenMs).toBeGreaterThan(Date.now() - 10_000);
    await stage.kube.mergePatch(configMaps, prices, { data: { "lie.json": null } });
    await stage.set.untilCondition("SignalsTrusted", "True", 60_000);
    stage.passed();
  } finally {
    await witness.stop();
  }
});
