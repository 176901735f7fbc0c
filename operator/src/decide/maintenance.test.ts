import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Actor,
  isoOf,
  keyOf,
  NOW_MS,
  observe,
  ownerWish,
  rotation,
  type Scene,
  SILENT,
  setHashOf,
} from "../../test/scene.ts";
import type { ValidatorSetSpec } from "../api/v1alpha1/types.ts";
import { detect } from "../detect/detect.ts";
import { decide } from "./decide.ts";
import { maintenanceOf } from "./maintenance.ts";

type Work = NonNullable<ValidatorSetSpec["maintenance"]>[number];

function work(more: Partial<Work>): Work {
  return { reason: "new disks", until: isoOf(NOW_MS + 60_000), ...more };
}

function decided(scene: Partial<Scene>) {
  const observation = observe(scene);
  return decide(observation, detect(observation));
}

function spec(...maintenance: readonly Work[]): Partial<ValidatorSetSpec> {
  return { maintenance };
}

const actors: readonly Partial<Actor>[] = [SILENT, {}, {}, {}];

describe("rule S1: a member that a person announced as away", () => {
  test.each([
    ["by name", work({ member: "val-0" })],
    ["by zone", work({ zone: "zone-0" })],
  ])("%s is not rotated for its silence", (_, entry) => {
    const { plan, refusals } = decided({ actors, spec: spec(entry) });
    expect(plan).toBeUndefined();
    expect(refusals).toMatchObject([{ rule: "S1", reason: "InMaintenance", member: keyOf(0) }]);
    expect(refusals[0]?.message).toContain("val-0 is in maintenance: new disks, until 20");
  });

  test("is rotated again once the time is over, or the entry is about another one", () => {
    for (const entry of [
      work({ member: "val-0", until: isoOf(NOW_MS) }),
      work({ member: "val-0", until: "soon" }),
      work({ member: "val-1" }),
      work({ zone: "zone-1" }),
    ]) {
      const scene = { actors: [SILENT, {}, {}, {}, {}, {}, {}], spec: spec(entry) };
      expect(decided(scene).plan?.member).toBe(keyOf(0));
    }
  });

  test("is rotated for misconduct and by its owner's signature", () => {
    const away = spec(work({ member: "val-0" }));
    const proven = decided({ actors: [{ proven: true }, {}, {}, {}], spec: away });
    expect(proven.plan).toMatchObject({ cause: "Misconduct", member: keyOf(0) });
    const signed = rotation("wish", ownerWish({ setHash: setHashOf([{}, {}, {}, {}]) }));
    const wished = decided({ actors: [{}, {}, {}, {}], spec: away, rotations: [signed] });
    expect(wished.plan).toMatchObject({ cause: "Owner", member: keyOf(0) });
  });

  test("spends the fault budget though it is up: no second seat is rotated beside it", () => {
    const scene = { actors: [{}, SILENT, {}, {}], spec: spec(work({ member: "val-0" })) };
    const { plan, budget, refusals } = decided(scene);
    expect(plan).toBeUndefined();
    expect(refusals.map(({ reason }) => reason)).toContain("FaultBudgetSpent");
    expect(budget).toMatchObject({ used: "2000000", free: "0" });
    const quiet = decided({ actors: [{}, {}, {}, {}], spec: scene.spec });
    expect(quiet.budget).toMatchObject({ used: "1000000", seats: 0 });
  });

  test("together with others never holds more than f: then it counts for none of them", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.bigInt({ min: 1n, max: 4n }), fc.boolean()), {
          minLength: 4,
          maxLength: 10,
        }),
        (seats) => {
          const entries = seats.flatMap(([, isAway], at) =>
            isAway ? [work({ member: `val-${at}` })] : [],
          );
          const observation = observe({
            actors: seats.map(([power]) => ({ power })),
            spec: spec(...entries),
          });
          const total = seats.reduce((sum, [power]) => sum + power, 0n);
          const power = seats.reduce((sum, [each, isAway]) => (isAway ? sum + each : sum), 0n);
          const f = total - ((2n * total) / 3n + 1n);
          const { away, problem } = maintenanceOf(observation);
          expect(away.length).toBe(power > f ? 0 : entries.length);
          expect(problem?.reason).toBe(power > f ? "MaintenanceAboveF" : undefined);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test.each([
    [work({ member: "val-9" }), "spec.maintenance.member: val-9 is none of val-0, val-1"],
    [work({ zone: "nowhere" }), "spec.maintenance.zone: nowhere is none of zone-0, zone-1"],
  ])("that is not there is told by field, with those that are", (entry, message) => {
    const { away, problem } = maintenanceOf(observe({ spec: spec(entry) }));
    expect(away).toEqual([]);
    expect(problem).toMatchObject({ reason: "MaintenanceUnknown" });
    expect(problem?.message).toContain(message);
  });

  test("of a chain that is not verified is nobody", () => {
    const reading = { kind: "unreachable", message: "no" } as const;
    const scene = { reading, spec: spec(work({ member: "val-0" })) };
    expect(maintenanceOf(observe(scene))).toEqual({ away: [] });
  });
});
