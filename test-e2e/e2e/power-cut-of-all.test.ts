import { expect, test } from "vitest";
import { crash } from "../crash/crash.ts";

test("rule JOURNAL: power cuts of all nodes on disks that lose what was not synced", async () => {
  const report = await crash({ seed: 3, kills: 0, powerCuts: 3 }, () => undefined);
  expect(report.violations).toEqual([]);
  expect(report.powerCuts).toBe(3);
  expect(report.acknowledged).toBeGreaterThan(0);
});
