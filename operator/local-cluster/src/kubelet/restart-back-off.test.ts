import { describe, expect, test } from "vitest";
import { goDuration, KUBELET_BACK_OFF, RestartBackOff } from "./restart-back-off.ts";

describe("restart back-off", () => {
  test("the first restart is immediate, then 10 s doubling to 5 min", () => {
    const backOff = new RestartBackOff();
    const waits = Array.from({ length: 8 }, () => backOff.next(1_000));
    expect(waits).toEqual([0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
  });

  test("a long life makes the next restart immediate again", () => {
    const backOff = new RestartBackOff();
    backOff.next(0);
    backOff.next(0);
    expect(backOff.next(KUBELET_BACK_OFF.soundMs)).toBe(0);
    expect(backOff.next(0)).toBe(10_000);
  });

  test("durations read as Go writes them", () => {
    expect([10_000, 80_000, 300_000].map(goDuration)).toEqual(["10s", "1m20s", "5m0s"]);
  });
});
