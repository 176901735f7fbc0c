import { describe, expect, test } from "vitest";
import { observe } from "../../test/scene.ts";
import type { Condition } from "../api/v1alpha1/types.ts";
import { build } from "../build/build.ts";
import { detect } from "../detect/detect.ts";
import type { Observation } from "../observe/observation.ts";
import { disruptableSeats } from "./budget.ts";
import { decide } from "./decide.ts";
import { liquidationWave, WAVE_HOLD_MS } from "./margin-wave.ts";

/** Each observer's number of accounts that are being liquidated. */
function seen(accounts: readonly number[], sinceMs?: number): Observation {
  const observation = observe({ actors: accounts.map((liquidating) => ({ liquidating })) });
  if (sinceMs === undefined) return observation;
  const told: Condition = {
    type: "MarginCalm",
    status: "False",
    reason: "AccountsLiquidated",
    message: "",
    lastTransitionTime: new Date(observation.nowMs - sinceMs).toISOString(),
    observedGeneration: 1,
  };
  const status = { conditions: [told] } as unknown as Observation["set"]["status"];
  return { ...observation, set: { ...observation.set, status } as Observation["set"] };
}

const disruptable = (observation: Observation): number => {
  const findings = detect(observation);
  return disruptableSeats(observation, findings, decide(observation, findings));
};

describe("rule S18: voluntary acts wait for a liquidation wave", () => {
  test("rule S18: f+1 of the power have to see it", () => {
    expect(liquidationWave(seen([3, 0, 0, 0]))).toBeUndefined();
    expect(liquidationWave(seen([3, 2, 0, 0]))).toEqual({ accounts: 2, lastedMs: 0, holds: true });
    expect(disruptable(seen([0, 0, 0, 0]))).toBe(1);
    expect(disruptable(seen([3, 2, 0, 0]))).toBe(0);
  });

  test("rule S18: for at most ten minutes, whoever leads", () => {
    expect(disruptable(seen([1, 1, 1, 1], WAVE_HOLD_MS - 1))).toBe(0);
    expect(disruptable(seen([1, 1, 1, 1], WAVE_HOLD_MS))).toBe(1);
  });

  test("rule S18: no spare is scaled down meanwhile", () => {
    const fewer = (observation: Observation): Observation => {
      const spec = { ...observation.set.spec, spares: 0 };
      return { ...observation, set: { ...observation.set, spec } };
    };
    const spared = (accounts: readonly number[]) => {
      const observation = fewer(seen(accounts));
      const [first] = observation.members;
      if (first === undefined || observation.chain.kind !== "verified") throw new Error("scene");
      const { spares } = observation.chain.chain;
      const member = { ...first, name: "val-4", ordinal: 4, consensusKey: spares[0]?.key };
      return build({ ...observation, members: [...observation.members, member] }).services.some(
        ({ metadata }) => metadata.annotations?.["quorate.dev/retired"] === "true",
      );
    };
    expect(spared([0, 0, 0, 0])).toBe(true);
    expect(spared([1, 1, 0, 0])).toBe(false);
  });
});
