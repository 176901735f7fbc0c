import { pods } from "@quorate/runtime/resources";
import { expect, test } from "vitest";
import { eventually } from "../../network/eventually.ts";
import { Stage } from "./stage.ts";

const READY_MS = 60_000;
/** A new container may take longer than the watchable window; a swap would then be right. */
const SILENCE_MS = 30_000;

test("pods of a voter and of the only spare, deleted at once, come back with their keys", async () => {
  const stage = await Stage.start({ silenceMs: SILENCE_MS });
  try {
    await stage.set.until(({ spares }) => (spares === 1 ? true : undefined), "a spare", READY_MS);
    const victim = await stage.voter(1);
    const spare = (await stage.set.members()).find(({ role }) => role === "Spare");
    if (spare === undefined) throw new Error("the set has a spare");
    const { namespace } = stage.set.plan;
    const before = new Set<string>();
    for (const name of [victim.name, spare.name]) {
      const uid = (await stage.set.pod(name))?.metadata.uid ?? "";
      before.add(uid);
      await stage.kube.delete(pods, { namespace, name }, { uid });
    }
    const deletedMs = Date.now();
    const again = () => {
      const vote = stage.observer.lastVote(victim.key);
      return vote !== undefined && vote.votedForMs > deletedMs ? true : undefined;
    };
    await stage.observer.until(again, "a vote of the voter's new pod", READY_MS);
    for (const name of [victim.name, spare.name]) {
      const isBack = async () => {
        const pod = await stage.set.pod(name);
        const isReady = pod?.status?.conditions?.some(
          ({ type, status }) => type === "Ready" && status === "True",
        );
        return isReady && !before.has(pod?.metadata.uid ?? "") ? true : undefined;
      };
      await eventually(isBack, { what: `${name} ready again`, timeoutMs: READY_MS, everyMs: 100 });
    }
    expect(await stage.swaps()).toEqual([]);
    stage.passed();
  } finally {
    await stage.stop();
  }
});
