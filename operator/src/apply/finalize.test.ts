import type { Pod } from "@quorate/runtime/resources";
import { ApiError } from "@quorate/runtime/transport";
import { describe, expect, test } from "vitest";
import { Stage } from "../../test/stage.ts";
import { ANNOTATIONS, FINALIZER, LABELS } from "../api/v1alpha1/labels.ts";
import type { ValidatorSetSpec } from "../api/v1alpha1/types.ts";

type Policy = ValidatorSetSpec["deletionPolicy"];

function change(stage: Stage, metadata: object, spec: object = {}): void {
  const { set } = stage;
  const changed = { metadata: { ...set.metadata, ...metadata }, spec: { ...set.spec, ...spec } };
  stage.cluster.put({ ...set, ...changed });
}

/** What a person writes with kubectl annotate; a word is named by the message of the set. */
function say(stage: Stage, word: string): void {
  change(stage, { annotations: { [ANNOTATIONS.destroyKeys]: word } });
}

/** A set with four voters and a spare that a person has just deleted. */
async function deleted(deletionPolicy: Policy): Promise<Stage> {
  const stage = new Stage({ deletionPolicy });
  await stage.born();
  expect(stage.set.metadata.finalizers).toEqual([FINALIZER]);
  change(stage, { deletionTimestamp: new Date(stage.clock.now()).toISOString() });
  return stage;
}

const parts = ["Pod", "PersistentVolumeClaim", "Service", "ConfigMap", "PodDisruptionBudget"];

/** Every part of the set by kind and name. */
function partsOf(stage: Stage): readonly string[] {
  return parts.flatMap((kind) =>
    stage.cluster
      .all(kind)
      .filter(({ metadata }) => metadata.labels?.[LABELS.set] === "s")
      .map(({ metadata }) => `${kind} ${metadata.name}`),
  );
}

async function valuesOf(stage: Stage, metric: string) {
  return (await stage.registry.getSingleMetric(metric)?.get())?.values ?? [];
}

async function held(stage: Stage): Promise<readonly unknown[]> {
  return (await valuesOf(stage, "quorate_operator_held")).map(({ labels }) => labels["reason"]);
}

describe("a deleted set under Retain", () => {
  test("stops one pod a pass, each by an eviction", async () => {
    const stage = await deleted("Retain");
    const from = stage.cluster.writes.length;
    const left: number[] = [];
    for (let index = 0; index < 5; index += 1) {
      await stage.pass();
      left.push(stage.cluster.all("Pod").length);
    }
    expect(left).toEqual([4, 3, 2, 1, 0]);
    const verbs = stage.cluster.writes.slice(from).filter((write) => write.includes(" Pod/"));
    expect(verbs.toSorted()).toEqual([0, 1, 2, 3, 4].map((at) => `evict Pod/s-${at}`));
  });

  test("says that it stops, once, and is forgotten afterwards", async () => {
    const stage = await deleted("Retain");
    await stage.passes(2);
    expect(stage.condition("Reconciling")).toMatchObject({ status: "True", reason: "Stopping" });
    expect(stage.condition("Stalled")).toMatchObject({ status: "False", reason: "Stopping" });
    expect(stage.condition("Ready")).toMatchObject({ status: "Unknown" });
    expect(stage.condition("Held")).toMatchObject({ status: "False" });
    expect(stage.condition("Reconciling")?.message).toContain("s-1 on m-1");
    expect(await held(stage)).toEqual([]);
    await stage.passes(6);
    expect(stage.reasons().filter((reason) => reason === "Stopping")).toHaveLength(1);
    expect(await valuesOf(stage, "quorate_operator_last_decision_timestamp_seconds")).toEqual([]);
  });

  test("keeps volumes, genesis and addresses, and stops its pods", async () => {
    const stage = await deleted("Retain");
    await stage.passes(8);
    expect(stage.cluster.all("ValidatorSet")).toEqual([]);
    expect(stage.cluster.all("Pod")).toEqual([]);
    expect(stage.cluster.all("PersistentVolumeClaim").length).toBe(5);
    expect(stage.cluster.all("Service").length).toBe(5);
    expect(stage.cluster.genesis("s")).not.toBe("");
    expect(stage.cluster.find("ConfigMap", "s-0-config")).toBeUndefined();
  });

  test("keeps them also where the word was said: the policy is a part of it", async () => {
    const stage = await deleted("Retain");
    say(stage, stage.set.metadata.uid ?? "");
    await stage.passes(8);
    expect(stage.cluster.all("ValidatorSet")).toEqual([]);
    expect(stage.cluster.all("PersistentVolumeClaim").length).toBe(5);
  });

  test("comes back from what was kept: the same chain", async () => {
    const stage = await deleted("Retain");
    await stage.passes(8);
    const genesis = stage.cluster.genesis("s");
    stage.restart();
    stage.applySet();
    await stage.passes(6);
    expect(stage.cluster.genesis("s")).toBe(genesis);
    expect(stage.set.status).toMatchObject({ genesisHash: genesis, voters: 4, spares: 1 });
  });
});

describe("keys die only by an explicit word: a deleted set", () => {
  test("under Delete stops nothing and destroys nothing before a person says so", async () => {
    const stage = await deleted("Delete");
    const before = partsOf(stage);
    const writes = stage.cluster.writes.length;
    await stage.passes(12);
    expect(partsOf(stage)).toEqual(before);
    expect(new Set(stage.cluster.writes.slice(writes))).toEqual(new Set(["status ValidatorSet/s"]));
    for (const type of ["Stalled", "Held"] as const) {
      expect(stage.condition(type)).toMatchObject({ status: "True", reason: "AwaitingWord" });
    }
    const { message = "" } = stage.condition("Stalled") ?? {};
    expect(message).toContain(
      `annotate --overwrite vset s quorate.dev/destroy-keys=${stage.set.metadata.uid}`,
    );
    expect(message).toContain(`-p '{"spec":{"deletionPolicy":"Retain"}}'`);
    expect(message).toContain("4 of them hold seats in chain");
    const told = stage.events.filter(({ note }) => note.reason === "AwaitingWord");
    expect(told.map(({ note }) => note)).toEqual([
      { type: "Warning", reason: "AwaitingWord", message },
    ]);
    expect(await held(stage)).toEqual(["AwaitingWord"]);
  });

  test("leaves nothing once it was said", async () => {
    const stage = await deleted("Delete");
    await stage.passes(3);
    say(stage, stage.set.metadata.uid ?? "");
    await stage.passes(8);
    expect(stage.cluster.all("ValidatorSet")).toEqual([]);
    expect(partsOf(stage)).toEqual([]);
    expect(stage.cluster.genesis("s")).toBe("");
  });

  test("the name, and the uid of an earlier set of the name, are no word", async () => {
    const stage = await deleted("Delete");
    const before = partsOf(stage);
    for (const word of ["s", "true", "", "uid-1"]) {
      say(stage, word);
      await stage.passes(3);
      expect(partsOf(stage), word).toEqual(before);
      expect(stage.condition("Stalled"), word).toMatchObject({ reason: "AwaitingWord" });
    }
  });

  test("that waits goes with its volumes kept once the policy is Retain", async () => {
    const stage = await deleted("Delete");
    await stage.passes(3);
    change(stage, {}, { deletionPolicy: "Retain" });
    await stage.passes(8);
    expect(stage.cluster.all("ValidatorSet")).toEqual([]);
    expect(stage.cluster.all("PersistentVolumeClaim").length).toBe(5);
    expect(stage.cluster.genesis("s")).not.toBe("");
  });

  test("a word that was taken back counts no more, though no watch tells of it", async () => {
    const stage = await deleted("Delete");
    say(stage, stage.set.metadata.uid ?? "");
    const { set } = stage;
    const before = partsOf(stage);
    change(stage, { annotations: {} });
    stage.cluster.set = () => set;
    await stage.passes(8);
    expect(partsOf(stage)).toEqual(before);
  });

  test("a set that was made again in the meantime keeps what it has", async () => {
    const stage = await deleted("Delete");
    say(stage, stage.set.metadata.uid ?? "");
    const { set } = stage;
    const before = partsOf(stage);
    stage.applySet();
    stage.cluster.set = () => set;
    await stage.passes(8);
    expect(partsOf(stage)).toEqual(before);
  });
});

describe("a deletion that does not come to its end", () => {
  test("is not let go while pods run that no watch has told of", async () => {
    const stage = await deleted("Retain");
    const objects = stage.cluster.objects.bind(stage.cluster);
    stage.cluster.objects = (key) => ({ ...objects(key), pods: [] });
    await stage.passes(4);
    expect(stage.set.metadata.finalizers).toEqual([FINALIZER]);
    expect(stage.condition("Reconciling")?.message).toContain("s-0");
    stage.cluster.objects = objects;
    await stage.passes(8);
    expect(stage.cluster.all("ValidatorSet")).toEqual([]);
  });

  test("evicts a voter that is not labelled yet", async () => {
    const stage = await deleted("Retain");
    const pod = stage.cluster.find<Pod>("Pod", "s-2");
    const labels = { ...pod?.metadata.labels, [LABELS.voter]: "false" };
    stage.cluster.put({ ...pod, metadata: { ...pod?.metadata, labels } } as Pod);
    await stage.passes(8);
    expect(stage.cluster.writes.filter((write) => write.startsWith("delete Pod/"))).toEqual([]);
  });

  test("because a person's budget refuses says which pod, and goes on once it may", async () => {
    const stage = await deleted("Retain");
    const evict = stage.cluster.evict.bind(stage.cluster);
    stage.cluster.evict = () =>
      Promise.reject(new ApiError(429, "TooManyRequests", "violates the budget of ours"));
    await stage.passes(3);
    for (const type of ["Stalled", "Held"] as const) {
      expect(stage.condition(type)).toMatchObject({ status: "True", reason: "EvictionRefused" });
    }
    expect(stage.condition("Stalled")?.message).toMatch(/^s-\d: violates the budget of ours; /);
    expect(stage.reasons().filter((reason) => reason === "EvictionRefused")).toHaveLength(1);
    expect(await held(stage)).toEqual(["EvictionRefused"]);
    stage.cluster.evict = evict;
    await stage.passes(8);
    expect(stage.cluster.all("ValidatorSet")).toEqual([]);
  });

  test("that a pod keeps is told with the pod and its machine", async () => {
    const stage = await deleted("Retain");
    stage.cluster.evict = async ({ name }) => {
      const pod = stage.cluster.find<Pod>("Pod", name);
      const deletionTimestamp = new Date(stage.clock.now()).toISOString();
      stage.cluster.put({ ...pod, metadata: { ...pod?.metadata, deletionTimestamp } } as Pod);
    };
    await stage.passes(8);
    expect(stage.condition("Stalled")).toMatchObject({ status: "False", reason: "Stopping" });
    await stage.clock.advance(60_000);
    await stage.pass();
    expect(stage.condition("Stalled")).toMatchObject({ status: "True", reason: "StopOverdue" });
    expect(stage.condition("Stalled")?.message).toContain("s-0 on m-1");
    expect(stage.condition("Stalled")?.message).toContain("node.kubernetes.io/out-of-service");
    expect(stage.reasons()).toContain("StopOverdue");
    expect(stage.set.metadata.finalizers).toEqual([FINALIZER]);
  });

  test("because the API server refuses is told like any pass that fails", async () => {
    const stage = await deleted("Retain");
    const evict = stage.cluster.evict.bind(stage.cluster);
    stage.cluster.evict = () =>
      Promise.reject(new ApiError(403, "Forbidden", "pods/eviction is forbidden"));
    for (let index = 0; index < 3; index += 1) {
      await expect(stage.pass()).rejects.toThrow("pods/eviction");
    }
    for (const [type, status] of [
      ["Ready", "Unknown"],
      ["Stalled", "True"],
      ["Held", "True"],
    ] as const) {
      expect(stage.condition(type)).toMatchObject({ status, reason: "ApiForbidden" });
    }
    expect(stage.reasons().filter((reason) => reason === "ApiForbidden")).toHaveLength(1);
    stage.cluster.evict = evict;
    await stage.passes(8);
    expect(stage.cluster.all("ValidatorSet")).toEqual([]);
  });
});
