import { expect, test } from "vitest";
import { eventually } from "../../network/eventually.ts";
import { Stage } from "./stage.ts";

test("an operator that is killed in every phase of a birth makes one chain", async () => {
  const stage = await Stage.cluster();
  try {
    await stage.apply();
    const seen = new Set<string>();
    await eventually(
      async () => {
        const status = (await stage.set.get())?.status;
        const asked = status?.members?.filter(({ consensusKey }) => consensusKey !== "").length;
        const moment = `${status?.birth?.phase ?? "Unborn"}/${asked ?? 0}`;
        if (!seen.has(moment) && (await stage.killOperator())) seen.add(moment);
        return status?.birth?.phase === "Alive" ? true : undefined;
      },
      { what: "birth", timeoutMs: 180_000, everyMs: 20 },
    );
    await stage.alive();
    const phases = new Set([...seen].map((moment) => moment.split("/")[0]));
    expect([...phases]).toEqual(expect.arrayContaining(["Unborn", "Keys", "Alive"]));
    expect(seen.size).toBeGreaterThan(3);
    const set = await stage.client.set();
    const { members, genesisHash } = await stage.set.status();
    expect(genesisHash).toBe(stage.client.chainId);
    for (const { key } of set.value?.members ?? []) {
      expect(members.map(({ consensusKey }) => consensusKey)).toContain(key);
    }
    stage.passed();
  } finally {
    await stage.stop();
  }
});
