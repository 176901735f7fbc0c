import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { Stage } from "../../test/stage.ts";
import { answer, Listener, type ListenerViews } from "./listener.ts";
import { targetGroups } from "./service-discovery.ts";

function views(change: Partial<ListenerViews> = {}): ListenerViews {
  return { registry: new Registry(), unready: () => undefined, targets: () => [], ...change };
}

test("ready only with filled caches, and says why not", async () => {
  const filling = views({ unready: () => "the caches are not filled yet" });
  expect(await answer(filling, "GET", "/readyz")).toMatchObject({ status: 503 });
  expect(await answer(filling, "GET", "/healthz")).toMatchObject({ status: 200 });
  expect(await answer(views(), "GET", "/readyz")).toMatchObject({ status: 200 });
});

test("discovery fails while the caches fill: Prometheus then keeps its targets", async () => {
  const filling = views({ unready: () => "filling" });
  expect(await answer(filling, "GET", "/sd/ns/s")).toMatchObject({ status: 503 });
  expect(await answer(views({ targets: () => undefined }), "GET", "/sd/ns/s")).toMatchObject({
    status: 404,
  });
});

test.each(["/", "/sd/ns", "/sd/ns/s/x", "/sd/NS/s", "/metrics/x"])(
  "%s is not found",
  async (path) => {
    expect(await answer(views(), "GET", path)).toMatchObject({ status: 404 });
  },
);

test("nothing can be written through it", async () => {
  expect(await answer(views(), "POST", "/metrics")).toMatchObject({ status: 405 });
});

test("targets of a set carry the consensus key of whose view they are", async () => {
  const stage = new Stage();
  await stage.born();
  const groups = targetGroups(stage.cluster, { namespace: "ns", name: "s" });
  expect(groups?.length).toBe(5);
  expect(groups?.[0]).toEqual({
    targets: ["10.0.0.1:7004"],
    labels: {
      namespace: "ns",
      set: "s",
      pod: "s-0",
      observer: stage.nodes.keyAt("10.0.0.1", "consensus"),
    },
  });
  expect(targetGroups(stage.cluster, { namespace: "ns", name: "other" })).toBeUndefined();
});

test("answers over HTTP", async () => {
  const listener = await Listener.start(views(), { host: "127.0.0.1", port: 0 });
  try {
    const got = await fetch(`http://127.0.0.1:${listener.port}/sd/ns/s?x=1`);
    expect(got.headers.get("content-type")).toBe("application/json");
    expect(await got.json()).toEqual([]);
  } finally {
    await listener.close();
  }
});
