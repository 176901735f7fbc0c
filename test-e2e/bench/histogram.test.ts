import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Histogram } from "./histogram.ts";

describe("histogram", () => {
  test("a percentile is never below the exact one, and at most 2 % above it", () => {
    const latencies = fc.array(fc.double({ min: 0.01, max: 100_000, noNaN: true }), {
      minLength: 1,
      maxLength: 300,
    });
    fc.assert(
      fc.property(latencies, fc.integer({ min: 1, max: 100 }), (values, percent) => {
        const histogram = new Histogram();
        for (const value of values) histogram.add(value);
        const sorted = values.toSorted((left, right) => left - right);
        const exact = sorted[Math.max(1, Math.ceil((percent / 100) * values.length)) - 1] ?? 0;
        const told = histogram.percentile(percent);
        // Told to 0.1 ms.
        expect(told).toBeGreaterThanOrEqual(exact - 0.051);
        expect(told).toBeLessThanOrEqual(exact * 1.02 + 0.051);
        expect(histogram.max).toBeCloseTo(sorted.at(-1) ?? 0, 0);
      }),
    );
  });

  test("without values everything is 0", () => {
    const histogram = new Histogram();
    expect([histogram.count, histogram.max, histogram.percentile(99)]).toEqual([0, 0, 0]);
  });
});
