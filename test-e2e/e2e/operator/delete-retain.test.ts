import { configMaps, persistentVolumeClaims, pods } from "@quorate/runtime/resources";
import { expect, test } from "vitest";
import { eventually } from "../../network/eventually.ts";
import { VALIDATOR_SETS } from "../../set/running-set.ts";
import { Stage } from "./stage.ts";

test("a set deleted under Retain keeps its volumes and genesis, and goes on with the same keys", async () => {
  const stage = await Stage.start();
  try {
    const { namespace, name } = stage.set.plan;
    const before = await stage.set.get();
    const chainId = stage.client.chainId;
    await stage.set.until(({ spares }) => (spares === 1 ? true : undefined), "a spare", 60_000);
    const keys = (await stage.set.members()).map(({ consensusKey }) => consensusKey).toSorted();
    await stage.kube.delete(VALIDATOR_SETS, stage.set.name, { uid: before?.metadata.uid ?? "" });
    const labelSelector = `quorate.dev/set=${name}`;
    await eventually(
      async () => {
        const gone = (await stage.set.get()) === undefined;
        const left = await stage.kube.list(pods, { namespace, labelSelector });
        return gone && left.length === 0 ? true : undefined;
      },
      { what: "set and pods are gone", timeoutMs: 90_000, everyMs: 200 },
    );
    const claims = await stage.kube.list(persistentVolumeClaims, { namespace, labelSelector });
    expect(claims.length).toBeGreaterThanOrEqual(5);
    const genesis = await stage.kube.get(configMaps, { namespace, name: `${name}-genesis` });
    expect(genesis).toBeDefined();
    await stage.apply();
    await stage.set.ready();
    expect((await stage.set.status()).genesisHash).toBe(chainId);
    await stage.commits(3);
    const after = (await stage.set.members()).map(({ consensusKey }) => consensusKey).toSorted();
    expect(after).toEqual(keys);
    stage.passed();
  } finally {
    await stage.stop();
  }
});
