import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { observe, rotation, type Scene, SILENT } from "../../test/scene.ts";
import { decide } from "../decide/decide.ts";
import { detect } from "../detect/detect.ts";
import { createOperatorMetrics, forgetAllSets, PassMetrics } from "./metrics.ts";
import type { Pass } from "./pass.ts";

const SET = { namespace: "ns", set: "set" };

/** What of a pass the metrics look at. */
function passOf(scene: Partial<Scene>): Pass {
  const observation = observe(scene);
  const findings = detect(observation);
  const parts = {
    observed: { observation },
    findings,
    decision: decide(observation, findings),
    birth: { phase: "Alive" },
    rotations: [],
  };
  return parts as unknown as Pass;
}

function world() {
  const registry = new Registry();
  const metrics = createOperatorMetrics(registry);
  const told = new PassMetrics(metrics);
  return {
    metrics,
    told,
    pass: (scene: Partial<Scene>) => told.record(SET, passOf(scene), new Map([["Voter", 4]])),
    lines: async (name: string): Promise<readonly string[]> => {
      const text = await registry.getSingleMetricAsString(name);
      return text.split("\n").filter((line) => !line.startsWith("#") && line !== "");
    },
  };
}

const silent: readonly Partial<Scene["actors"][number]>[] = [SILENT, {}, {}, {}];

test("budget, last decision and findings are those of the last pass, and of no other", async () => {
  const { pass, lines } = world();
  pass({ actors: silent });
  const budget = async (name: string) =>
    (await lines(`quorate_operator_fault_budget_${name}`)).join().split("} ")[1];
  const values = await Promise.all(
    ["micro_usd", "used_micro_usd", "free_micro_usd", "free_seats"].map(budget),
  );
  expect(values).toEqual(["1333333", "1000000", "333333", "0"]);
  expect((await lines("quorate_operator_last_decision")).join()).toContain('verdict="Silence"');
  const findings = await lines("quorate_operator_verdicts");
  expect(findings.join()).toContain('kind="Silence",certainty="Confirmed"} 1');
  pass({});
  expect(await lines("quorate_operator_last_decision")).toEqual([
    'quorate_operator_last_decision{namespace="ns",set="set",verdict="Healthy",rule=""} 1',
  ]);
  expect(await lines("quorate_operator_verdicts")).toEqual([]);
});

test("a rotation that was sent is under way until its phase says otherwise", async () => {
  const { pass, lines } = world();
  const name = "quorate_operator_rotations_under_way";
  const at = (phase: string, value: number) =>
    `${name}{namespace="ns",set="set",phase="${phase}"} ${value}`;
  pass({ rotations: [rotation("one", {}, { phase: "Submitted" })] });
  expect(await lines(name)).toEqual([at("Submitted", 1), at("Effective", 0)]);
  pass({ rotations: [rotation("one", {}, { phase: "Replaced" })] });
  expect(await lines(name)).toEqual([at("Submitted", 0), at("Effective", 0)]);
});

test("a set that is gone, and an operator that leads no longer, leave no gauge behind", async () => {
  const gauges = ["held", "last_decision", "last_decision_timestamp_seconds", "members"];
  for (const end of ["set", "term"] as const) {
    const { pass, lines, told, metrics } = world();
    pass({ spec: { paused: true } });
    expect((await lines("quorate_operator_held")).join()).toContain('reason="Paused"} 1');
    if (end === "set") told.forget(SET);
    else forgetAllSets(metrics);
    for (const gauge of gauges) expect(await lines(`quorate_operator_${gauge}`), gauge).toEqual([]);
  }
});
