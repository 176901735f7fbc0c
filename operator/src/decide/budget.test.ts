import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Actor, keyOf, observe, PROMETHEUS, rotation, type Scene } from "../../test/scene.ts";
import { detect } from "../detect/detect.ts";
import { disruptableSeats } from "./budget.ts";
import { decide } from "./decide.ts";

function disruptable(scene: Partial<Scene>): number {
  const observation = observe(scene);
  const findings = detect(observation);
  return disruptableSeats(observation, findings, decide(observation, findings));
}

const actor: fc.Arbitrary<Partial<Actor>> = fc.record({
  pod: fc.constantFrom<Actor["pod"]>("Ready", "Ready", "Ready", "Gone", "NotReady", "Terminating"),
  machine: fc.constantFrom<Actor["machine"]>("Ready", "Ready", "Down", "Cordoned"),
  chainSilent: fc.constantFrom(false, false, false, true),
});

describe("rule S1: what a drain may take", () => {
  test("rule S1: f without those that are ready and not to be counted on; a cordon spends nothing", () => {
    const crowd = fc.array(actor, { minLength: 4, maxLength: 10 });
    fc.assert(
      fc.property(crowd, (actors) => {
        const hasPod = ({ pod }: Partial<Actor>) => pod === "Ready";
        const seen = actors.map((each) => {
          return { ...each, isGone: each.machine === "Down" || each.chainSilent === true };
        });
        const hidden = seen.filter((each) => hasPod(each) && each.isGone).length;
        const gone = seen.filter((each) => !hasPod(each) || each.isGone).length;
        const f = Math.floor((actors.length - 1) / 3);
        const seats = disruptable({ actors });
        expect(seats).toBeLessThanOrEqual(Math.max(0, f - hidden));
        // Nothing is held while a quorum is in sight: then it is all that is left.
        if (gone <= f && actors.every(({ chainSilent }) => chainSilent !== true)) {
          expect(seats).toBe(f - hidden);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("rule S1: a seat that is on its way out is gone, and the strongest seats count", () => {
    const rotations = [rotation("r", { member: keyOf(1) }, { phase: "Submitted" })];
    expect(disruptable({ rotations })).toBe(0);
    const powers = [1n, 1n, 1n, 1n, 1n, 1n, 2n];
    // f is 2 of 8: two of the weak, or the strong one alone.
    expect(disruptable({ actors: powers.map((power) => ({ power })) })).toBe(1);
  });

  test("rule MANY: a set that joined lets go only what people agreed upon, and never more than f", () => {
    const joined = (share: number) => ({
      genesisHash: "c".repeat(64),
      joins: { endpoints: ["10.0.0.1:7002"], seats: 0, disruptable: share },
    });
    expect([0, 1, 2].map((share) => disruptable({ spec: joined(share) }))).toEqual([0, 1, 1]);
  });

  test("rule S9: blind, nothing may be drained", () => {
    expect(disruptable({})).toBe(1);
    const blind = { kind: "blind", reason: "PrometheusUnreachable", message: "" } as const;
    expect(disruptable({ spec: { prometheus: PROMETHEUS }, prometheus: () => blind })).toBe(0);
    expect(disruptable({ leaseIsFresh: false })).toBe(0);
  });
});
