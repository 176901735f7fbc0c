import type { KubeObject } from "@quorate/runtime/objects";
import type { Pod } from "@quorate/runtime/resources";
import { describe, expect, test } from "vitest";
import { Stage } from "../../test/stage.ts";
import { LABELS } from "../api/v1alpha1/labels.ts";
import { Observer } from "./observe.ts";

const IMPOSTOR = "10.66.6.6";

function observerOf(stage: Stage): Observer {
  return new Observer({
    cache: stage.cluster,
    kube: stage.cluster,
    chain: stage.chain,
    control: stage.nodes,
    http: stage,
    clock: stage.clock,
    controlClientKey: "cc".repeat(32),
    leaseIsFresh: () => true,
  });
}

function labelledPod(name: string, member: string, ownerUid?: string): KubeObject {
  const owner = { apiVersion: "v1", kind: "ValidatorSet", name: "s", controller: true };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      namespace: "ns",
      name,
      labels: { [LABELS.set]: "s", [LABELS.member]: member },
      ...(ownerUid === undefined ? {} : { ownerReferences: [{ ...owner, uid: ownerUid }] }),
    },
    spec: { nodeName: "m-1" },
    status: { phase: "Running", podIP: IMPOSTOR, conditions: [], containerStatuses: [] },
  } as unknown as KubeObject;
}

describe("a member's pod", () => {
  test("is the one with its name that the set made: labels alone are ignored, and told", async () => {
    const stage = new Stage();
    await stage.born();
    const { uid = "" } = stage.set.metadata;
    stage.cluster.put(labelledPod("innocent-job", "s-2"));
    stage.cluster.put(labelledPod("second", "s-1", uid));
    stage.cluster.put(labelledPod("s-0", "s-0", "uid-of-another"));
    const { observation, request, problems } = await observerOf(stage).observe(stage.set);
    expect(observation.pods.map(({ name }) => name).toSorted()).toEqual([
      "s-1",
      "s-2",
      "s-3",
      "s-4",
    ]);
    expect(request?.endpoints.join()).not.toContain(IMPOSTOR);
    expect(problems?.map(({ member, reason }) => [member, reason]).toSorted()).toEqual([
      ["s-0", "ForeignPod"],
      ["s-1", "ForeignPod"],
      ["s-2", "ForeignPod"],
    ]);
  });
});

describe("rule MANY: a set that joins a living chain", () => {
  const joins = { endpoints: ["10.9.9.9:7002", "10.9.9.8:7002"], seats: 0, disruptable: 0 };

  test("asks the members that others run, beside its own and also before it has one", async () => {
    const stage = new Stage();
    await stage.born();
    const { observation, request } = await observerOf(stage).observe({
      ...stage.set,
      spec: { ...stage.set.spec, genesisHash: stage.cluster.genesis("s") ?? "", joins },
    });
    const own = observation.pods.map(({ ip }) => `${ip}:7002`);
    expect(request?.endpoints.toSorted()).toEqual([...own, ...joins.endpoints].toSorted());
    expect(own).toHaveLength(5);
  });
});

describe("a recorded key", () => {
  const asksOf = (stage: Stage): string[] => {
    const asked: string[] = [];
    const honest = stage.nodes.identity.bind(stage.nodes);
    stage.nodes.identity = async (address) => {
      asked.push(address);
      return honest(address);
    };
    return asked;
  };

  test("is asked for once for each pod", async () => {
    const stage = new Stage();
    await stage.born();
    const observer = observerOf(stage);
    const asked = asksOf(stage);
    await observer.observe(stage.set);
    expect(asked).toHaveLength(5);
    await stage.clock.advance(600_000);
    await observer.observe(stage.set);
    expect(asked).toHaveLength(5);
    const pod = stage.cluster.find<Pod>("Pod", "s-1");
    if (pod === undefined) throw new Error("no pod");
    stage.cluster.put({ ...pod, metadata: { ...pod.metadata, uid: "another" } });
    await observer.observe(stage.set);
    expect(asked).toHaveLength(6);
  });

  test("that the pod's node does not hold is a problem by name: it is not heard as that key", async () => {
    const stage = new Stage();
    await stage.born();
    const ip = stage.cluster.find<Pod>("Pod", "s-1")?.status?.podIP ?? "";
    const key = stage.nodes.keyAt(ip, "consensus");
    stage.nodes.generation.set(ip, 1);
    const observer = observerOf(stage);
    for (let pass = 0; pass < 2; pass += 1) {
      const { observation, problems } = await observer.observe(stage.set);
      expect(problems).toMatchObject([{ member: "s-1", reason: "KeyDiffers" }]);
      expect(observation.members.find(({ name }) => name === "s-1")?.consensusKey).toBe(key);
      if (observation.scrape.kind !== "read") throw new Error("blind");
      expect(observation.scrape.samples.map(({ observer: who }) => who)).not.toContain(key);
      expect(observation.scrape.samples).toHaveLength(4);
    }
  });

  test("is asked for again later where the node did not answer", async () => {
    const stage = new Stage();
    await stage.born();
    const ip = stage.cluster.find<Pod>("Pod", "s-1")?.status?.podIP ?? "";
    stage.nodes.silent.add(ip);
    const observer = observerOf(stage);
    const asked = asksOf(stage);
    await observer.observe(stage.set);
    await observer.observe(stage.set);
    expect(asked).toHaveLength(5);
    await stage.clock.advance(30_000);
    await observer.observe(stage.set);
    expect(asked).toHaveLength(6);
  });
});
