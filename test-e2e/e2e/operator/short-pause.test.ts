import { expect, test } from "vitest";
import { eventually } from "../../network/eventually.ts";
import { WATCHABLE_SILENCE_MS } from "../../network/genesis-file.ts";
import { Stage } from "./stage.ts";

test("a pause shorter than the silence window rotates nobody", async () => {
  const stage = await Stage.start();
  try {
    const victim = await stage.voter();
    await stage.faults.pause(victim.name);
    const pausedMs = Date.now();
    const late = () => (Date.now() - pausedMs > WATCHABLE_SILENCE_MS / 2 ? true : undefined);
    await eventually(late, { what: "half a window", timeoutMs: WATCHABLE_SILENCE_MS });
    await stage.faults.resume(victim.name);
    const resumedMs = Date.now();
    const again = () => {
      const vote = stage.observer.lastVote(victim.key);
      return vote !== undefined && vote.votedForMs > resumedMs ? true : undefined;
    };
    await stage.observer.until(again, "a vote after the pause", 30_000);
    await stage.commitsFor(3);
    expect(await stage.swaps()).toEqual([]);
    expect(await stage.set.rotations()).toEqual([]);
    stage.passed();
  } finally {
    await stage.stop();
  }
});
