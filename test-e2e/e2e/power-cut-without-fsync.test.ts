import { expect, test } from "vitest";
import { crash } from "../crash/crash.ts";

const CUTS_MAX = 10;

test.each(["write without fsync"])("the power cuts notice the mutant: %s", async (mutant) => {
  const plan = { seed: 1, kills: 0, powerCuts: CUTS_MAX, mutant };
  const { violations } = await crash(plan, () => undefined);
  expect(violations.join("\n")).toContain("its journal lacks it");
});
