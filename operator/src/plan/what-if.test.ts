import type { ConfigMap, Service } from "@quorate/runtime/resources";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { Stage } from "../../test/stage.ts";
import type { ValidatorSetSpec } from "../api/v1alpha1/types.ts";
import { outlookOf } from "./outlook.ts";
import type { SetRecord } from "./set-record.ts";
import { whatIf, zoneOf } from "./what-if.ts";

const KEY = { namespace: "ns", name: "s" };

/** A living set of four and a spare, as a real reconciler left it at the API server. */
async function born(spec: Partial<ValidatorSetSpec> = {}): Promise<Stage> {
  const stage = new Stage(spec);
  await stage.born();
  return stage;
}

function recordOf({ cluster }: Stage, spec: Partial<ValidatorSetSpec> = {}): SetRecord {
  const set = cluster.set(KEY);
  if (set === undefined) throw new Error("no set");
  // Each pod on a machine of its own, as a scheduler binds them.
  const pods = cluster.objects(KEY).pods.map((pod, index) => ({
    ...pod,
    spec: { ...pod.spec, nodeName: `m-${index + 1}` },
  })) as SetRecord["pods"];
  return {
    set: { ...set, spec: { ...set.spec, ...spec } },
    rotations: cluster.rotations(KEY),
    services: cluster.all<Service>("Service"),
    pods,
    nodes: cluster.machines,
    genesis: cluster.find<ConfigMap>("ConfigMap", "s-genesis"),
  };
}

let stage: Stage;
let record: SetRecord;
let nowMs: number;

beforeAll(async () => {
  stage = await born();
  record = recordOf(stage);
  nowMs = Date.parse(record.set.status?.checkpoint.time ?? "") + 1_000;
});

const ask = (fail: readonly string[], zones: readonly string[] = [], over = record) =>
  whatIf(over, { nowMs, fail, zones });
const rulesOf = ({ decision }: ReturnType<typeof ask>) => decision.refusals.map(({ rule }) => rule);

describe("what if", () => {
  test("nothing fails, nothing is wanted", () => {
    const { decision, findings, failed } = ask([]);
    expect(findings.verdicts).toEqual([]);
    expect(findings.trust).toMatchObject({ trusted: true });
    expect(decision).toMatchObject({ plan: undefined, refusals: [] });
    expect(failed).toEqual([]);
  });

  test("one silent member is swapped; above f nothing is, and the chain's halt is named", () => {
    const names = ["s-0", "s-1", "s-2", "s-3"];
    fc.assert(
      fc.property(fc.subarray(names, { minLength: 1 }), (fail) => {
        const asked = ask(fail);
        const { plan } = asked.decision;
        if (fail.length > 1) {
          expect(plan).toBeUndefined();
          expect(rulesOf(asked)).toEqual(expect.arrayContaining(["S10", "S11"]));
          return;
        }
        const member = asked.observation.members.find(({ name }) => name === fail[0]);
        expect(plan).toMatchObject({ cause: "Silence", effect: "Swap" });
        expect(plan?.member).toBe(member?.consensusKey);
      }),
    );
  });

  test("it decides what the reconciler does when it happens", async () => {
    const real = await born();
    const before = recordOf(real);
    const clockMs = Date.parse(before.set.status?.checkpoint.time ?? "");
    const { decision } = whatIf(before, { nowMs: clockMs, fail: ["s-2"], zones: [] });
    const gone = real.cluster.find("Pod", "s-2")!;
    const key = before.services.find(({ metadata }) => metadata.name === "s-2")?.metadata
      .annotations?.["quorate.dev/consensus-key"];
    real.cluster.stored.delete("Pod/ns/s-2");
    real.deafMs.set(key ?? "", 60_000);
    real.chain.silentMs.set(key ?? "", 60_000);
    await real.pass();
    const [rotation] = real.cluster.rotations(KEY);
    expect(gone.metadata.name).toBe("s-2");
    expect(rotation?.spec).toMatchObject({
      cause: decision.plan?.cause,
      member: decision.plan?.member,
      setHash: decision.plan?.setHash,
    });
  });

  test("a zone takes all its members with it", () => {
    const { failed, observation } = ask([], ["zone-3"]);
    const inZone = observation.members.filter(
      (member) => zoneOf(member, observation.pods, observation.nodes) === "zone-3",
    );
    expect(failed).toEqual(inZone.map(({ name }) => name));
    expect(failed.length).toBeGreaterThan(0);
    expect(observation.nodes.filter(({ ready }) => !ready)).toMatchObject([{ zone: "zone-3" }]);
  });

  test.each([
    ["paused", { paused: true }, "S19"],
    ["Observe", { mode: "Observe" }, "S19"],
    ["Approve", { mode: "Approve" }, "APPROVE"],
  ] as const)("%s: says the rule that holds it back", (_, spec, rule) => {
    const asked = ask(["s-1"], [], recordOf(stage, spec));
    expect(asked.decision.plan).toBeUndefined();
    expect(rulesOf(asked)).toContain(rule);
  });

  test("a spare that fails with the member leaves nobody to come in", () => {
    const { decision } = ask(["s-1", "s-4"]);
    expect(decision.plan).toMatchObject({ effect: "Mute" });
  });

  test("blindness of now holds what is supposed as well", () => {
    const { set } = record;
    const conditions = set.status!.conditions.map((each) =>
      each.type === "SignalsTrusted"
        ? { ...each, status: "False" as const, reason: "ContradictsChain", message: "a lie" }
        : each,
    );
    const blind = { ...record, set: { ...set, status: { ...set.status!, conditions } } };
    const asked = ask(["s-1"], [], blind);
    expect(rulesOf(asked)).toContain("S9");
    expect(asked.decision.plan).toBeUndefined();
  });

  test("before birth and without a verified set nothing is decided", () => {
    const { set } = record;
    const { status: _, ...bare } = set;
    const unborn = ask([], [], { ...record, set: bare, genesis: undefined });
    expect(unborn.observation.chain).toEqual({ kind: "unborn" });
    const broken = { ...set.status!, checkpoint: { epoch: 1, set: "00", time: "" } };
    const asked = ask(["s-1"], [], { ...record, set: { ...set, status: broken } });
    expect(asked.observation.chain).toMatchObject({ kind: "unreachable" });
    expect(rulesOf(asked)).toContain("VERIFIED-READ");
  });

  test("a checkpoint beyond the trust period holds everything", () => {
    const late = whatIf(record, { nowMs: nowMs + 25 * 3_600_000, fail: ["s-1"], zones: [] });
    expect(late.observation.chain).toMatchObject({ kind: "checkpoint-expired" });
    expect(late.decision.plan).toBeUndefined();
  });
});

describe("outlook", () => {
  const crowded = () => {
    // The spare's pod runs on the machine of a member that stays.
    const home = record.pods.find(({ metadata }) => metadata.name === "s-0")?.spec?.nodeName;
    const pods = record.pods.map((pod) =>
      pod.metadata.name === "s-4" ? { ...pod, spec: { ...pod.spec, nodeName: home } } : pod,
    );
    return { ...record, pods } as SetRecord;
  };
  const newcomersOf = (over: SetRecord) => outlookOf(ask(["s-1"], [], over))?.newcomers;

  test("names the spare and the zones that the seat leaves and enters", () => {
    expect(newcomersOf(record)).toMatchObject([
      { name: "s-4", leaves: "zone-2", enters: "zone-5", safe: true },
    ]);
  });

  test("rule S8: says that a domain would hold more than f with the spare in the seat", () => {
    expect(newcomersOf(crowded())).toMatchObject([{ enters: "zone-1", safe: false }]);
    expect(newcomersOf(crowded())?.[0]?.message).toContain("zone zone-1 holds 2 voters");
  });

  test("the chain goes on with at most f silent, and nobody comes in above it", () => {
    expect(outlookOf(ask([]))).toEqual({ chainGoesOn: true, newcomers: [] });
    expect(outlookOf(ask(["s-1"]))?.chainGoesOn).toBe(true);
    expect(outlookOf(ask(["s-1", "s-2"]))).toEqual({ chainGoesOn: false, newcomers: [] });
  });

  test("without a fit spare no seat changes hands", () => {
    expect(outlookOf(ask(["s-1", "s-4"]))?.newcomers).toEqual([]);
  });

  test("an unborn chain has none", () => {
    const { status: _, ...bare } = record.set;
    const unborn = { ...record, set: bare, genesis: undefined };
    expect(outlookOf(ask([], [], unborn))).toBeUndefined();
  });
});
