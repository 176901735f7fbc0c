import { afterAll, expect, test } from "vitest";
import { Judge } from "./judge.ts";
import type { Patch } from "./mutants.ts";

const FILE = "node/src/kernel/threshold.ts";
const NAME = "the numbers of the paper: 3 of 4, 4 of 5, 5 of 7";
const FULL_NAME = `rule EPOCH: quorum by power > ${NAME}`;

const judge = new Judge();
afterAll(() => judge.close());

function run(patch?: Patch) {
  const trial = { test: "node/src/kernel/threshold.test.ts", testNames: [NAME] };
  return judge.run(patch === undefined ? trial : { ...trial, patch });
}

test("a rule that is broken fails its test, and is whole again for the next", async () => {
  const find = "(2n * total) / 3n + 1n";
  const broken = { name: "half", file: FILE, find, replace: "total / 2n" };
  expect(await run(broken)).toEqual({ passed: [], failed: [FULL_NAME], loaded: true });
  const same = { name: "same", file: FILE, find, replace: "1n + (2n * total) / 3n" };
  expect(await run(same)).toEqual({ passed: [FULL_NAME], failed: [], loaded: true });
  expect(await run()).toEqual({ passed: [FULL_NAME], failed: [], loaded: false });
});

test("a source that does not load, or that no test loads, is told from a failed test", async () => {
  const find = "export function quorumPower(total: Power): Power {";
  const unreadable = { name: "unreadable", file: FILE, find, replace: "export function (" };
  expect(await run(unreadable)).toEqual({ passed: [], failed: [], loaded: true });
  const file = "node/src/kernel/merkle.ts";
  const elsewhere = { name: "elsewhere", file, find: "import", replace: "import " };
  expect(await run(elsewhere)).toEqual({ passed: [FULL_NAME], failed: [], loaded: false });
});
