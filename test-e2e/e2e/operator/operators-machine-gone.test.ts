import { expect, test } from "vitest";
import { eventually } from "../../network/eventually.ts";
import { DEPLOYMENTS, OPERATOR, Stage } from "./stage.ts";

test("a machine that holds a voter and the operator is gone: both come back elsewhere", async () => {
  const stage = await Stage.start();
  try {
    await stage.set.until(({ spares }) => (spares === 1 ? true : undefined), "a spare", 60_000);
    const victim = (await stage.voterBesideOperator()) ?? (await movedBeside(stage));
    await stage.faults.machineGone(victim.name);
    // Without its operator the chain acts three windows after the silence.
    const swap = await stage.swapped(victim.key, 90_000);
    expect(swap.cause).toBe("silence");
    await eventually(
      async () => {
        const pods = await stage.operatorPods();
        const moved = pods.find(
          ({ spec, status }) =>
            spec?.nodeName !== victim.node &&
            status?.conditions?.some((one) => one.type === "Ready" && one.status === "True"),
        );
        return moved === undefined ? undefined : true;
      },
      { what: "an operator on another machine", timeoutMs: 240_000, everyMs: 500 },
    );
    const rotation = await stage.recorded(swap);
    expect(rotation.status?.phase).not.toBe("Refused");
    expect((await stage.swaps()).map(({ leaver }) => leaver)).toEqual([victim.key]);
    await stage.set.until(({ spares }) => (spares === 1 ? true : undefined), "a spare", 180_000);
    stage.passed();
  } finally {
    await stage.stop();
  }
});

/** The operator is put beside the first voter. */
async function movedBeside(stage: Stage) {
  const voter = await stage.voter();
  await stage.kube.mergePatch(DEPLOYMENTS, OPERATOR, {
    spec: { template: { spec: { nodeSelector: { "kubernetes.io/hostname": voter.node } } } },
  });
  await eventually(
    async () => (await stage.voterBesideOperator())?.name === voter.name || undefined,
    {
      what: `the operator beside ${voter.name}`,
      timeoutMs: 120_000,
    },
  );
  await stage.kube.mergePatch(DEPLOYMENTS, OPERATOR, {
    spec: { template: { spec: { nodeSelector: null } } },
  });
  return voter;
}
