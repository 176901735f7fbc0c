import type { KubeObject } from "@quorate/runtime/objects";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memberView, observe } from "../../test/scene.ts";
import { build } from "../build/build.ts";
import { covers, diff, isEmpty } from "./diff.ts";

/** What an API server makes of an object: it adds fields, and takes none away. */
function admitted(object: KubeObject): KubeObject {
  return {
    ...structuredClone(object),
    metadata: { ...object.metadata, uid: "u", resourceVersion: "1", creationTimestamp: "t" },
  };
}

function everything(observation: ReturnType<typeof observe>) {
  const { budget, services, configMaps, claims, pods } = build(observation);
  const first = budget === undefined ? [] : [budget];
  return [...first, ...services, ...configMaps, ...claims, ...pods];
}

describe("diff", () => {
  test("once applied nothing is left to do", () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 7 }), fc.nat(3), fc.boolean(), (n, spares, born) => {
        const actors = Array.from({ length: n }, () => ({}));
        const observation = observe({ actors, spec: { spares, replicas: n } });
        const before = { ...observation, ...(born ? {} : { chain: { kind: "unborn" as const } }) };
        const objects = everything(before).map(admitted);
        expect(isEmpty(diff(build(before), { objects }))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test("what is missing is created, the budget and Services first", () => {
    const { creates, applies } = diff(build(observe({})), { objects: [] });
    expect(creates.map(({ kind }) => kind)).toEqual([
      "PodDisruptionBudget",
      ...Array.from({ length: 5 }, () => "Service"),
      ...Array.from({ length: 4 }, () => "ConfigMap"),
      ...Array.from({ length: 4 }, () => "PersistentVolumeClaim"),
      ...Array.from({ length: 4 }, () => "Pod"),
    ]);
    expect(applies).toEqual([]);
  });

  test("what somebody changed is put right; a running pod's metadata alone", () => {
    const observation = observe({});
    const objects = everything(observation).map(admitted);
    const changed = objects.map((object): KubeObject => {
      const labels = { ...object.metadata.labels, "quorate.dev/voter": "false" };
      return object.kind === "Pod" && object.metadata.name === "val-1"
        ? { ...object, metadata: { ...object.metadata, labels } }
        : object;
    });
    const { applies, creates } = diff(build(observation), { objects: changed });
    expect(creates).toEqual([]);
    expect(applies).toHaveLength(1);
    expect(Object.keys(applies[0] ?? {})).toEqual(["apiVersion", "kind", "metadata"]);
    expect(applies[0]?.metadata.labels?.["quorate.dev/voter"]).toBe("true");
  });

  test("another image in the spec does not touch the pods that run", () => {
    const objects = everything(observe({})).map(admitted);
    const next = observe({ spec: { image: "quorate/node:next" } });
    const { creates, applies } = diff(build(next), { objects });
    expect(creates).toEqual([]);
    // What is on record for members may change; no running pod.
    expect(applies.filter(({ kind }) => kind !== "Service")).toEqual([]);
  });

  test("what goes away is left in peace until it is gone", () => {
    const observation = observe({});
    const objects = everything(observation).map((object): KubeObject => {
      const going = { ...object.metadata, labels: {}, deletionTimestamp: "t" };
      return object.kind === "Pod" ? { ...object, metadata: going } : admitted(object);
    });
    expect(isEmpty(diff(build(observation), { objects }))).toBe(true);
  });

  test("at most one pod is removed in a pass", () => {
    const observation = observe({});
    const members = [...observation.members, memberView(8), memberView(9)].map((member) => {
      return member.ordinal < 8 ? member : { ...member, consensusKey: `${member.ordinal}` };
    });
    if (observation.chain.kind !== "verified") throw new Error("verified");
    const swap = {
      epoch: 2,
      height: 1,
      cause: "silence",
      newcomer: "",
      proof: "",
      newcomerRegisteredAt: 0,
      power: 1n,
    } as const;
    const swaps = ["8", "9"].map((leaver) => ({ ...swap, leaver }));
    const chain = { kind: "verified", chain: { ...observation.chain.chain, swaps } } as const;
    const [pod] = observation.pods;
    if (pod === undefined) throw new Error("a pod");
    const pods = members.map(({ name }) => ({ ...pod, name, member: name, uid: name }));
    const desired = build({ ...observation, members, pods, chain });
    expect(desired.removals).toHaveLength(2);
    expect(diff(desired, { objects: [] }).removal?.name).toBe("val-8");
  });

  test("an object covers itself and whatever has fewer fields", () => {
    const json = fc.dictionary(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(json, fc.string(), fc.jsonValue(), (object, field, value) => {
        expect(covers(object, structuredClone(object))).toBe(true);
        const larger = { [`x${field}`]: value, ...object };
        expect(covers(larger, object)).toBe(true);
      }),
      { numRuns: 300 },
    );
    expect(covers({ list: [1, 2] }, { list: [1] })).toBe(false);
    expect(covers({ a: { b: 1 } }, { a: { b: 2 } })).toBe(false);
  });
});
