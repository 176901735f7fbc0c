import { describe, expect, test } from "vitest";
import { faultyPowerMax } from "../../src/kernel/threshold.ts";
import { allArms, reportArms } from "./arms.ts";
import { drawPlan } from "./draw-plan.ts";
import { readOptions, runsOf } from "./options.ts";
import { runSeed } from "./run-seed.ts";

/** Seeds whose plan splits the binaries that are tried; about one in 30 needs no repair. */
const SPLITS_MAX = 120;

/**
 * Counts of the first seed from `from` on whose binaries differ and whose run has the property:
 * which one that is changes with every genesis. All runs on the way have to keep every promise.
 */
function firstSplit(
  { from, nodes }: { readonly from: number; readonly nodes: number },
  has: (counts: ReadonlyMap<string, number>) => boolean,
): ReadonlyMap<string, number> {
  let splits = 0;
  for (let seed = from; splits < SPLITS_MAX; seed += 1) {
    if (drawPlan(seed, nodes).split === undefined) continue;
    splits += 1;
    const { failure, counts } = runSeed({ seed, nodes, crypto: "stub" });
    expect(failure, `seed ${seed}`).toBeUndefined();
    const found = new Map(counts);
    if (has(found)) return found;
  }
  throw new Error(`of ${SPLITS_MAX} seeds from ${from} on with a split, none has the property`);
}

describe("a seed of the simulator", { timeout: 240_000 }, () => {
  test("the same seed gives the same run, count for count", () => {
    const run = { seed: 5, nodes: 5, crypto: "stub" } as const;
    const first = runSeed(run);
    expect(first.failure).toBeUndefined();
    expect(runSeed(run)).toEqual(first);
  });

  test("whoever lies or is gone holds at most f together, in every plan", () => {
    for (let seed = 0; seed < 2_000; seed += 1) {
      const plan = drawPlan(seed, 4 + (seed % 7));
      const gone = plan.faults.flatMap((fault) => (fault.kind === "gone" ? [fault.node] : []));
      const faulty = new Set([...plan.liars.map(({ node }) => node), ...gone]);
      const power = [...faulty].reduce((sum, node) => sum + (plan.powers[node] ?? 0n), 0n);
      const total = plan.powers.reduce((sum, each) => sum + each, 0n);
      expect(power, `seed ${seed}`).toBeLessThanOrEqual(faultyPowerMax(total));
      const isAlone = plan.thief !== undefined || plan.split !== undefined;
      if (isAlone) expect(faulty.size, `seed ${seed}`).toBe(0);
    }
  });

  test("rule SPLIT: where binaries differ, neither side is a quorum, and a quorum approves", () => {
    let splits = 0;
    for (let seed = 0; seed < 2_000; seed += 1) {
      const { split, powers } = drawPlan(seed, 4 + (seed % 7));
      if (split === undefined) continue;
      splits += 1;
      const all = powers.reduce((sum, power) => sum + power, 0n);
      const powerOf = (nodes: readonly number[]) =>
        nodes.reduce((sum, node) => sum + (powers[node] ?? 0n), 0n);
      const odd = powerOf(split.odd);
      expect(odd * 3n <= all * 2n && (all - odd) * 3n <= all * 2n, `seed ${seed}`).toBe(true);
      expect(powerOf(split.approve) * 3n > all * 2n, `seed ${seed}`).toBe(true);
    }
    expect(splits).toBeGreaterThan(100);
  });

  test("rule SPLIT: a seed whose binaries differ is repaired, and goes on above the void", () => {
    const counts = firstSplit({ from: 69, nodes: 4 }, (each) => each.get("splits repaired") === 1);
    expect(counts.get("fault: split")).toBe(1);
  });

  test("rule SPLIT: where a swap leaves the others a quorum, the wrong binaries stop and follow", () => {
    const counts = firstSplit({ from: 2_244, nodes: 5 }, (each) => {
      const stopped = each.get("halted: a binary that differs") ?? 0;
      return stopped > 0 && each.get("splits repaired") === undefined;
    });
    expect(counts.get("fault: split")).toBe(1);
  });

  test("--nodes A..B gives each seed a number of its own, the same in every range of seeds", () => {
    const nodes = (seeds: string) => {
      const options = readOptions(["--seeds", seeds, "--nodes", "4..10"]);
      return new Map(options && [...runsOf(options)].map((run) => [run.seed, run.nodes]));
    };
    const many = nodes("0..999");
    expect(nodes("321").get(321)).toBe(many.get(321));
    expect(new Set(many.values())).toEqual(new Set([4, 5, 6, 7, 8, 9, 10]));
  });

  test("args: a range outside 4 to 10 members, or backwards, is refused", () => {
    expect(() => readOptions(["--nodes", "4..11"])).toThrow("from 4 to 10");
    expect(() => readOptions(["--nodes", "7..4"])).toThrow("below");
    expect(() => readOptions(["--seeds", "1..2", "--trace"])).toThrow("single seed");
  });
});

describe("rule arms", () => {
  test("every refusal of the vote rule and of the ledger is an arm, hit by its own count alone", () => {
    const names = allArms().map(({ name }) => name);
    expect(names).toContain("consensus/vote-rule.ts LANE_GAP block.cut");
    expect(names).toContain("ledger/rotation.ts NOT_SILENT member");
    expect(names).toContain("margin/orders.ts TOO_MANY_ORDERS clientId");
    expect(new Set(names).size).toBe(names.length);
    const counted = new Map([
      ["peer: LANE_GAP block.cut", 1],
      ["client: NOT_SILENT", 2],
      ["evidence accepted: E7", 1],
    ]);
    const { hit, all, never } = reportArms(counted);
    expect(hit).toBe(3);
    expect(all).toBe(names.length);
    expect(never).not.toContain("consensus/vote-rule.ts LANE_GAP block.cut");
    expect(never).toContain("consensus/vote-rule.ts HEIGHT_GAP block.height");
  });
});
