import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Actor,
  indexOf,
  keyOf,
  observe,
  PROMETHEUS,
  type Scene,
  SILENCE_MS,
  SILENT,
} from "../../test/scene.ts";
import type { PeersReading } from "../observe/observation.ts";
import { detect } from "./detect.ts";

const runs = { numRuns: 300 };
const powers = fc.array(fc.bigInt({ min: 1n, max: 3n }), { minLength: 4, maxLength: 7 });

/** f of the dumb model: the largest power with 3f < W. */
function fOf(list: readonly bigint[]): bigint {
  const total = list.reduce((sum, power) => sum + power, 0n);
  return (total - 1n) / 3n;
}

const find = (scene: Partial<Scene>) => detect(observe(scene));
const confirmed = (scene: Partial<Scene>, kind: string) =>
  find(scene)
    .verdicts.filter((verdict) => verdict.kind === kind && verdict.certainty === "Confirmed")
    .map(({ member }) => indexOf(member));

describe("silence", () => {
  test("rule S7: silence is confirmed by the chain's record and observers of f+1, no other way", () => {
    const signals = fc.subarray(["Chain", "Peers", "Kubernetes"] as const, { minLength: 1 });
    const deaf = fc.array(fc.boolean(), { minLength: 7, maxLength: 7 });
    fc.assert(
      fc.property(
        powers,
        fc.boolean(),
        deaf,
        fc.constantFrom<Actor["pod"]>("Ready", "Gone", "NotReady"),
        signals,
        (list, chainSilent, deafened, pod, used) => {
          const heardBy = new Map(
            list.map((_, index) => [index, deafened[index] ? SILENCE_MS : 100]),
          );
          const accused: Partial<Actor> = {
            chainSilent,
            msSilent: chainSilent ? SILENCE_MS + 500 : 300,
            heardBy,
            pod,
          };
          const actors = list.map((power, index) => ({ power, ...(index === 0 ? accused : {}) }));
          const peers = list.reduce(
            (sum, power, index) => (index > 0 && deafened[index] ? sum + power : sum),
            0n,
          );
          const heard = !used.includes("Peers") || peers <= fOf(list);
          const expected = used.includes("Chain") && chainSilent && !heard;
          expect(confirmed({ actors, healing: { signals: used } }, "Silence")).toEqual(
            expected ? [0] : [],
          );
        },
      ),
      runs,
    );
  });

  test("rule S7: the accused is no observer of itself", () => {
    // Alone it holds more than f together with one honest member.
    const heardBy = new Map([
      [0, SILENCE_MS],
      [1, SILENCE_MS],
    ]);
    const accused = { chainSilent: true, msSilent: SILENCE_MS, heardBy };
    expect(confirmed({ actors: [accused, {}, {}, {}] }, "Silence")).toEqual([]);
  });

  test("rule S7: a member that every peer hears is not silent, though its pod is not ready", () => {
    const accused = { chainSilent: true, msSilent: SILENCE_MS + 1_000, heardMs: 100 };
    for (const pod of ["NotReady", "Gone"] as const) {
      const actors = [{ ...accused, pod }, {}, {}, {}];
      expect(confirmed({ actors }, "Silence")).toEqual([]);
      expect(find({ actors }).verdicts.find(({ kind }) => kind === "Silence")).toMatchObject({
        certainty: "Suspected",
        signals: [{ kind: "Chain" }, { kind: "Kubernetes" }],
      });
    }
  });

  test("one kind alone is a suspicion", () => {
    const actors = [{ chainSilent: true, msSilent: SILENCE_MS }, {}, {}, {}];
    const [verdict] = find({ actors }).verdicts;
    expect(verdict).toMatchObject({ kind: "Silence", certainty: "Suspected", member: keyOf(0) });
    expect(verdict?.signals.map(({ kind }) => kind)).toEqual(["Chain"]);
  });

  test("a pod that is not ready is no word about silence", () => {
    const kinds = find({ actors: [{ pod: "NotReady" }, {}, {}, {}] }).verdicts;
    expect(kinds.map(({ kind, certainty }) => [kind, certainty])).toEqual([
      ["Unreachable", "Suspected"],
    ]);
  });
});

describe("misconduct", () => {
  test("rule S6: a counter only suspects, a verified proof confirms", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(5), fc.boolean()), { minLength: 4, maxLength: 7 }),
        (list) => {
          const actors = list.map(([equivocations, proven]) => ({ equivocations, proven }));
          const expected = list.flatMap(([, proven], index) => (proven ? [index] : []));
          expect(confirmed({ actors }, "Misconduct")).toEqual(expected);
        },
      ),
      runs,
    );
  });

  test("a wrong root is confirmed by f+1 observers", () => {
    expect(confirmed({ actors: [{ wrongRoots: 1 }, {}, {}, {}] }, "WrongRoot")).toEqual([0]);
  });
});

describe("trust in the signals", () => {
  const blindness: readonly [string, (honest: PeersReading) => PeersReading][] = [
    [
      "PrometheusUnreachable",
      () => ({ kind: "blind", reason: "PrometheusUnreachable", message: "refused" }),
    ],
    [
      "PrometheusMalformed",
      () => ({ kind: "blind", reason: "PrometheusMalformed", message: "no JSON" }),
    ],
    ["PrometheusEmpty", () => ({ kind: "read", samples: [] })],
    ["PrometheusStale", (honest) => changed(honest, { ageMs: 15_001 })],
    ["PrometheusMalformed", (honest) => changed(honest, { certifiedHeight: undefined })],
    ["PrometheusMalformed", (honest) => changed(honest, { lastSeenMs: new Map() })],
    ["PrometheusStale", (honest) => changed(honest, { ageMs: -15_001 })],
    ["ContradictsChain", (honest) => changed(honest, { certifiedHeight: 99_999 })],
    ["ContradictsChain", (honest) => changed(honest, { certifiedHeight: 1 })],
  ];

  function changed(reading: PeersReading, change: object): PeersReading {
    if (reading.kind === "blind") return reading;
    return { kind: "read", samples: reading.samples.map((each) => ({ ...each, ...change })) };
  }

  const named = { spec: { prometheus: PROMETHEUS } };

  test("an honest set is trusted", () => {
    expect(find({}).trust).toMatchObject({ trusted: true, reason: "SignalsAgree" });
    expect(find({ ...named, actors: [SILENT, {}, {}, {}] }).trust.trusted).toBe(true);
  });

  test.each(blindness)("rule S9: %s is blindness, a scrape does not replace it", (reason, lie) => {
    expect(find({ ...named, prometheus: lie }).trust).toMatchObject({ trusted: false, reason });
  });

  test("rule S9: fewer fresh and whole observers than f+1 are not trusted", () => {
    const kinds = fc.constantFrom<Actor["sample"]>("Fresh", "Stale", "Missing", "NaN");
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.bigInt({ min: 1n, max: 3n }), kinds), { minLength: 4, maxLength: 7 }),
        (list) => {
          const actors = list.map(([power, sample]) => ({ power, sample }));
          const seen = list.reduce(
            (sum, [power, kind]) => (kind === "Fresh" ? sum + power : sum),
            0n,
          );
          const enough = seen > fOf(list.map(([power]) => power));
          expect(find({ actors }).trust.trusted).toBe(enough);
          expect(find({ actors, ...named }).trust.trusted).toBe(enough);
        },
      ),
      runs,
    );
  });

  test("rule S9: whoever calls a voting member silent contradicts the chain", () => {
    const claims = fc.array(fc.boolean(), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(claims, fc.integer({ min: 0, max: 60_000 }), (claimed, claimMs) => {
        const heardBy = new Map(claimed.map((lies, index) => [index, lies ? claimMs : 100]));
        const liars = claimed.filter((lies, index) => lies && index > 0).length;
        const trusted = liars < 2 || claimMs < SILENCE_MS;
        expect(find({ actors: [{ heardBy }, {}, {}, {}] }).trust.trusted).toBe(trusted);
      }),
      runs,
    );
  });

  test("rule S9: whoever hears a member that the chain counts silent for long contradicts it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40_000 }), fc.nat(60_000), (msSilent, heardMs) => {
        const chainSilent = msSilent >= SILENCE_MS;
        const actors = [{ chainSilent, msSilent, heardMs }, {}, {}, {}];
        const long = msSilent >= 2 * SILENCE_MS;
        const hears = 1_000 + heardMs < SILENCE_MS / 2;
        const { trusted } = find({ actors }).trust;
        if (chainSilent) expect(trusted).toBe(!(long && hears));
      }),
      runs,
    );
  });

  test("rule S9: a lie on the path that verdicts do not rest on is a lie as well", () => {
    const lie = (honest: PeersReading) => changed(honest, { certifiedHeight: 99_999 });
    expect(find({ ...named, scrape: lie }).trust.trusted).toBe(false);
  });

  test("rule S9: observers that tell of absurd heights blind only where they hold f+1", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.bigInt({ min: 1n, max: 3n }), fc.boolean()), {
          minLength: 4,
          maxLength: 7,
        }),
        fc.constantFrom(99_999, 1e9, Number.MAX_VALUE),
        (list, certifiedHeight) => {
          const lie = (honest: PeersReading): PeersReading =>
            honest.kind === "blind"
              ? honest
              : {
                  kind: "read",
                  samples: honest.samples.map((each, index) =>
                    list[index]?.[1] ? { ...each, certifiedHeight } : each,
                  ),
                };
          const actors = list.map(([power]) => ({ power }));
          const f = fOf(list.map(([power]) => power));
          const lying = list.reduce((sum, [power, lies]) => (lies ? sum + power : sum), 0n);
          for (const scene of [
            { actors, scrape: lie },
            { actors, ...named, prometheus: lie, scrape: lie },
          ]) {
            const { trust } = find(scene);
            expect(trust.trusted).toBe(lying <= f);
            if (!trust.trusted) expect(trust.reason).toBe("ContradictsChain");
            else expect(trust.message.includes("not heard")).toBe(lying > 0n);
          }
        },
      ),
      runs,
    );
  });

  test("rule S9: a liar about heights is not heard about others either", () => {
    const lie = (honest: PeersReading) =>
      honest.kind === "blind"
        ? honest
        : {
            kind: "read" as const,
            samples: honest.samples.map((each, index) =>
              index === 1 ? { ...each, certifiedHeight: 1e9 } : each,
            ),
          };
    const heardBy = new Map([
      [1, SILENCE_MS],
      [2, SILENCE_MS],
    ]);
    const accused = { chainSilent: true, msSilent: SILENCE_MS, heardBy };
    expect(confirmed({ actors: [accused, {}, {}, {}] }, "Silence")).toEqual([0]);
    expect(confirmed({ actors: [accused, {}, {}, {}], scrape: lie }, "Silence")).toEqual([]);
  });

  test("rule S9: one observer that is cut off from a member is no contradiction", () => {
    const heardBy = new Map([[1, 60_000]]);
    expect(find({ actors: [{ heardBy }, {}, {}, {}] }).trust.trusted).toBe(true);
  });
});
