import { expect, test } from "vitest";
import { eventually } from "../../network/eventually.ts";
import { Stage } from "./stage.ts";

test("an operator that is killed in every phase of a rotation finishes it once", async () => {
  const stage = await Stage.start();
  try {
    await stage.set.until(({ spares }) => (spares === 1 ? true : undefined), "a spare", 60_000);
    const victim = await stage.voter();
    await stage.faults.machineGone(victim.name);
    const seen = new Set<string>();
    await eventually(
      async () => {
        const [rotation] = await stage.set.rotations();
        const phase = rotation?.status?.phase;
        if (phase !== undefined && !seen.has(phase) && (await stage.killOperator()))
          seen.add(phase);
        return phase === "Replaced" ? true : undefined;
      },
      { what: "the rotation's last phase", timeoutMs: 120_000, everyMs: 20 },
    );
    // Planned lasts for one write: the simulator kills there, before and after every write.
    expect([...seen]).toEqual(expect.arrayContaining(["Submitted", "Replaced"]));
    expect((await stage.swaps()).map(({ leaver }) => leaver)).toEqual([victim.key]);
    expect((await stage.set.rotations()).length).toBe(1);
    await stage.set.until(({ spares }) => (spares === 1 ? true : undefined), "a spare", 90_000);
    stage.passed();
  } finally {
    await stage.stop();
  }
});
