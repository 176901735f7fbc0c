import { resourceOf } from "@quorate/runtime/resource-of";
import { configMaps, podDisruptionBudgets } from "@quorate/runtime/resources";
import { expect, test } from "vitest";
import { eventually } from "../../network/eventually.ts";
import { OPERATOR_HOME } from "../../set/install.ts";
import { RunningSet } from "../../set/running-set.ts";
import { Stage } from "./stage.ts";

const FIRST = "e2e";
const SECOND = "second";
const SECOND_HOME = "second-system";
const JOINED_MS = 90_000;

/** A set in a namespace of its own that joins the chain of the stage's set, with one spare. */
async function join(stage: Stage): Promise<RunningSet> {
  const { kube, provider, folder, set } = stage;
  const { namespace, name } = set.name;
  const genesis = await kube.get(configMaps, { namespace, name: `${name}-genesis` });
  const bytes = genesis?.data?.["genesis.json"] ?? "";
  const { genesisHash } = await set.status();
  const { seatPower } = (await set.get())!.spec.genesis;
  const endpoints = await set.endpoints();
  const joining = await RunningSet.apply(
    { provider, kube, folder },
    {
      ...set.plan,
      namespace: SECOND,
      name: "joined",
      spec: {
        ...set.plan.spec,
        spares: 1,
        genesis: { seatPower },
        genesisHash,
        joins: { endpoints: [...endpoints], seats: 0, disruptable: 0 },
      },
    },
  );
  // As a person brings it, after the set: the operator says what it waits for, and goes on.
  await joining.untilCondition("Stalled", "True", JOINED_MS, "GenesisMissing");
  await kube.create(configMaps, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: SECOND, name: "joined-genesis" },
    data: { "genesis.json": bytes },
  });
  return joining;
}

test("rule MANY: two sets with an operator each are one chain; losing one changes nothing for the other", async () => {
  const stage = await Stage.cluster();
  try {
    for (const [namespace, watched] of [
      [OPERATOR_HOME, FIRST],
      [SECOND_HOME, SECOND],
    ] as const) {
      // Its rights are those of this namespace, which has to be there before them.
      const object = { apiVersion: "v1", kind: "Namespace", metadata: { name: watched } };
      await stage.kube.apply(resourceOf(object), object);
      await stage.installOperator({ namespace, watched });
    }
    await stage.apply({ spec: { spares: 0 } });
    await stage.alive();

    const joined = await join(stage);
    await joined.until(({ spares }) => (spares === 1 ? true : undefined), "a spare", JOINED_MS);
    const [spare] = await joined.members();
    expect(spare).toMatchObject({ name: "joined-0", role: "Spare" });
    expect((await joined.status()).chain.height).toBeGreaterThan(0);

    // A seat of the first set falls silent: the chain gives it to the second set's spare.
    const victim = await stage.voter();
    await stage.faults.pause(victim.name);
    const swap = await stage.swapped(victim.key);
    expect(swap.newcomer).toBe(spare?.consensusKey);
    await joined.until(({ voters }) => (voters === 1 ? true : undefined), "a voter", JOINED_MS);
    await stage.set.until(({ voters }) => (voters === 3 ? true : undefined), "three", JOINED_MS);
    expect((await joined.members()).find(({ role }) => role === "Voter")?.name).toBe("joined-0");
    const name = { namespace: SECOND, name: "joined" };
    const budget = await stage.kube.get(podDisruptionBudgets, name);
    expect(budget?.spec?.minAvailable).toBe(1);
    await joined.untilCondition("Ready", "True", JOINED_MS);

    // The second operator is gone with all its nodes: three of four go on under the first one.
    await stage.scaleOperator(0, SECOND_HOME);
    await stage.provider.podPause({ namespace: SECOND, name: "joined-0" });
    await stage.commits(20);
    await stage.set.untilCondition("Ready", "True", JOINED_MS);

    // And the other way: the second operator needs nothing of the first.
    await stage.provider.podResume({ namespace: SECOND, name: "joined-0" });
    await stage.scaleOperator(0);
    const before = (await joined.status()).chain.height;
    await stage.scaleOperator(1, SECOND_HOME);
    await eventually(
      async () => ((await joined.status()).chain.height > before ? true : undefined),
      { what: "the second operator verifies the chain", timeoutMs: JOINED_MS, everyMs: 200 },
    );
    await joined.untilCondition("Ready", "True", JOINED_MS);
    await stage.commits();
    stage.passed();
  } finally {
    await stage.stop();
  }
});
