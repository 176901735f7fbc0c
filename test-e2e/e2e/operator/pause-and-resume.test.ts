import { expect, test } from "vitest";
import { Stage } from "./stage.ts";

test("a voter that is paused and comes back finds its seat taken and does not vote", async () => {
  const stage = await Stage.start();
  try {
    await stage.set.until(({ spares }) => (spares === 1 ? true : undefined), "a spare", 60_000);
    const victim = await stage.voter(2);
    await stage.provider.machinePause(victim.node);
    const swap = await stage.swapped(victim.key);
    expect(swap.cause).toBe("silence");
    await stage.provider.machineResume(victim.node);
    const resumedMs = Date.now();
    await stage.commitsFor(3);
    const vote = stage.observer.lastVote(victim.key);
    expect(vote === undefined || vote.votedForMs < resumedMs).toBe(true);
    expect((await stage.swaps()).map(({ leaver }) => leaver)).toEqual([victim.key]);
    await stage.set.until(
      ({ members }) =>
        members.every(({ consensusKey, role }) => consensusKey !== victim.key || role === "Left")
          ? true
          : undefined,
      "the leaver has left",
      60_000,
    );
    stage.passed();
  } finally {
    await stage.stop();
  }
});
