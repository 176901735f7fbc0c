import { expect, test } from "vitest";
import { QuietLog } from "../test/quiet-log.ts";
import { ok, refusal, ScriptedTransport } from "../test/scripted-transport.ts";
import { createKubeClient } from "./create-kube-client.ts";
import { createEventRecorder } from "./event-recorder.ts";
import type { KubeObject } from "./objects.ts";
import { TransportError } from "./transport.ts";
import { VirtualClock } from "./virtual-clock.ts";

const set: KubeObject = {
  apiVersion: "quorate.dev/v1alpha1",
  kind: "ValidatorSet",
  metadata: { name: "main", namespace: "ns", uid: "u", resourceVersion: "7" },
};
const note = { type: "Warning", reason: "QuorumUnsafe", message: "two of four" } as const;

function world() {
  const clock = new VirtualClock();
  const transport = new ScriptedTransport();
  const log = new QuietLog();
  const client = createKubeClient({ transport, clock, fieldManager: "me", retryBudgetMs: 0 });
  let calls = 0;
  const recorder = createEventRecorder({
    client,
    clock,
    random: () => {
      calls += 1;
      return (calls % 16) / 16;
    },
    log,
    component: "quorate-operator",
    instance: "operator-0",
  });
  const written = () => transport.requests.map(({ method, body }) => ({ method, body }));
  return { clock, transport, log, recorder, written };
}

test("an event names its object as `kubectl describe` looks for it", async () => {
  const { transport, recorder } = world();
  transport.answer(ok({}, 201));
  recorder.record(set, note);
  await recorder.flush();
  expect(transport.requests[0]?.path).toMatch(/^\/api\/v1\/namespaces\/ns\/events\?/u);
  expect(transport.requests[0]?.body).toMatchObject({
    kind: "Event",
    metadata: { name: expect.stringMatching(/^main\.[0-9a-f]{16}$/u), namespace: "ns" },
    involvedObject: { kind: "ValidatorSet", name: "main", namespace: "ns", uid: "u" },
    ...note,
    count: 1,
    firstTimestamp: "2026-01-01T00:00:00Z",
    source: { component: "quorate-operator" },
  });
});

test("the same again counts up, also at another version of the object", async () => {
  const { transport, recorder, clock, written } = world();
  transport.answer(ok({}, 201), ok({}), ok({}));
  recorder.record(set, note);
  await clock.advance(60_000);
  recorder.record({ ...set, metadata: { ...set.metadata, resourceVersion: "8" } }, note);
  recorder.record(set, note);
  await recorder.flush();
  expect(written().slice(1)).toEqual([
    { method: "PATCH", body: { count: 2, lastTimestamp: "2026-01-01T00:01:00Z" } },
    { method: "PATCH", body: { count: 3, lastTimestamp: "2026-01-01T00:01:00Z" } },
  ]);
});

test("a series whose event is gone, or that is older than 10 min, starts anew", async () => {
  const { transport, recorder, clock, written } = world();
  transport.answer(ok({}, 201), refusal(404, "NotFound"), ok({}, 201), ok({}, 201));
  recorder.record(set, note);
  recorder.record(set, note);
  await recorder.flush();
  await clock.advance(600_001);
  recorder.record(set, note);
  await recorder.flush();
  expect(written().map(({ method }) => method)).toEqual(["POST", "PATCH", "POST", "POST"]);
});

test("messages that change all the time become one event", async () => {
  const { transport, recorder, written } = world();
  transport.answer(...Array.from({ length: 20 }, () => ok({})));
  for (let i = 0; i < 20; i += 1) recorder.record(set, { ...note, message: `height ${i}` });
  await recorder.flush();
  expect(written().filter(({ method }) => method === "POST")).toHaveLength(11);
  expect(written().at(-1)?.body).toMatchObject({ count: 10 });
});

test("one object has 25 events at once, then one in 5 min; another has its own", async () => {
  const { transport, recorder, clock } = world();
  transport.answer(...Array.from({ length: 100 }, () => ok({})));
  for (let i = 0; i < 60; i += 1) recorder.record(set, note);
  await recorder.flush();
  expect(transport.requests).toHaveLength(25);
  recorder.record({ ...set, metadata: { ...set.metadata, name: "b", uid: "v" } }, note);
  await recorder.flush();
  expect(transport.requests).toHaveLength(26);
  await clock.advance(300_000);
  recorder.record(set, note);
  recorder.record(set, note);
  await recorder.flush();
  expect(transport.requests).toHaveLength(27);
});

test("never throws, never blocks: failures are logged, what cannot wait is dropped", async () => {
  const { transport, recorder, log } = world();
  transport.answer(
    () => new Promise((_, reject) => setImmediate(() => reject(new TransportError("down")))),
  );
  transport.answer(refusal(404, "NotFound"));
  for (let i = 0; i < 1_100; i += 1) {
    const metadata = { ...set.metadata, name: `set-${i}`, uid: `u${i}` };
    recorder.record({ ...set, metadata }, note);
    if (i >= 1) transport.answer(ok({}, 201));
  }
  await recorder.flush();
  expect(log.said("warn").filter((line) => line.includes("dropped"))).toHaveLength(99);
  expect(log.said("warn").filter((line) => line === "event not written")).toHaveLength(1);
});

test("an event of an object without a namespace goes to default; long messages are cut", async () => {
  const { transport, recorder } = world();
  transport.answer(ok({}, 201));
  const node = { apiVersion: "v1", kind: "Node", metadata: { name: "n" } };
  recorder.record(node, { ...note, message: "x".repeat(5_000) });
  await recorder.flush();
  const body = transport.requests[0]?.body as { message: string; metadata: { namespace: string } };
  expect(body.metadata.namespace).toBe("default");
  expect(body.message).toHaveLength(1_024);
});
