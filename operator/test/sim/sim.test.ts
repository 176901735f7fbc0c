import { describe, expect, test } from "vitest";
import { runSeed } from "./run-seed.ts";

const NODES = 4;
const MINUTE_MS = 60_000;

async function problemsOf(seeds: readonly number[]): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const seed of seeds) {
    const { failure } = await runSeed({ seed, nodes: NODES });
    if (failure !== undefined) problems.push(`seed ${seed}: ${failure.problem}`);
  }
  return problems;
}

describe("the operator in its simulator", () => {
  test("a handful of seeds keeps every rule", { timeout: 2 * MINUTE_MS }, async () => {
    expect(await problemsOf([1, 2, 3, 4, 5, 6])).toEqual([]);
  });

  test("larger sets keep every rule", { timeout: 2 * MINUTE_MS }, async () => {
    const { failure } = await runSeed({ seed: 11, nodes: 7 });
    expect(failure?.problem).toBeUndefined();
  });

  test("the same seed has the same trace", { timeout: 2 * MINUTE_MS }, async () => {
    const first = await runSeed({ seed: 60, nodes: NODES });
    const second = await runSeed({ seed: 60, nodes: NODES });
    expect(second.digest).toBe(first.digest);
    expect(second.counts).toEqual(first.counts);
    expect((await runSeed({ seed: 61, nodes: NODES })).digest).not.toBe(first.digest);
  });
});
