import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Network } from "../../test/consensus/network.ts";
import { finalityGaps, height } from "../../test/consensus/observations.ts";
import { setOf } from "../../test/consensus/stub-keys.ts";
import { PRODUCTION } from "../kernel/parameters.ts";
import type { ConsensusEvent } from "./effects.ts";
import { roundTimer, timerCause } from "./round-timer.ts";

const NAMES = ["a", "b", "c", "d"];
const BOUND_MS = 250 + 4 * 2_000;

function network(): Network {
  const set = setOf(1, Object.fromEntries(NAMES.map((name) => [name, 1n])));
  return new Network({ set, names: NAMES });
}

type Changed = Extract<ConsensusEvent, { readonly kind: "timer-changed" }>;

function changes(world: Network, name: string): readonly Changed[] {
  return world.node(name).effects.flatMap((effect) => {
    return effect.kind === "observe" && effect.event.kind === "timer-changed" ? [effect.event] : [];
  });
}

describe("R8, the round timer", { timeout: 60_000 }, () => {
  test("rule PACE: the timer is the pace and four times p99, bounded, and grows after two failures", () => {
    const { consensus } = PRODUCTION;
    const times = fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 256 });
    fc.assert(
      fc.property(times, fc.integer({ min: 0, max: 40 }), (measured, failures) => {
        const { baseMs } = roundTimer(consensus, measured, 0);
        const timeoutMs = (count: number) => roundTimer(consensus, measured, count).timeoutMs;
        expect(baseMs).toBeGreaterThanOrEqual(250 + 200);
        expect(baseMs).toBeLessThanOrEqual(250 + 2_000);
        expect([timeoutMs(0), timeoutMs(1)]).toEqual([baseMs, baseMs]);
        expect(timeoutMs(2)).toBe(Math.ceil(baseMs * 1.5));
        expect(timeoutMs(failures)).toBeGreaterThanOrEqual(baseMs);
        expect(timeoutMs(failures + 1)).toBeGreaterThanOrEqual(timeoutMs(failures));
        expect(timeoutMs(100)).toBeLessThanOrEqual(BOUND_MS);
      }),
    );
    expect(roundTimer(consensus, [], 100).timeoutMs).toBe(Math.ceil(450 * 1.5 ** 6));
    expect(roundTimer(consensus, [5_000], 100).timeoutMs).toBe(BOUND_MS);
  });

  test("a change is named by its cause", () => {
    const { consensus } = PRODUCTION;
    const quiet = roundTimer(consensus, [], 0);
    const grown = roundTimer(consensus, [], 3);
    expect(timerCause(quiet, grown)).toBe("failed-rounds");
    expect(timerCause(grown, quiet)).toBe("commit");
    expect(timerCause(quiet, roundTimer(consensus, [300], 0))).toBe("round-times");
  });

  test("every change of the timer is an event that follows the one before, within the bounds", () => {
    const world = network();
    world.start();
    world.run(3_000);
    expect(changes(world, "a")).toEqual([]);
    // Nobody hears a proposal: rounds fail by timeout certificates.
    world.delay = (_, __, { body }) => (body.kind === "proposal" ? undefined : 1);
    world.run(20_000);
    world.delay = () => 1;
    world.run(10_000);
    const seen = changes(world, "a");
    expect(seen.map(({ cause }) => cause)).toContain("failed-rounds");
    expect(seen.at(-1)?.cause).toBe("commit");
    for (const [index, { previousMs, nextMs }] of seen.entries()) {
      expect(nextMs).not.toBe(previousMs);
      expect(nextMs).toBeGreaterThanOrEqual(450);
      expect(nextMs).toBeLessThanOrEqual(BOUND_MS);
      expect(previousMs).toBe(seen[index - 1]?.nextMs ?? 450);
    }
    expect(seen.at(-1)?.nextMs).toBe(450);
  });

  test.each(["proposal", "vote"])(
    "R8: after many failed rounds a healed network commits within two base timers: %ss were lost",
    (lost) => {
      for (let moment = 0; moment < 8; moment += 1) {
        const world = network();
        world.start();
        world.run(3_000);
        // Timeouts are heard: rounds fail by certificates, and the timer grows to its bound.
        world.delay = (_, __, { body }) => {
          const kind = body.kind === "statement" ? body.signed.statement.kind : body.kind;
          return kind === lost ? undefined : 1;
        };
        world.run(40_000 + 611 * moment);
        const before = height(world.node("a"));
        world.delay = () => 1;
        expect(world.run(2 * 450, () => height(world.node("a")) > before)).toBe(true);
        expect(finalityGaps(world, { name: "a", ms: 10_000, longerThanMs: 500 })).toEqual([]);
      }
    },
  );

  test("R8: after a long loss of quorum the next commit comes within two base timers", () => {
    for (let moment = 0; moment < 8; moment += 1) {
      const world = network();
      world.start();
      world.run(3_000);
      const isCut = (name: string) => name === "a" || name === "b";
      world.delay = (from, to) => (isCut(from) === isCut(to) ? 1 : undefined);
      world.run(120_000 + 173 * moment);
      const before = height(world.node("a"));
      world.delay = () => 1;
      expect(world.run(2 * 450, () => height(world.node("a")) > before)).toBe(true);
    }
  });
});
