import { describe, expect, test } from "vitest";
import type { Deployment } from "./api-types.ts";
import { rolloutStep, type SetCounts } from "./rollout.ts";

const deployment = (replicas: number, strategy?: object): Deployment =>
  ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "d" },
    spec: { replicas, strategy },
  }) as Deployment;
const counts = (wanted: number, ready = wanted): SetCounts => ({ wanted, replicas: wanted, ready });

describe("rollout", () => {
  test("Recreate: the new one waits until the last old pod is gone", () => {
    const recreate = deployment(1, { type: "Recreate" });
    const old = [counts(1)];
    const waiting = rolloutStep(recreate, { current: counts(0), old, oldPodsLeft: 1 });
    expect(waiting).toEqual({ current: 0, old: [0] });
    const gone = rolloutStep(recreate, { current: counts(0), old: [counts(0)], oldPodsLeft: 0 });
    expect(gone.current).toBe(1);
  });

  test("rolling: never more than the surge, never fewer ready than allowed, and it ends", () => {
    const rolling = deployment(4, {
      type: "RollingUpdate",
      rollingUpdate: { maxSurge: 1, maxUnavailable: 1 },
    });
    let current = counts(0);
    let old = counts(4);
    let steps = 0;
    while (old.wanted > 0 || current.wanted < 4) {
      const step = rolloutStep(rolling, { current, old: [old], oldPodsLeft: old.replicas });
      const ready = Math.min(current.ready, step.current) + (step.old[0] ?? 0);
      expect(step.current + (step.old[0] ?? 0)).toBeLessThanOrEqual(5);
      expect(ready).toBeGreaterThanOrEqual(3);
      current = counts(step.current);
      old = counts(step.old[0] ?? 0);
      steps += 1;
      expect(steps).toBeLessThan(10);
    }
  });

  test("an unready old pod is taken first", () => {
    const step = rolloutStep(deployment(2), {
      current: counts(0),
      old: [counts(2, 0)],
      oldPodsLeft: 2,
    });
    expect(step.old).toEqual([0]);
  });
});
