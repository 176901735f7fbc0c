import { describe, expect, test } from "vitest";
import { FinalityGap } from "./finality-gap.ts";
import { Latencies } from "./latencies.ts";

describe("finality gap", () => {
  test("the longest wait counts, also the one that still runs at the end", () => {
    const gap = new FinalityGap();
    for (const [height, at] of [
      [1, 0],
      [2, 100],
      [4, 700],
      [5, 800],
    ] as const) {
      gap.arrived(height, at);
    }
    expect([gap.longestMs, gap.longestAfterHeight, gap.certificates]).toEqual([600, 2, 4]);
    gap.end(5_000);
    expect([gap.longestMs, gap.longestAfterHeight]).toEqual([4_200, 5]);
  });

  test("before the first certificate there is no gap", () => {
    const gap = new FinalityGap();
    gap.end(9_000);
    expect(gap.longestMs).toBe(0);
  });
});

describe("latencies", () => {
  test("percentiles by nearest rank", () => {
    const latencies = new Latencies();
    expect(latencies.percentile(50)).toBe(0);
    for (let ms = 100; ms >= 1; ms -= 1) latencies.add(ms);
    expect([50, 90, 99, 100].map((p) => latencies.percentile(p))).toEqual([50, 90, 99, 100]);
  });
});
