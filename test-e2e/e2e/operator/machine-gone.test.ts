import { expect, test } from "vitest";
import { Stage } from "./stage.ts";

test("a voter whose machine is gone is swapped for its silence, and a spare follows", async () => {
  // The operator has a minute before the chain would act without it, on a slow machine too.
  const stage = await Stage.start({ selfHealAfterWindows: 20 });
  try {
    await stage.set.until(({ spares }) => (spares === 1 ? true : undefined), "a spare", 60_000);
    const victim = await stage.voter();
    await stage.faults.machineGone(victim.name);
    const swap = await stage.swapped(victim.key);
    expect(swap.cause).toBe("silence");
    expect((await stage.swaps()).map(({ leaver }) => leaver)).toEqual([victim.key]);
    await stage.set.until(
      ({ voters, members }) =>
        voters === 4 && members.some(({ consensusKey: key }) => key === swap.newcomer)
          ? true
          : undefined,
      "four voters again",
      60_000,
    );
    const rotation = await stage.recorded(swap);
    expect(rotation.spec).toMatchObject({ cause: "Silence", member: victim.key });
    expect(rotation.status).toMatchObject({ initiator: "Operator", newcomer: swap.newcomer });
    expect(await stage.set.rotations()).toHaveLength(1);
    await stage.set.until(({ spares }) => (spares === 1 ? true : undefined), "a spare", 60_000);
    // What the operator decided is in its log, and comes out the same for whoever reads it there.
    const replayed = await stage.replayed();
    expect(replayed.different).toBe(0);
    expect(replayed.decisions.map(({ plan }) => plan)).toContainEqual({
      ...{ cause: "Silence", member: victim.key, effect: "Swap" },
    });
    stage.passed();
  } finally {
    await stage.stop();
  }
});
