import { describe, expect, test } from "vitest";
import { bareObject, listOf, ok, refusal, ScriptedTransport } from "../test/scripted-transport.ts";
import { createKubeClient } from "./create-kube-client.ts";
import { fenceWrites, NotLeaderError } from "./fence-writes.ts";
import { type ConfigMap, configMaps, nodes, pods } from "./resources.ts";
import { TransportError } from "./transport.ts";
import { VirtualClock } from "./virtual-clock.ts";

const key = { namespace: "ns", name: "a" };
const object: ConfigMap = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: key,
  data: { x: "1" },
};

function world(signal?: AbortSignal) {
  const clock = new VirtualClock();
  const transport = new ScriptedTransport();
  const client = createKubeClient({
    transport,
    clock,
    fieldManager: "me",
    ...(signal && { signal }),
  });
  return { clock, transport, client };
}

const WRITE = "fieldManager=me&fieldValidation=Strict";

describe("requests", () => {
  test("each write has its own content type, one field manager and strict fields", async () => {
    const { transport, client } = world();
    for (let i = 0; i < 6; i += 1) transport.answer(ok(object));
    await client.create(configMaps, object);
    await client.apply(configMaps, object);
    await client.apply(configMaps, object, { force: true });
    await client.applyStatus(configMaps, object);
    await client.mergePatch(configMaps, key, { data: null });
    await client.replace(configMaps, object);
    const path = "/api/v1/namespaces/ns/configmaps";
    expect(transport.requests.map((one) => [one.method, one.path, one.contentType])).toEqual([
      ["POST", `${path}?${WRITE}`, "application/json"],
      ["PATCH", `${path}/a?${WRITE}`, "application/apply-patch+yaml"],
      ["PATCH", `${path}/a?${WRITE}&force=true`, "application/apply-patch+yaml"],
      ["PATCH", `${path}/a/status?${WRITE}`, "application/apply-patch+yaml"],
      ["PATCH", `${path}/a?${WRITE}`, "application/merge-patch+json"],
      ["PUT", `${path}/a?${WRITE}`, "application/json"],
    ]);
  });

  test("what is not there is undefined, what is refused is an error with its reason", async () => {
    const { transport, client } = world();
    transport.answer(refusal(404, "NotFound"), refusal(403, "Forbidden"));
    expect(await client.get(nodes, { namespace: "", name: "n" })).toBeUndefined();
    await expect(client.get(nodes, { namespace: "", name: "n" })).rejects.toMatchObject({
      status: 403,
      reason: "Forbidden",
    });
    expect(transport.requests[0]?.path).toBe("/api/v1/nodes/n");
  });

  test("an object without a namespace or name is refused here, not written elsewhere", async () => {
    const { client } = world();
    const noName = { namespace: "ns", name: "" };
    await expect(client.get(pods, { namespace: "", name: "a" })).rejects.toThrow("namespace");
    await expect(client.mergePatch(pods, noName, {})).rejects.toThrow("name");
  });

  test("a page of a proxy is an error with its status", async () => {
    const { transport, client } = world();
    transport.answer({ status: 502, body: "<html>bad gateway" });
    await expect(client.list(pods)).rejects.toMatchObject({ status: 502, message: /bad gateway/u });
  });

  test("all pages of a list", async () => {
    const { transport, client } = world();
    transport.answer(listOf([bareObject("a", "1")], "5", "t"), listOf([bareObject("b", "2")], "5"));
    const found = await client.list(pods, { namespace: "ns", labelSelector: "x=y" });
    expect(found.map(({ metadata }) => metadata.name)).toEqual(["a", "b"]);
    expect(transport.requests[1]?.path).toBe(
      "/api/v1/namespaces/ns/pods?labelSelector=x%3Dy&limit=500&continue=t",
    );
  });
});

describe("429 and 503", () => {
  test("with Retry-After are waited out, as long as the server says", async () => {
    const { transport, client, clock } = world();
    transport.answer(refusal(429, "TooManyRequests", 2), refusal(503, "x", 3), ok(object));
    const got = client.get(configMaps, key);
    await clock.advance(1_999);
    expect(transport.requests).toHaveLength(1);
    await clock.advance(1);
    expect(transport.requests).toHaveLength(2);
    await clock.advance(3_000);
    expect(await got).toEqual(object);
  });

  test("are not waited for beyond the budget", async () => {
    const { transport, client, clock } = world();
    transport.answer(refusal(429, "TooManyRequests", 20), refusal(429, "TooManyRequests", 20));
    const got = expect(client.get(configMaps, key)).rejects.toMatchObject({
      status: 429,
      retryAfterSeconds: 20,
    });
    await clock.advance(20_000);
    await got;
    expect(transport.requests).toHaveLength(2);
  });

  test("with Retry-After 0 are no hot loop", async () => {
    const { transport, client, clock } = world();
    transport.answer(...Array.from({ length: 1_000 }, () => refusal(429, "TooManyRequests", 0)));
    const got = expect(client.get(configMaps, key)).rejects.toMatchObject({ status: 429 });
    await clock.advance(1_000);
    expect(transport.requests.length).toBeLessThanOrEqual(11);
    await clock.advance(30_000);
    await got;
  });

  test("a stop ends the wait", async () => {
    const stop = new AbortController();
    const { transport, client, clock } = world(stop.signal);
    transport.answer(refusal(429, "TooManyRequests", 20));
    const got = expect(client.get(configMaps, key)).rejects.toThrow("stopped");
    await clock.advance(0);
    stop.abort(new Error("stopped"));
    await got;
    expect(clock.sleeping()).toBe(0);
  });
});

describe("a create that got no answer", () => {
  test("had its effect: what stands there is returned, nothing is made twice", async () => {
    const { transport, client } = world();
    const live = { ...object, metadata: { ...key, uid: "u", resourceVersion: "7" } };
    transport.answer(new TransportError("reset"), ok(live));
    expect(await client.create(configMaps, object)).toEqual(live);
    expect(transport.requests.map(({ method }) => method)).toEqual(["POST", "GET"]);
  });

  test("and another object stands there: AlreadyExists", async () => {
    const { transport, client } = world();
    transport.answer(new TransportError("reset"), ok({ ...object, data: { x: "2" } }));
    await expect(client.create(configMaps, object)).rejects.toMatchObject({
      reason: "AlreadyExists",
    });
  });

  test("and nothing stands there: the caller hears that nobody knows", async () => {
    const { transport, client } = world();
    transport.answer(new TransportError("reset"), refusal(404, "NotFound"));
    await expect(client.create(configMaps, object)).rejects.toThrow(TransportError);
  });

  test("because a 503 in between had its effect after all: what stands there is returned", async () => {
    const { transport, client, clock } = world();
    transport.answer(refusal(503, "x", 1), refusal(409, "AlreadyExists"), ok(object));
    const created = client.create(configMaps, object);
    await clock.advance(1_000);
    expect(await created).toEqual(object);
  });

  test("a plain AlreadyExists stays one", async () => {
    const { transport, client } = world();
    transport.answer(refusal(409, "AlreadyExists"));
    await expect(client.create(configMaps, object)).rejects.toMatchObject({ status: 409 });
    expect(transport.left).toBe(0);
  });
});

describe("delete and evict", () => {
  const uid = { uid: "u", gracePeriodSeconds: 5 };

  test("name the uid, so that a successor of the same name is never hit", async () => {
    const { transport, client } = world();
    transport.answer(ok({}), ok({}, 201));
    await client.delete(pods, key, uid);
    await client.evict(key, uid);
    expect(transport.requests[0]?.body).toMatchObject({
      preconditions: { uid: "u" },
      gracePeriodSeconds: 5,
    });
    expect(transport.requests[1]).toMatchObject({
      method: "POST",
      path: `/api/v1/namespaces/ns/pods/a/eviction?${WRITE}`,
      body: { kind: "Eviction", deleteOptions: { preconditions: { uid: "u" } } },
    });
  });

  test("gone already, or replaced by another of the same name, is no error", async () => {
    const { transport, client } = world();
    transport.answer(refusal(404, "NotFound"));
    await client.delete(pods, key, uid);
    transport.answer(refusal(409, "Conflict"), ok(bareObject("a", "1", { uid: "another" })));
    await client.delete(pods, key, uid);
    transport.answer(refusal(409, "Conflict"), ok(bareObject("a", "1", { uid: "u" })));
    await expect(client.delete(pods, key, uid)).rejects.toMatchObject({ status: 409 });
  });

  test("a budget that forbids an eviction is not waited out", async () => {
    const { transport, client, clock } = world();
    transport.answer(refusal(429, "TooManyRequests", 10));
    await expect(client.evict(key, uid)).rejects.toMatchObject({ status: 429 });
    expect(clock.sleeping()).toBe(0);
  });
});

describe("status", () => {
  test("fields that another manager took are taken back", async () => {
    const { transport, client } = world();
    transport.answer(refusal(409, "Conflict"), ok(object));
    await client.applyStatus(configMaps, object);
    expect(transport.requests.map(({ path }) => path.includes("force=true"))).toEqual([
      false,
      true,
    ]);
  });

  test("where a resourceVersion is named, a conflict stands", async () => {
    const { transport, client } = world();
    transport.answer(refusal(409, "Conflict"));
    const metadata = { ...object.metadata, resourceVersion: "1" };
    const write = client.applyStatus(configMaps, { ...object, metadata });
    await expect(write).rejects.toMatchObject({ status: 409 });
    expect(transport.requests).toHaveLength(1);
  });
});

test("S10: a client behind the fence reads always and writes only while it may", async () => {
  const transport = new ScriptedTransport();
  let mayWrite = false;
  const fenced = createKubeClient({
    transport: fenceWrites(transport, () => mayWrite),
    clock: new VirtualClock(),
    fieldManager: "me",
  });
  transport.answer(ok(object));
  expect(await fenced.get(configMaps, key)).toEqual(object);
  const writes = [
    () => fenced.create(configMaps, object),
    () => fenced.apply(configMaps, object),
    () => fenced.applyStatus(configMaps, object),
    () => fenced.mergePatch(configMaps, key, {}),
    () => fenced.replace(configMaps, object),
    () => fenced.delete(configMaps, key, { uid: "u" }),
    () => fenced.evict(key, { uid: "u" }),
  ];
  for (const write of writes) await expect(write()).rejects.toThrow(NotLeaderError);
  expect(transport.requests).toHaveLength(1);
  mayWrite = true;
  for (const write of writes) {
    transport.answer(ok(object));
    await write();
  }
  expect(transport.requests).toHaveLength(8);
});

test("S10: a write that waited for a busy server is asked again before it is sent again", async () => {
  const clock = new VirtualClock();
  const transport = new ScriptedTransport();
  let mayWrite = true;
  const fenced = createKubeClient({
    transport: fenceWrites(transport, () => mayWrite),
    clock,
    fieldManager: "me",
  });
  transport.answer(refusal(429, "TooManyRequests", 20), ok(object));
  const write = expect(fenced.create(configMaps, object)).rejects.toThrow(NotLeaderError);
  await clock.advance(10_000);
  mayWrite = false;
  await clock.advance(20_000);
  await write;
  expect(transport.requests).toHaveLength(1);
});
