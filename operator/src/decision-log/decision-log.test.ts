import type { Log } from "@quorate/runtime/log";
import { VirtualClock } from "@quorate/runtime/virtual-clock";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Actor, keyOf, observe, type Scene, SILENT } from "../../test/scene.ts";
import { Stage } from "../../test/stage.ts";
import { decide } from "../decide/decide.ts";
import { detect } from "../detect/detect.ts";
import {
  type DecisionLine,
  decisionLine,
  observationText,
  type PassRecord,
  replay,
} from "./decision-line.ts";
import { DecisionLog } from "./decision-log.ts";

const SET = { namespace: "ns", name: "val" };

function pass(scene: Partial<Scene> = {}): PassRecord {
  const observation = observe(scene);
  const findings = detect(observation);
  return { observation, findings, decision: decide(observation, findings) };
}

const silent = { actors: [SILENT, {}, {}, {}] };
const throughText = (line: DecisionLine): DecisionLine => JSON.parse(JSON.stringify(line));

function world() {
  const lines: DecisionLine[] = [];
  const warnings: object[] = [];
  const clock = new VirtualClock();
  const log: Log = {
    debug: () => undefined,
    info: (fields) => lines.push((fields as { decision: DecisionLine }).decision),
    warn: (fields) => warnings.push(fields),
    error: () => undefined,
  };
  return { log: new DecisionLog(log, clock), lines, warnings, clock };
}

const actor: fc.Arbitrary<Partial<Actor>> = fc.record({
  pod: fc.constantFrom<Actor["pod"]>("Ready", "Gone", "NotReady", "Crashed", "Terminating"),
  machine: fc.constantFrom<Actor["machine"]>("Ready", "Ready", "Down", "Cordoned"),
  chainSilent: fc.boolean(),
  msSilent: fc.nat(90_000),
  heardMs: fc.nat(90_000),
  proven: fc.constantFrom(false, false, true),
  muted: fc.boolean(),
  sample: fc.constantFrom<Actor["sample"]>("Fresh", "Fresh", "Stale", "Missing", "NaN"),
  equivocations: fc.nat(1),
  wrongRoots: fc.nat(1),
});

describe("the decision log", () => {
  test("whatever was seen, its line is decided on as the pass was", () => {
    const crowd = fc.array(actor, { minLength: 4, maxLength: 7 });
    fc.assert(
      fc.property(crowd, fc.boolean(), (actors, leaseIsFresh) => {
        const record = pass({ actors, leaseIsFresh });
        const { differs, decision } = replay(throughText(decisionLine(record)));
        expect(differs).toBeUndefined();
        expect(decision).toEqual(record.decision);
      }),
      { numRuns: 1_000 },
    );
  });

  test("another verdict, or another plan, is named by its field", () => {
    const line = throughText(decisionLine(pass(silent)));
    expect(replay(line).decision.plan).toMatchObject({ cause: "Silence", member: keyOf(0) });
    const other = decisionLine(pass());
    expect(replay({ ...line, decision: other.decision }).differs).toMatch(/^decision\./);
    expect(replay({ ...line, findings: other.findings }).differs).toMatch(/^findings\.verdicts/);
  });

  test("what decides otherwise is told at once, what flaps not with every pass, silence not for ever", async () => {
    const { log, lines, clock } = world();
    const note = async (record: PassRecord, waitMs: number) => {
      log.note(SET, record);
      await clock.advance(waitMs);
      return lines.length;
    };
    const quiet = pass();
    const held = pass({ leaseIsFresh: false });
    expect(await note(quiet, 5_000)).toBe(1);
    expect(await note(quiet, 5_000)).toBe(1);
    expect(await note(held, 5_000)).toBe(2);
    expect(await note(quiet, 5_000)).toBe(2);
    expect(await note(quiet, 1_000)).toBe(3);
    // What may act is never left out.
    expect(await note(pass(silent), 1_000)).toBe(4);
    expect(await note(pass(silent), 1_000)).toBe(5);
    expect(await note(quiet, 600_000)).toBe(5);
    expect(await note(quiet, 599_000)).toBe(6);
    expect(await note(quiet, 1_000)).toBe(6);
    expect(await note(quiet, 0)).toBe(7);
    log.forget(SET);
    expect(await note(quiet, 0)).toBe(8);
  });

  test("a line of a hundred members is short enough for a log", () => {
    const actors = Array.from({ length: 100 }, () => ({}));
    const record = pass({ actors, spec: { replicas: 100, faultTolerance: 33 } });
    const line = decisionLine(record);
    expect(JSON.stringify(line).length).toBeLessThan(200_000);
    expect(replay(throughText(line)).differs).toBeUndefined();
  });

  test("what cannot be written down stops no pass, and is told", () => {
    const { log, lines, warnings } = world();
    class Foreign {}
    const record = pass();
    const observation = { ...record.observation, nodes: new Foreign() as never };
    log.note(SET, { ...record, observation });
    expect(lines).toEqual([]);
    expect(warnings).toHaveLength(1);
  });

  test("what no rule looks at is not told: price sources, earlier manifests, field managers", () => {
    const { observation, ...record } = pass();
    const annotations = {
      "kubectl.kubernetes.io/last-applied-configuration": "told-a",
      "quorate.dev/machines-gone": "m-9",
    };
    const metadata = { ...observation.set.metadata, annotations, managedFields: ["told-b"] };
    const priceSources = { default: [{ url: "https://user:told-c@prices" }] };
    const set = { ...observation.set, metadata };
    const seen = { ...observation, set, priceSources } as typeof observation;
    const text = observationText(decisionLine({ ...record, observation: seen }));
    expect(text).not.toContain("told-");
    expect(text).toContain("m-9");
  });

  test("a reconciler's passes replay, and hold no Secret's content", async () => {
    const stage = new Stage();
    await stage.born();
    await stage.passes(3);
    expect(stage.decisions.length).toBeGreaterThan(1);
    for (const text of stage.decisions) {
      const { decision } = JSON.parse(text) as { decision: DecisionLine };
      expect(replay(decision).differs).toBeUndefined();
      expect(observationText(decision)).not.toContain("PRIVATE KEY");
      expect(observationText(decision)).not.toContain("managedFields");
    }
  });
});
