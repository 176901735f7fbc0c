import { expect, test } from "vitest";
import { eventually } from "../../network/eventually.ts";
import { VALIDATOR_ROTATIONS } from "../../set/running-set.ts";
import { Stage } from "./stage.ts";

const MINUTE_MS = 60_000;

test("Approve waits for a person, who approves this plan and no other", async () => {
  // Nodes stay out of it for so long that the person is first.
  const stage = await Stage.start({ spec: { mode: "Approve" }, selfHealAfterWindows: 100 });
  try {
    await stage.set.until(({ spares }) => (spares === 1 ? true : undefined), "a spare", 60_000);
    const victim = await stage.voter();
    await stage.faults.machineGone(victim.name);
    const plan = await eventually(
      async () => (await stage.set.rotations()).find(({ status }) => status?.phase === "Planned"),
      { what: "a plan", timeoutMs: 60_000, everyMs: 200 },
    );
    const { planHash, expiresAt, times } = plan.status ?? {};
    const plannedAt = Date.parse(times?.Planned ?? "");
    expect(Date.parse(expiresAt ?? "") - plannedAt).toBe(10 * MINUTE_MS);
    const key = { namespace: stage.set.plan.namespace, name: plan.metadata.name };
    const approve = (hash: string) =>
      stage.kube.mergePatch(VALIDATOR_ROTATIONS, key, {
        metadata: { annotations: { "quorate.dev/approve": hash } },
      });
    await approve("0".repeat(64));
    await stage.commitsFor(2);
    expect(await stage.swaps()).toEqual([]);
    await approve(planHash ?? "");
    const swap = await stage.swapped(victim.key);
    expect(swap.cause).toBe("silence");
    stage.passed();
  } finally {
    await stage.stop();
  }
});
