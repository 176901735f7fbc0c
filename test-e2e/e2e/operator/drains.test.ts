import type { KubeClient } from "@quorate/runtime/kube-client";
import { nodes, podDisruptionBudgets } from "@quorate/runtime/resources";
import { ApiError } from "@quorate/runtime/transport";
import { expect, test } from "vitest";
import { eventually } from "../../network/eventually.ts";
import { Stage, type Victim } from "./stage.ts";

/** A drained voter is away for as long as its machine is cordoned: no swap is the point here. */
const SILENCE_MS = 120_000;
const WAIT_MS = 60_000;

function cordon(kube: KubeClient, name: string, unschedulable: boolean): Promise<unknown> {
  return kube.mergePatch(nodes, { namespace: "", name }, { spec: { unschedulable } });
}

test("two machines drained at once: the second voter waits until the first one is ready again", async () => {
  const stage = await Stage.start({ silenceMs: SILENCE_MS });
  try {
    const { kube, set } = stage;
    const { namespace, name } = set.plan;
    const allowed = (seats: number) =>
      eventually(
        async () => {
          const budget = await kube.get(podDisruptionBudgets, { namespace, name });
          return budget?.status?.disruptionsAllowed === seats ? true : undefined;
        },
        { what: `${seats} evictions allowed`, timeoutMs: WAIT_MS, everyMs: 100 },
      );
    await allowed(1);
    const victims = [await stage.voter(0), await stage.voter(1)];
    /** True where the eviction was taken, false where the budget refused it. */
    const evict = async (victim: Victim): Promise<boolean> => {
      const uid = (await set.pod(victim.name))?.metadata.uid ?? "";
      try {
        await kube.evict({ namespace, name: victim.name }, { uid });
        return true;
      } catch (error) {
        if (error instanceof ApiError && error.reason === "TooManyRequests") return false;
        throw error;
      }
    };
    for (const { node } of victims) await cordon(kube, node, true);
    const taken = await Promise.all(victims.map(evict));
    expect(taken.toSorted()).toEqual([false, true]);
    const [first, second] = taken[0] ? victims : victims.toReversed();
    if (first === undefined || second === undefined) throw new Error("two victims");
    await allowed(0);
    await stage.commits(5);
    expect(await evict(second)).toBe(false);
    await cordon(kube, first.node, false);
    const backMs = Date.now();
    const again = () => {
      const vote = stage.observer.lastVote(first.key);
      return vote !== undefined && vote.votedForMs > backMs ? true : undefined;
    };
    await stage.observer.until(again, "a vote of the first voter's new pod", WAIT_MS);
    const goes = async () => ((await evict(second)) ? true : undefined);
    await eventually(goes, { what: "the second drain", timeoutMs: WAIT_MS, everyMs: 500 });
    await cordon(kube, second.node, false);
    await allowed(1);
    expect(await stage.swaps()).toEqual([]);
    expect(await set.rotations()).toEqual([]);
    stage.passed();
  } finally {
    await stage.stop();
  }
});
