import { describe, expect, test } from "vitest";
import { drawFaultPlan, SOURCES } from "./fault-plan.ts";

describe("fault plan", () => {
  test("the same seed draws the same plan, another seed another", () => {
    expect(drawFaultPlan(7, 340)).toEqual(drawFaultPlan(7, 340));
    const plans = Array.from({ length: 20 }, (_, seed) => drawFaultPlan(seed, 340));
    const distinct = new Set(
      plans.map((plan) => plan.faults.map(({ notBeforeTick }) => notBeforeTick).join()),
    );
    expect(distinct.size).toBeGreaterThan(15);
  });

  test("each fault strikes another validator, and none the false reporter", () => {
    for (let seed = 0; seed < 200; seed += 1) {
      const { faults, falseReporter, sources } = drawFaultPlan(seed, 340);
      expect(new Set(faults.map(({ kind }) => kind)).size).toBe(3);
      expect(new Set([falseReporter, ...faults.map(({ validator }) => validator)]).size).toBe(4);
      const moments = faults.map(({ notBeforeTick }) => notBeforeTick);
      expect(moments).toEqual(moments.toSorted((left, right) => left - right));
      expect(moments.at(-1)).toBeLessThan(340 * 0.8);
      expect(sources).toHaveLength(SOURCES);
    }
  });

  test("at most one price source is out at a time", () => {
    for (let seed = 0; seed < 200; seed += 1) {
      const outages = drawFaultPlan(seed, 340).sources.flatMap((source) => source.outages);
      const sorted = outages.toSorted((left, right) => left.fromTick - right.fromTick);
      for (const [at, outage] of sorted.entries()) {
        const next = sorted[at + 1];
        if (next !== undefined) expect(outage.toTick, `seed ${seed}`).toBeLessThan(next.fromTick);
      }
    }
  });
});
