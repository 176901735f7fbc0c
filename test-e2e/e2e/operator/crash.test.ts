import { expect, test } from "vitest";
import { Stage } from "./stage.ts";

test("a voter that crashes is restarted and votes again; nothing is rotated", async () => {
  const stage = await Stage.start();
  try {
    const victim = await stage.voter(1);
    const struckMs = Date.now();
    await stage.faults.crash(victim.name);
    const again = () => {
      const vote = stage.observer.lastVote(victim.key);
      return vote !== undefined && vote.votedForMs > struckMs ? vote : undefined;
    };
    await stage.observer.until(again, "a vote after the crash", 30_000);
    await stage.commitsFor(4);
    expect(await stage.swaps()).toEqual([]);
    expect(await stage.set.rotations()).toEqual([]);
    const pod = await stage.set.pod(victim.name);
    expect(pod?.status?.containerStatuses?.[0]?.restartCount).toBeGreaterThan(0);
    stage.passed();
  } finally {
    await stage.stop();
  }
});
