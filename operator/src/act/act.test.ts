import type { KubeObject } from "@quorate/runtime/objects";
import { ApiError } from "@quorate/runtime/transport";
import { describe, expect, test } from "vitest";
import { keyOf, observe, rotation, SILENT, setHashOf } from "../../test/scene.ts";
import { Stage } from "../../test/stage.ts";
import { ANNOTATIONS } from "../api/v1alpha1/labels.ts";
import type { ValidatorRotation } from "../api/v1alpha1/types.ts";
import { approvalHash, planHash, planOf } from "../decide/candidate.ts";
import { decide } from "../decide/decide.ts";
import { detect } from "../detect/detect.ts";
import type { Observed } from "../observe/observe.ts";
import { act } from "./act.ts";
import { follow, timestamp } from "./follow.ts";
import { changeStatus } from "./status-writes.ts";

const SIGNED = { nonce: 1, signature: "0".repeat(128) };

async function born(spec: ConstructorParameters<typeof Stage>[0] = {}) {
  const stage = new Stage(spec);
  await stage.born();
  const key = stage.chain.set?.members[0]?.key ?? "";
  const base = `s-e${stage.chain.set?.epoch}-${key.slice(0, 8)}`;
  const setHash = stage.set.status?.chain.setHash ?? "";
  const put = (name: string, more: Partial<ValidatorRotation> = {}) =>
    stage.cluster.put({
      apiVersion: "quorate.dev/v1alpha1",
      kind: "ValidatorRotation",
      spec: { set: "s", cause: "Silence", member: key, setHash },
      ...more,
      metadata: { namespace: "ns", name, ...more.metadata },
    } as ValidatorRotation);
  const told = () =>
    stage.rotations.map(({ metadata, status }) => [metadata.name, status?.phase ?? "none"]);
  const acts = () => stage.chain.submitted.filter((kind) => kind !== "register-spare");
  return { stage, key, base, put, told, acts };
}

const refused = {
  phase: "Refused" as const,
  initiator: "Operator" as const,
  planHash: "",
  rules: [],
  message: "nothing of it was seen on the chain",
  times: { Submitted: timestamp(0), Refused: timestamp(1) },
};

describe("the name of a rotation", () => {
  test("rule S16: a name that somebody else holds ends no healing, and is told", async () => {
    const { stage, base, put, key, acts } = await born();
    const member = "f".repeat(64);
    const spec = { set: "other", cause: "Owner", member, ownerSignature: SIGNED } as const;
    put(base, { spec: { ...spec, setHash: "0".repeat(64) } });
    await stage.lose(key, 30_000);
    await stage.passes(8);
    expect(acts()).toEqual(["silence-record"]);
    const [made] = stage.rotations;
    expect(made?.metadata.name).toBe(`${base}-2`);
    expect(made?.status?.phase).toBe("Replaced");
  });

  test("an object of the same words that a person made is not the operator's", async () => {
    const { stage, base, put, key, told } = await born({ mode: "Approve" });
    put(base);
    await stage.lose(key, 30_000);
    await stage.passes(2);
    expect(told()).toEqual([
      [base, "none"],
      [`${base}-2`, "Planned"],
    ]);
    const [, plan] = stage.rotations;
    expect(plan?.status?.message).toContain(`the name ${base} is held by another object`);
  });

  test("every numbered name is taken: one that nobody could know is found", async () => {
    const { stage, base, put, key, acts } = await born();
    for (const name of [base, ...[2, 3, 4, 5, 6, 7, 8, 9].map((nth) => `${base}-${nth}`)]) {
      put(name, { spec: { set: "other", cause: "Silence", member: key, setHash: "" } });
    }
    await stage.lose(key, 30_000);
    await stage.passes(3);
    expect(acts()).toEqual(["silence-record"]);
  });

  test("a base that was deleted is made again, one that is over is passed by", async () => {
    const { stage, base, put, key, acts, told } = await born();
    put(`${base}-2`, { status: refused });
    await stage.lose(key, 30_000);
    await stage.passes(3);
    expect(acts()).toEqual(["silence-record"]);
    expect(told().map(([name]) => name)).toContain(base);
  });
});

describe("an approval", () => {
  test("rule APPROVE: a plan ends with its finding, and its approval with it", async () => {
    const { stage, key, base, told, acts } = await born({ mode: "Approve" });
    await stage.lose(key, 30_000);
    await stage.passes(2);
    const [plan] = stage.rotations;
    stage.chain.silentMs.delete(key);
    stage.deafMs.delete(key);
    await stage.passes(2);
    expect(told()).toEqual([[base, "Expired"]]);
    const annotations = { [ANNOTATIONS.approve]: plan?.status?.planHash };
    const [live] = stage.rotations;
    stage.cluster.put({ ...live, metadata: { ...live?.metadata, annotations } } as KubeObject);
    await stage.lose(key, 30_000);
    await stage.passes(3);
    expect(acts()).toEqual([]);
    expect(told()).toEqual([
      [base, "Expired"],
      [`${base}-2`, "Planned"],
    ]);
    expect(stage.rotations[1]?.status?.planHash).not.toBe(plan?.status?.planHash);
  });

  test("rule APPROVE: a yes that is older than the plan is no yes", async () => {
    const { stage, key, base, put, told, acts } = await born({ mode: "Approve" });
    const labels = { "app.kubernetes.io/managed-by": "quorate-operator" };
    const annotations = { [ANNOTATIONS.approve]: "0".repeat(64) };
    put(base, { metadata: { name: base, namespace: "ns", labels, annotations } });
    await stage.lose(key, 30_000);
    await stage.passes(3);
    expect(acts()).toEqual([]);
    expect(told()).toEqual([
      [base, "none"],
      [`${base}-2`, "Planned"],
    ]);
  });

  test("rule APPROVE: a plan whose effect changed is void; blindness ends no plan", () => {
    const actors = [SILENT, {}, {}, {}];
    const setHash = setHashOf(actors);
    const what = { cause: "Silence", member: keyOf(0), setHash } as const;
    const mute = approvalHash(planHash({ ...what, effect: "Mute" }), "uid-r");
    const expiresAt = timestamp(2_000_000_000_000);
    const plan = rotation("r", { setHash }, { phase: "Planned", planHash: mute, expiresAt });
    const phase = (scene: Parameters<typeof observe>[0]) => {
      const observation = observe({ actors, rotations: [plan], ...scene });
      const { grounds } = decide(observation, detect(observation));
      return follow(observation, plan, grounds)?.phase;
    };
    expect(phase({ spares: [] })).toBe("Planned");
    expect(phase({})).toBe("Expired");
    expect(phase({ leaseIsFresh: false })).toBe("Planned");
  });
});

describe("status", () => {
  test("rule S16: a stale Planned never overwrites a live Submitted", async () => {
    const { stage, base, put } = await born();
    const planned = { ...refused, phase: "Planned" as const };
    const stale = put(base, { status: planned });
    const live = put(base, {
      metadata: stale.metadata,
      status: { ...refused, phase: "Submitted" },
    });
    const judged: (string | undefined)[] = [];
    const change = await changeStatus(stage.cluster, stale, ({ status }) => {
      judged.push(status?.phase);
      return status?.phase === "Planned" ? { ...status, phase: "Expired" } : status;
    });
    expect(change).toBeUndefined();
    expect(judged).toEqual(["Planned", "Submitted"]);
    expect(stage.rotations[0]?.status).toEqual(live.status);
  });

  test("what could not be sent is told, and is not called an act", async () => {
    const { stage, key, acts } = await born();
    await stage.lose(key, 30_000);
    const write = stage.cluster.applyStatus.bind(stage.cluster);
    let isChanged = true;
    stage.cluster.applyStatus = async (type, object) => {
      const { kind, status } = object as unknown as ValidatorRotation;
      if (isChanged && kind === "ValidatorRotation" && status?.phase === "Submitted") {
        isChanged = false;
        throw new ApiError(409, "Conflict", "the object has been modified");
      }
      return write(type, object);
    };
    await stage.pass();
    expect(acts()).toEqual([]);
    expect(stage.set.status?.lastDecision.message).toMatch(/nothing was sent: s-e1-.* changed by/);
    expect(stage.condition("Held")).toMatchObject({ status: "True", reason: "NotSent" });
    await stage.pass();
    expect(acts()).toEqual(["silence-record"]);
    expect(stage.set.status?.lastDecision.message).toMatch(/acts$/);
  });

  test("a condemned key whose swap the chain holds back is told to wait, and stays", () => {
    const actors = [{ isCondemned: true }, {}, {}, {}];
    const times = { Submitted: timestamp(0) };
    const status = { phase: "Submitted" as const, times };
    for (const setHash of [setHashOf(actors), "e".repeat(64)]) {
      const sent = rotation("r", { cause: "Misconduct", setHash }, status);
      const next = follow(observe({ actors, rotations: [sent] }), sent);
      expect(next).toMatchObject({ phase: "Submitted" });
      expect(next?.message).toContain("waiting: the key is condemned");
      const again = { ...sent, status: next } as ValidatorRotation;
      expect(follow(observe({ actors }), again)).toBe(next);
    }
  });
});

describe("an owner's wish", () => {
  test("that was deleted while the rules were asked is not sent", async () => {
    const { stage, key, put, acts } = await born();
    const observation = observe({});
    const { chain } = observation;
    if (chain.kind !== "verified") throw new Error("verified");
    const request = put("wish");
    const plan = planOf(chain.chain, "Owner", {
      member: key,
      cause: "Owner",
      verdict: undefined,
      request,
    });
    stage.cluster.stored.delete("ValidatorRotation/ns/wish");
    const { cluster: kube, chain: port } = stage;
    const observed = { observation, request: {} } as unknown as Observed;
    const decision = { plan, proposal: plan, refusals: [], rules: [], budget: undefined };
    const acted = await act({ kube, chain: port, leads: () => true }, observed, decision);
    expect(acts()).toEqual([]);
    expect(acted).toMatchObject({ changes: [], decision: { refusals: [{ reason: "NotSent" }] } });
    expect(acted.decision.refusals[0]?.message).toContain("wish is gone");
  });
});

describe("the record of a swap", () => {
  test("a swap after a rotation that was given up has a record of its own, with newcomer", async () => {
    const { stage, key, base, put } = await born();
    const transaction = "ab".repeat(32);
    put(base, { status: { ...refused, transaction } });
    put(`${base}-2`, { spec: { set: "other", cause: "Silence", member: key, setHash: "" } });
    const newcomer = stage.chain.spares[0]?.key;
    stage.chain.swap(key, "silence", transaction);
    await stage.passes(6);
    const records = stage.rotations.filter(({ status }) => status?.newcomer !== undefined);
    expect(records.map(({ metadata, status }) => [metadata.name, status?.phase])).toEqual([
      [`${base}-3`, "Replaced"],
    ]);
    expect(records[0]?.status).toMatchObject({ newcomer, initiator: "Operator", transaction });
    expect(stage.rotations[0]?.status?.phase).toBe("Refused");
  });
});
