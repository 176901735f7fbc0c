import { expect, test } from "vitest";
import { Stage } from "./stage.ts";

test("the fault program refuses a set that is not annotated for it", async () => {
  const stage = await Stage.start({ allowFaults: false });
  try {
    const victim = await stage.voter();
    const refused = /is not annotated quorate.dev\/allow-faults=true/;
    await expect(stage.faults.crash(victim.name)).rejects.toThrow(refused);
    await expect(stage.faults.machineGone(victim.name)).rejects.toThrow(refused);
    await expect(stage.faults.takeOver(victim.name, "vote")).rejects.toThrow(refused);
    expect((await stage.set.pod(victim.name))?.status?.phase).toBe("Running");
    stage.passed();
  } finally {
    await stage.stop();
  }
});
