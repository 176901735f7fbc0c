import { describe, expect, test } from "vitest";
import { countResults, type RanModule } from "./counts.ts";

function ran(state: "passed" | "failed", tests: readonly string[], errors = 0): RanModule {
  return {
    children: { allTests: () => tests.map((one) => ({ result: () => ({ state: one }) })) },
    state: () => state,
    errors: () => Array.from({ length: errors }, () => new Error("broken")),
  };
}

describe("what a run of the suite counts", () => {
  test("a failed test counts once, not once more for its file", () => {
    const modules = [ran("failed", ["failed", "passed", "skipped"]), ran("passed", ["passed"])];
    expect(countResults(modules, 0)).toEqual({ passed: 2, skipped: 1, broken: 1 });
  });

  test("every failed test of a file counts, also where the file has errors of its own", () => {
    expect(countResults([ran("failed", ["failed", "failed"], 1)], 0).broken).toBe(2);
  });

  test("a file that can't be loaded, or whose hook throws, counts once", () => {
    expect(countResults([ran("failed", [], 1)], 0).broken).toBe(1);
    expect(countResults([ran("failed", ["passed", "skipped"])], 0)).toEqual({
      ...{ passed: 1, skipped: 1 },
      broken: 1,
    });
    expect(countResults([ran("passed", ["passed"], 1)], 0).broken).toBe(1);
  });

  test("errors outside of any test count", () => {
    expect(countResults([ran("passed", ["passed"])], 2)).toEqual({
      ...{ passed: 1, skipped: 0 },
      broken: 2,
    });
  });
});
