import { expect, test } from "vitest";
import { Stage } from "./stage.ts";

test("a voter that attests wrong roots is named and rotated by nobody", async () => {
  const stage = await Stage.start();
  try {
    const victim = await stage.voter();
    await stage.faults.takeOver(victim.name, "wrong-root");
    await stage.set.until(
      ({ members }) =>
        members
          .find(({ consensusKey }) => consensusKey === victim.key)
          ?.reasons.includes("WrongRoot")
          ? true
          : undefined,
      "WrongRoot among the member's reasons",
      60_000,
    );
    await stage.commitsFor(3);
    expect(await stage.swaps()).toEqual([]);
    stage.passed();
  } finally {
    await stage.stop();
  }
});
