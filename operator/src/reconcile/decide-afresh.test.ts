import type { KubeClient } from "@quorate/runtime/kube-client";
import { describe, expect, test } from "vitest";
import { keyOf, observe, SILENT, setHashOf } from "../../test/scene.ts";
import type { ValidatorRotation, ValidatorSet } from "../api/v1alpha1/types.ts";
import type { Observed } from "../observe/observe.ts";
import { decideAfresh } from "./decide-afresh.ts";

const actors = [SILENT, {}, {}, {}];
const observation = observe({ actors });

function observedOf(): Observed {
  const checkpoint = { checkpoint: "", checkpointEpoch: 0, checkpointTimeMs: 0 };
  const genesis = { kind: "absent" } as const;
  return { observation, objects: [], genesis, request: undefined, checkpoint, identities: [] };
}

/** What the API server has; the copies of the observation know nothing of it. */
function serverWith(set: ValidatorSet | undefined, rotations: readonly ValidatorRotation[]) {
  let asked = 0;
  const kube = {
    get: () => {
      asked += 1;
      return Promise.resolve(set);
    },
    list: () => Promise.resolve(rotations),
  } as unknown as KubeClient;
  return { kube, asked: () => asked };
}

const decideWith = async (
  set: ValidatorSet | undefined,
  more: { readonly rotations?: readonly ValidatorRotation[]; readonly leads?: boolean } = {},
) => {
  const { kube } = serverWith(set, more.rotations ?? []);
  const sources = { kube, leads: () => more.leads ?? true };
  return (await decideAfresh(sources, observedOf())).decision;
};

function changed(change: Partial<ValidatorSet["spec"]>): ValidatorSet {
  return { ...observation.set, spec: { ...observation.set.spec, ...change } };
}

describe("before anything is sent", () => {
  test("the rules are asked again of what the API server has, and the plan stands", async () => {
    const { plan } = await decideWith(observation.set);
    expect(plan).toMatchObject({ cause: "Silence", member: keyOf(0) });
  });

  test("rule S19: a pause or a mode that no watch has told yet is seen", async () => {
    const paused = await decideWith(changed({ paused: true }));
    expect(paused).toMatchObject({ plan: undefined });
    expect(paused.refusals.map(({ reason }) => reason)).toContain("Paused");
    expect(await decideWith(changed({ mode: "Observe" }))).toMatchObject({ plan: undefined });
  });

  test("rule S16: a rotation that no watch has told yet is in flight", async () => {
    const rotation = {
      metadata: { namespace: "test", name: "val-e1-other" },
      spec: { set: "val", cause: "Silence", member: keyOf(1), setHash: setHashOf(actors) },
      status: { phase: "Submitted", initiator: "Operator", times: {}, rules: [] },
    } as unknown as ValidatorRotation;
    const decision = await decideWith(observation.set, { rotations: [rotation] });
    expect(decision.plan).toBeUndefined();
    expect(decision.refusals.map(({ reason }) => reason)).toContain("RotationInFlight");
  });

  test("rule S10: a lease that was lost since the observation is seen", async () => {
    const decision = await decideWith(observation.set, { leads: false });
    expect(decision.plan).toBeUndefined();
    expect(decision.refusals.map(({ reason }) => reason)).toContain("LeaseStale");
  });

  test("a set that goes away, or another one of its name, is not acted on", async () => {
    expect((await decideWith(undefined)).plan).toBeUndefined();
    const { metadata } = observation.set;
    const going = { ...metadata, deletionTimestamp: "2026-01-01T00:00:00Z" };
    for (const other of [going, { ...metadata, uid: "another" }]) {
      const set = { ...observation.set, metadata: other };
      expect((await decideWith(set)).plan).toBeUndefined();
    }
  });

  test("where nothing is wanted the API server is not asked", async () => {
    const { kube, asked } = serverWith(undefined, []);
    const quiet = { ...observedOf(), observation: observe({}) };
    const { decision } = await decideAfresh({ kube, leads: () => true }, quiet);
    expect(decision.plan).toBeUndefined();
    expect(asked()).toBe(0);
  });
});
