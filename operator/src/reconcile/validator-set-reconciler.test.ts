import type { ConfigMap, Pod, PodDisruptionBudget, Service } from "@quorate/runtime/resources";
import { ApiError } from "@quorate/runtime/transport";
import { describe, expect, test } from "vitest";
import { Killed } from "../../test/fake-cluster.ts";
import { foreignPem, Stage, TEMPLATE } from "../../test/stage.ts";
import { ANNOTATIONS } from "../api/v1alpha1/labels.ts";
import { targetGroups } from "../listener/service-discovery.ts";

describe("birth (GENESIS)", () => {
  test("keys, then the genesis, then alive, with a registered spare at the end", async () => {
    const stage = new Stage();
    const phases = new Set<string>();
    for (let index = 0; index < 14; index += 1) {
      await stage.pass();
      phases.add(stage.set.status?.birth.phase ?? "none");
    }
    expect([...phases]).toEqual(["Keys", "Genesis", "Alive"]);
    expect(stage.chain.set?.members.length).toBe(4);
    expect(stage.condition("Ready")).toMatchObject({ status: "True", reason: "AllInPlace" });
    expect(stage.condition("SignalsTrusted")).toMatchObject({ status: "True" });
    expect(stage.condition("Held")).toMatchObject({ status: "False" });
    expect(stage.condition("QuorumSafe")).toMatchObject({ status: "False" });
    expect(stage.set.status).toMatchObject({ voters: 4, spares: 1, nextOrdinal: 5 });
    expect(stage.chain.submitted).toEqual(["register-spare"]);
    expect(stage.reasons()).toEqual(
      expect.arrayContaining(["FounderNeeded", "GenesisCreated", "SpareNeeded", "SpareRegistered"]),
    );
  });

  test("rule VERSION: status tells the chain's version, and the next one as soon as it is agreed", async () => {
    const stage = new Stage();
    await stage.born();
    expect(stage.set.status?.chain.protocol).toEqual({ version: 1 });
    const next = { version: 2, height: 900 };
    stage.chain.protocol = { version: 1, activation: next };
    await stage.pass();
    expect(stage.set.status?.chain.protocol).toEqual({ version: 1, next });
    stage.chain.protocol = { version: 2, activation: undefined };
    await stage.pass();
    expect(stage.set.status?.chain.protocol).toEqual({ version: 2 });
  });

  test("the genesis names what the Services have recorded", async () => {
    const stage = new Stage();
    await stage.born();
    const genesis = stage.cluster.find<ConfigMap>("ConfigMap", "s-genesis");
    const { seats } = JSON.parse(genesis?.data?.["genesis.json"] ?? "") as {
      seats: { key: string; networkKey: string; address: string }[];
    };
    const recorded = [0, 1, 2, 3].map((at) => {
      const service = stage.cluster.find<Service>("Service", `s-${at}`);
      return {
        key: service?.metadata.annotations?.[ANNOTATIONS.consensusKey],
        networkKey: service?.metadata.annotations?.[ANNOTATIONS.networkKey],
        address: `${service?.spec?.clusterIP}:7001`,
      };
    });
    expect(seats).toMatchObject(recorded);
    expect(genesis?.immutable).toBe(true);
    expect(genesis?.metadata.ownerReferences).toBeUndefined();
  });

  test("killing the operator before any write leads to the same one chain", async () => {
    const reference = new Stage();
    await reference.born();
    const writes = reference.cluster.writes.length;
    expect(writes).toBeGreaterThan(20);
    for (let at = 0; at < writes; at += 1) {
      const stage = new Stage();
      stage.cluster.writesLeft = at;
      try {
        await stage.passes(14);
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
      }
      stage.restart();
      stage.cluster.startPods();
      await stage.passes(16);
      const made = stage.cluster.writes.filter((write) => write === "create ConfigMap/s-genesis");
      expect(made.length, `killed before write ${at}`).toBe(1);
      expect(stage.set.status, `killed before write ${at}`).toMatchObject({
        birth: { phase: "Alive" },
        voters: 4,
        spares: 1,
      });
      expect(stage.chain.submitted, `killed before write ${at}`).toEqual(["register-spare"]);
    }
  });

  test("a founder that lost its volume before the genesis is asked again", async () => {
    const stage = new Stage();
    stage.nodes.silent.add("10.0.0.4");
    await stage.passes(5);
    expect(stage.set.status?.birth).toEqual({ phase: "Keys", asked: 3 });
    stage.nodes.generation.set("10.0.0.1", 1);
    stage.nodes.silent.clear();
    await stage.passes(10);
    const keys = stage.chain.set?.members.map(({ key }) => key);
    expect(keys).toContain(stage.nodes.keyAt("10.0.0.1", "consensus"));
  });

  test("a wrong template is refused by field before the first key is asked", async () => {
    const stage = new Stage();
    const data = { "template.json": JSON.stringify({ ...TEMPLATE, dev: "yes" }) };
    const template = stage.cluster.find<ConfigMap>("ConfigMap", "template");
    stage.cluster.put({ ...template, data } as ConfigMap);
    await stage.pass();
    expect(stage.condition("Stalled")).toMatchObject({ status: "True", reason: "TemplateInvalid" });
    expect(stage.condition("Stalled")?.message).toContain("dev: write true or false");
    await stage.passes(8);
    expect(stage.cluster.genesis("s")).toBe("");
  });

  test("a template that fixes owners or seats is refused", async () => {
    const stage = new Stage();
    const data = { "template.json": JSON.stringify({ ...TEMPLATE, seats: [] }) };
    const template = stage.cluster.find<ConfigMap>("ConfigMap", "template");
    stage.cluster.put({ ...template, data } as ConfigMap);
    await stage.pass();
    expect(stage.condition("Stalled")?.message).toContain("seats: leave it out");
  });

  test("a sponsor key that is not the one of its Secret stops the birth, and is not shown", async () => {
    const stage = new Stage();
    const pem = foreignPem();
    const secret = stage.cluster.find("Secret", "sponsor");
    stage.cluster.put({
      ...secret,
      data: { pem: Buffer.from(pem).toString("base64") },
    } as unknown as ConfigMap);
    await stage.passes(8);
    expect(stage.condition("Stalled")).toMatchObject({ reason: "SponsorKeyMismatch" });
    expect(stage.cluster.genesis("s")).toBe("");
    const told = JSON.stringify([stage.events, stage.set.status]);
    expect(told).not.toContain(pem.split("\n")[1]);
  });

  test("a genesis that is gone is never made anew", async () => {
    const stage = new Stage();
    await stage.born();
    const writes = stage.cluster.writes.length;
    stage.cluster.stored.delete("ConfigMap/ns/s-genesis");
    await stage.passes(3);
    expect(stage.condition("Stalled")).toMatchObject({ status: "True", reason: "GenesisMissing" });
    expect(stage.cluster.genesis("s")).toBe("");
    const since = stage.cluster.writes.slice(writes);
    expect(since.filter((write) => !write.startsWith("status"))).toEqual([]);
  });
});

describe("rule GENESIS: a genesis that nobody named", () => {
  /** A set whose birth is over but for the status, which is lost. */
  async function lost() {
    const stage = new Stage();
    await stage.born();
    const { status: _, ...set } = stage.set;
    const map = stage.cluster.find<ConfigMap>("ConfigMap", "s-genesis");
    if (map === undefined) throw new Error("a genesis");
    stage.cluster.put(set as never);
    return { stage, map };
  }

  test("that was there first is not taken, and no node is made", async () => {
    const stage = new Stage();
    const data = { "genesis.json": '{"owners":[{"key":"attacker"}]}' };
    const metadata = { namespace: "ns", name: "s-genesis" };
    stage.cluster.put({ apiVersion: "v1", kind: "ConfigMap", metadata, data } as never);
    await stage.passes(5);
    expect(stage.condition("Stalled")).toMatchObject({ status: "True", reason: "GenesisMismatch" });
    expect(stage.cluster.all("Pod")).toEqual([]);
    expect(stage.set.status?.genesisHash).toBe("");
  });

  test("that differs from what birth would make is not taken", async () => {
    const { stage, map } = await lost();
    const document = JSON.parse(map.data?.["genesis.json"] ?? "") as { name: string };
    for (const change of [
      { data: { "genesis.json": `${JSON.stringify({ ...document, name: "other" })}\n` } },
      { immutable: false },
    ]) {
      stage.cluster.put({ ...map, ...change });
      await stage.pass();
      expect(stage.condition("Stalled")).toMatchObject({ reason: "GenesisMismatch" });
      expect(stage.set.status?.genesisHash).toBe("");
    }
  });

  test("that birth would make of the keys on record is taken again", async () => {
    const { stage } = await lost();
    await stage.passes(3);
    expect(stage.set.status?.genesisHash).toBe(stage.cluster.genesis("s"));
    expect(stage.condition("Stalled")).toMatchObject({ status: "False" });
  });
});

describe("what the copies do not know yet", () => {
  /** The caches stay as they are; the API server goes on. */
  function deaf(stage: Stage, parts: readonly ("set" | "objects")[]): void {
    const key = { namespace: "ns", name: "s" };
    const { cluster } = stage;
    const [set, objects] = [cluster.set(key), cluster.objects(key)];
    if (parts.includes("set")) cluster.set = () => set;
    if (parts.includes("objects")) cluster.objects = () => objects;
  }

  test("a deaf watch of Services makes no second spare", async () => {
    const stage = new Stage();
    await stage.born();
    stage.cluster.put({ ...stage.set, spec: { ...stage.set.spec, spares: 2 } });
    deaf(stage, ["objects"]);
    await stage.passes(6);
    expect(stage.cluster.all("Service").map(({ metadata }) => metadata.name)).toHaveLength(6);
  });

  test("a pause stops members, bonds and removals", async () => {
    const pause = (stage: Stage) => {
      deaf(stage, ["set"]);
      const there = stage.cluster.find("ValidatorSet", "s") as never as Stage["set"];
      stage.cluster.put({ ...there, spec: { ...there.spec, paused: true } });
    };
    const bonding = new Stage();
    while (bonding.cluster.find("Pod", "s-4") === undefined) await bonding.pass();
    pause(bonding);
    await bonding.passes(6);
    expect(bonding.chain.submitted).toEqual([]);
    const making = new Stage();
    await making.born();
    making.cluster.put({ ...making.set, spec: { ...making.set.spec, spares: 2 } });
    pause(making);
    await making.passes(3);
    expect(making.cluster.all("Service")).toHaveLength(5);
    const removing = new Stage();
    await removing.born();
    removing.chain.swap(removing.nodes.keyAt("10.0.0.2", "consensus"), "silence");
    pause(removing);
    await removing.passes(3);
    expect(removing.cluster.find("Pod", "s-1")).toBeDefined();
  });

  test("rule S10: a lease that is lost while a node signs bonds nothing", async () => {
    const stage = new Stage();
    const sign = stage.nodes.signRegistration.bind(stage.nodes);
    stage.nodes.signRegistration = async (address) => {
      stage.leaseIsFresh = false;
      return sign(address);
    };
    await stage.born();
    expect(stage.nodes.registered.length).toBeGreaterThan(0);
    expect(stage.chain.submitted).toEqual([]);
  });
});

describe("objects of somebody else", () => {
  const foreign = (kind: string, name: string, labels: Record<string, string>) =>
    ({ apiVersion: "v1", kind, metadata: { namespace: "ns", name, labels }, spec: {} }) as never;

  test.each([
    ["PersistentVolumeClaim", "s-0-data", {}],
    ["PersistentVolumeClaim", "s-0-data", { "quorate.dev/set": "other" }],
    ["ConfigMap", "s-0-config", {}],
    ["ConfigMap", "s-0-config", { "quorate.dev/set": "s" }],
  ])("%s %s with labels %o is named and never used", async (kind, name, labels) => {
    const stage = new Stage();
    stage.cluster.put(foreign(kind, name, labels));
    const before = stage.cluster.find(kind, name);
    await stage.passes(6);
    expect(stage.condition("Stalled")).toMatchObject({ status: "True", reason: "ForeignObject" });
    expect(stage.condition("Stalled")?.message).toContain(`${kind} ${name}`);
    expect(stage.cluster.find(kind, name)).toEqual(before);
    expect(stage.cluster.find("Pod", "s-0")).toBeUndefined();
    expect(stage.cluster.find("Pod", "s-1")).toBeDefined();
  });

  test("an earlier set's budget that is gone is no obstacle, though a copy still has it", async () => {
    const stage = new Stage();
    await stage.born();
    const { cluster } = stage;
    const budget = cluster.find<PodDisruptionBudget>("PodDisruptionBudget", "s");
    const [owner] = budget?.metadata.ownerReferences ?? [];
    const ownerReferences = [{ ...owner, uid: "of an earlier set" }];
    const copy = { ...budget, metadata: { ...budget?.metadata, ownerReferences } };
    const objects = cluster.objects.bind(cluster);
    cluster.objects = (key) => ({ ...objects(key), budgets: [copy as PodDisruptionBudget] });
    cluster.stored.delete("PodDisruptionBudget/ns/s");
    await stage.pass();
    expect(cluster.find("PodDisruptionBudget", "s")?.metadata.ownerReferences).toEqual([owner]);
    expect(stage.condition("Stalled")).toMatchObject({ status: "False" });
  });

  test("a pod that only bears the labels is neither discovered nor a spare's", async () => {
    const stage = new Stage();
    await stage.born();
    const labels = { "quorate.dev/set": "s", "quorate.dev/member": "s-2" };
    const status = { phase: "Running", podIP: "10.66.6.6" };
    stage.cluster.put({ ...(foreign("Pod", "job", labels) as object), status } as never);
    const groups = targetGroups(stage.cluster, { namespace: "ns", name: "s" });
    expect(JSON.stringify(groups)).not.toContain("10.66.6.6");
    expect(groups).toHaveLength(5);
  });
});

describe("a pass that fails", () => {
  test.each([
    ["observe", "Secret", "prometheus"],
    ["birth", "ConfigMap", "template"],
  ])("in %s is told in every condition, and again when it is over", async (_, kind, name) => {
    const stage = new Stage();
    if (kind === "Secret") await stage.born();
    const prometheus = { url: "https://p", secretRef: { name }, scrapeIntervalSeconds: 5 };
    const spec = { ...stage.set.spec, ...(kind === "Secret" ? { prometheus } : {}) };
    stage.cluster.put({ ...stage.set, spec });
    const get = stage.cluster.get.bind(stage.cluster);
    stage.cluster.get = (type, key) => {
      if (type.kind !== kind || key.name !== name) return get(type, key);
      return Promise.reject(new ApiError(403, "Forbidden", `${name} is forbidden`));
    };
    for (let index = 0; index < 3; index += 1) await expect(stage.pass()).rejects.toThrow(name);
    for (const [type, status] of [
      ["Ready", "Unknown"],
      ["Stalled", "True"],
      ["SignalsTrusted", "False"],
      ["Held", "True"],
    ] as const) {
      expect(stage.condition(type)).toMatchObject({ status, reason: "ApiForbidden" });
    }
    expect(stage.reasons().filter((reason) => reason === "ApiForbidden")).toHaveLength(1);
    stage.cluster.get = get;
    stage.cluster.put({ ...stage.set, spec: { ...spec, prometheus: undefined } } as never);
    await stage.clock.advance(15_000);
    await stage.passes(2);
    expect(stage.condition("Stalled")?.reason).not.toBe("ApiForbidden");
  });
});

describe("a pass", () => {
  test("over a healthy set writes nothing", async () => {
    const stage = new Stage();
    await stage.born();
    await stage.passes(1);
    const before = [...stage.cluster.writes];
    await stage.passes(5);
    expect(stage.cluster.writes.slice(before.length).length).toBeLessThanOrEqual(1);
    expect(stage.cluster.writes.slice(before.length).every((w) => w.startsWith("status"))).toBe(
      true,
    );
    expect(stage.rotations).toEqual([]);
  });

  test("sends no token in the clear, and says by which field", async () => {
    const prometheus = { url: "http://p", secretRef: { name: "p" }, scrapeIntervalSeconds: 5 };
    const stage = new Stage({ prometheus });
    const data = { token: Buffer.from("secret").toString("base64") };
    const metadata = { namespace: "ns", name: "p" };
    stage.cluster.put({ apiVersion: "v1", kind: "Secret", metadata, data } as never);
    const urls: string[] = [];
    const get = stage.get.bind(stage);
    stage.get = (url) => {
      urls.push(url);
      return get(url);
    };
    await stage.born();
    expect(urls.filter((url) => url.startsWith("http://p"))).toEqual([]);
    expect(stage.condition("SignalsTrusted")).toMatchObject({ status: "False" });
    expect(stage.condition("SignalsTrusted")?.message).toContain(
      "spec.prometheus.url: write https",
    );
  });

  test("of a paused set writes nothing but status", async () => {
    const stage = new Stage({ paused: true });
    await stage.passes(3);
    expect(new Set(stage.cluster.writes.map((write) => write.split(" ")[0]))).toEqual(
      new Set(["patch", "status"]),
    );
    expect(stage.condition("Held")).toMatchObject({ status: "False" });
  });
});

describe("a rotation", () => {
  async function withSilentVoter(spec: ConstructorParameters<typeof Stage>[0] = {}) {
    const stage = new Stage(spec);
    await stage.born();
    const victim = stage.nodes.keyAt("10.0.0.2", "consensus");
    await stage.lose(victim, 30_000);
    stage.nodes.silent.add("10.0.0.2");
    const pod = stage.cluster.find<Pod>("Pod", "s-1");
    const status = { ...pod?.status, conditions: [{ type: "Ready", status: "False" }] };
    stage.cluster.put({ ...pod, status } as Pod);
    return { stage, victim };
  }

  test("writes its intent before the transaction leaves (S16)", async () => {
    const { stage, victim } = await withSilentVoter();
    const seen: (string | undefined)[] = [];
    stage.chain.answer = (kind) => {
      if (kind === "silence-record") seen.push(stage.rotations[0]?.status?.phase);
      return undefined;
    };
    await stage.passes(2);
    expect(seen).toEqual(["Submitted"]);
    expect(stage.rotations[0]?.spec).toMatchObject({ cause: "Silence", member: victim });
  });

  test("goes from intent to a new spare: Submitted, Effective, Replaced", async () => {
    const { stage, victim } = await withSilentVoter();
    await stage.passes(12);
    const [rotation, ...others] = stage.rotations;
    expect(others).toEqual([]);
    expect(rotation?.status).toMatchObject({ phase: "Replaced", initiator: "Operator" });
    expect(Object.keys(rotation?.status?.times ?? {})).toEqual([
      "Planned",
      "Submitted",
      "Effective",
      "Replaced",
    ]);
    expect(stage.chain.set?.members.map(({ key }) => key)).not.toContain(victim);
    expect(stage.cluster.find("Pod", "s-1")).toBeUndefined();
    expect(stage.cluster.find("PersistentVolumeClaim", "s-1-data")).toBeDefined();
    expect(stage.set.status).toMatchObject({ voters: 4, spares: 1, nextOrdinal: 6 });
    expect(stage.chain.submitted).toEqual(["register-spare", "silence-record", "register-spare"]);
  });

  test("killing the operator before any write submits the record at most once a set", async () => {
    const { stage: reference } = await withSilentVoter();
    const from = reference.cluster.writes.length;
    await reference.passes(12);
    const writes = reference.cluster.writes.length - from;
    for (let at = 0; at < writes; at += 1) {
      const { stage, victim } = await withSilentVoter();
      stage.cluster.writesLeft = at;
      try {
        await stage.passes(12);
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
      }
      stage.restart();
      await stage.passes(14);
      const about = `killed before write ${at}`;
      expect(
        stage.chain.swaps.map(({ leaver }) => leaver),
        about,
      ).toEqual([victim]);
      expect(
        stage.rotations.map(({ status }) => status?.phase),
        about,
      ).toEqual(["Replaced"]);
      expect(stage.set.status, about).toMatchObject({ voters: 4, spares: 1 });
    }
  });

  test("whose outcome nobody knows is not sent again while the set is the same", async () => {
    const { stage } = await withSilentVoter();
    stage.chain.answer = (kind) =>
      kind === "silence-record" ? { kind: "unknown", message: "no answer" } : undefined;
    await stage.passes(20);
    expect(stage.chain.submitted.filter((kind) => kind === "silence-record").length).toBe(1);
    expect(stage.rotations.map(({ status }) => status?.phase)).toEqual(["Submitted"]);
  });

  test("that the chain refuses is told with its code", async () => {
    const { stage } = await withSilentVoter();
    stage.chain.answer = (kind) =>
      kind === "silence-record" ? { kind: "executed", code: "NOT_SILENT", height: 9 } : undefined;
    await stage.passes(1);
    expect(stage.rotations[0]?.status).toMatchObject({ phase: "Refused" });
    expect(stage.rotations[0]?.status?.message).toContain("NOT_SILENT");
    expect(stage.reasons()).toContain("RotationRefused");
  });

  test("that the chain made by itself is written down", async () => {
    const stage = new Stage();
    await stage.born();
    const victim = stage.nodes.keyAt("10.0.0.2", "consensus");
    stage.chain.swap(victim, "silence");
    await stage.passes(10);
    expect(stage.rotations.map(({ status }) => status)).toMatchObject([
      { phase: "Replaced", initiator: "Chain" },
    ]);
    expect(stage.chain.submitted).toEqual(["register-spare", "register-spare"]);
  });

  test("in Observe is only told", async () => {
    const { stage, victim } = await withSilentVoter({ mode: "Observe" });
    await stage.passes(3);
    expect(stage.rotations).toEqual([]);
    expect(stage.chain.swaps).toEqual([]);
    expect(stage.condition("Held")).toMatchObject({ status: "True", reason: "ObserveMode" });
    expect(stage.set.status?.lastDecision).toMatchObject({ verdict: "Silence" });
    expect(stage.set.status?.lastDecision.message).toContain(`s-1 (${victim.slice(0, 8)})`);
  });

  test("in Approve waits for the annotation with its own hash, ten minutes long", async () => {
    const { stage } = await withSilentVoter({ mode: "Approve" });
    await stage.passes(2);
    const [plan] = stage.rotations;
    const { status } = plan ?? {};
    expect(status?.phase).toBe("Planned");
    const planned = Date.parse(status?.times.Planned ?? "");
    expect(Date.parse(status?.expiresAt ?? "") - planned).toBe(600_000);
    const approve = (hash: string) => {
      const annotations = { [ANNOTATIONS.approve]: hash };
      const [rotation] = stage.rotations;
      stage.cluster.put({ ...rotation, metadata: { ...rotation?.metadata, annotations } } as never);
    };
    approve("0".repeat(64));
    await stage.passes(2);
    expect(stage.chain.swaps).toEqual([]);
    approve(status?.planHash ?? "");
    await stage.passes(2);
    expect(stage.chain.swaps.length).toBe(1);
    expect(stage.rotations.length).toBe(1);
  });

  test("in Approve expires, and an old approval approves no new plan", async () => {
    const { stage } = await withSilentVoter({ mode: "Approve" });
    await stage.passes(2);
    await stage.clock.advance(600_000);
    const [first] = stage.rotations;
    const annotations = { [ANNOTATIONS.approve]: first?.status?.planHash ?? "" };
    stage.cluster.put({ ...first, metadata: { ...first?.metadata, annotations } } as never);
    await stage.passes(4);
    expect(stage.chain.swaps).toEqual([]);
    expect(stage.rotations.map(({ status }) => status?.phase)).toEqual(["Expired", "Planned"]);
  });

  test("is not begun while the operator's lease is stale (S10)", async () => {
    const { stage } = await withSilentVoter();
    stage.leaseIsFresh = false;
    await stage.passes(3);
    expect(stage.rotations).toEqual([]);
    expect(stage.condition("Held")).toMatchObject({ status: "True", reason: "LeaseStale" });
  });
});
