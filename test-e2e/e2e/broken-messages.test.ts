import { expect, test } from "vitest";
import { fuzz } from "../fuzz/fuzz.ts";

const SECONDS = 20;

test("broken messages, calls and connections end, stall or split no honest node", async () => {
  const report = await fuzz({ seed: 7, seconds: SECONDS }, () => undefined);
  expect(report.violations).toEqual([]);
  // What was sent was read, and refused: how much depends on the machine.
  expect(report.corpus.kinds.length).toBeGreaterThanOrEqual(5);
  expect(Math.min(...report.nodes.map(({ malformed }) => malformed))).toBeGreaterThan(0);
});
