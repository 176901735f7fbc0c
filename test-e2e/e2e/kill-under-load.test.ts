import { expect, test } from "vitest";
import { crash } from "../crash/crash.ts";

test("rule JOURNAL: validators killed under load sign nothing twice and lose nothing acknowledged", async () => {
  const report = await crash({ seed: 5, kills: 5, powerCuts: 0 }, () => undefined);
  expect(report.violations).toEqual([]);
  expect(report.kills).toBeGreaterThanOrEqual(5);
  // Something was at stake.
  expect(report.acknowledged).toBeGreaterThan(0);
  expect(report.signatures.wire).toBeGreaterThan(100);
});
