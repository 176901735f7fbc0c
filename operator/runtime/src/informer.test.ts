import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ModelServer } from "../test/model-server.ts";
import { QuietLog } from "../test/quiet-log.ts";
import { bareObject, listOf, refusal, ScriptedTransport } from "../test/scripted-transport.ts";
import { createInformer, type InformerOptions } from "./informer.ts";
import type { Change } from "./object-cache.ts";
import { type Pod, pods } from "./resources.ts";
import { ApiError, TransportError } from "./transport.ts";
import { settle, VirtualClock } from "./virtual-clock.ts";

function world(options: Partial<InformerOptions<Pod>> = {}) {
  const clock = new VirtualClock();
  const transport = new ScriptedTransport();
  const log = new QuietLog();
  const changes: Change<Pod>[] = [];
  const stop = new AbortController();
  const informer = createInformer<Pod>({
    transport,
    type: pods,
    clock,
    random: () => 0.5,
    log,
    onChange: (change) => changes.push(change),
    ...options,
  });
  const start = async () => {
    const stopped = informer.start(stop.signal);
    await settle();
    return stopped;
  };
  const seen = () => changes.map(({ kind, object }) => `${kind} ${object.metadata.name}`);
  return { clock, transport, log, changes, seen, stop, informer, start };
}

function running(options: Partial<InformerOptions<Pod>> = {}) {
  const all = world(options);
  return { ...all, run: () => void all.start() };
}

describe("first list", () => {
  test("pages are put together and one of them alone does not count as synced", async () => {
    const { transport, informer, run, seen } = running({ pageSize: 1 });
    let answerSecond: () => void = () => undefined;
    const second = new Promise<void>((resolve) => {
      answerSecond = resolve;
    });
    transport.answer(listOf([bareObject("a", "1")], "5", "token"), async () => {
      await second;
      return listOf([bareObject("b", "2")], "5");
    });
    run();
    await settle();
    expect(informer.synced()).toBe(false);
    expect(informer.list()).toEqual([]);
    answerSecond();
    await informer.whenSynced(AbortSignal.timeout(1_000));
    expect(seen()).toEqual(["added a", "added b"]);
    expect(transport.requests.map(({ path }) => path)).toEqual([
      "/api/v1/pods?limit=1",
      "/api/v1/pods?limit=1&continue=token",
    ]);
  });

  test("410 between two pages starts over in one piece: no state is made of two", async () => {
    const { transport, run, seen } = running({ pageSize: 1 });
    transport.answer(
      listOf([bareObject("old", "1")], "5", "token"),
      refusal(410, "Expired"),
      listOf([bareObject("new", "7")], "8"),
    );
    run();
    await settle();
    expect(seen()).toEqual(["added new"]);
    expect(transport.requests.at(-1)?.path).toBe("/api/v1/pods");
    expect(transport.lastWatch.query("resourceVersion")).toBe("8");
  });

  test("items of a list come without a type and leave with one", async () => {
    const { transport, run, informer } = running();
    transport.answer(listOf([bareObject("a", "1")], "5"));
    run();
    await settle();
    expect(informer.list()[0]).toMatchObject({ apiVersion: "v1", kind: "Pod" });
  });
});

describe("watch", () => {
  test("asks for bookmarks, and a bookmark advances where the next watch goes on", async () => {
    const { transport, run, clock } = running();
    transport.answer(listOf([], "5"));
    run();
    await settle();
    expect(transport.lastWatch.query("allowWatchBookmarks")).toBe("true");
    transport.lastWatch.send("BOOKMARK", { metadata: { resourceVersion: "900" } });
    await clock.advance(60_000);
    transport.lastWatch.end();
    await settle();
    expect(transport.watches).toHaveLength(2);
    expect(transport.lastWatch.query("resourceVersion")).toBe("900");
    expect(transport.requests).toHaveLength(1);
  });

  test("an idle watch lives until the server ends it, not 30 s", async () => {
    const { transport, run, clock } = running();
    transport.answer(listOf([], "5"));
    run();
    await clock.advance(299_000);
    expect(transport.watches).toHaveLength(1);
    expect(transport.lastWatch.signal.aborted).toBe(false);
  });

  test("a watch that outlives its end is dead: a new one replaces it", async () => {
    const { transport, run, clock, log } = running();
    transport.answer(listOf([], "5"));
    run();
    await settle();
    const seconds = Number(transport.lastWatch.query("timeoutSeconds"));
    await clock.advance(seconds * 1_000 + 20_000);
    expect(transport.watches).toHaveLength(2);
    expect(transport.watches[0]?.signal.aborted).toBe(true);
    expect(log.said("warn")).toEqual(["list or watch failed"]);
    expect(transport.requests).toHaveLength(1);
  });

  test("410 as a status lists again, after a jittered wait", async () => {
    const { transport, run, clock, seen } = running();
    transport.answer(listOf([bareObject("a", "1")], "5"), listOf([bareObject("b", "9")], "9"));
    run();
    await settle();
    transport.lastWatch.fail(new ApiError(410, "Expired", "too old resource version"));
    await settle();
    expect(transport.requests).toHaveLength(1);
    await clock.advance(1_000);
    expect(transport.requests).toHaveLength(2);
    expect(seen()).toEqual(["added a", "deleted a", "added b"]);
  });

  test("410 inside the stream lists again", async () => {
    const { transport, run, clock, seen } = running();
    transport.answer(listOf([bareObject("a", "1")], "5"), listOf([], "9"));
    run();
    await settle();
    transport.lastWatch.send("ERROR", { kind: "Status", code: 410, reason: "Expired" });
    await clock.advance(1_000);
    expect(seen()).toEqual(["added a", "deleted a"]);
  });

  test("another error inside the stream is neither ignored nor the end", async () => {
    const { transport, run, clock, log, seen } = running();
    transport.answer(listOf([], "5"), listOf([bareObject("a", "7")], "7"));
    run();
    await settle();
    transport.lastWatch.send("ERROR", { kind: "Status", code: 500, message: "etcd is away" });
    await clock.advance(1_000);
    expect(log.said("warn")).toEqual(["list or watch failed"]);
    expect(seen()).toEqual(["added a"]);
    expect(transport.watches).toHaveLength(2);
  });

  test("a broken connection goes on where it broke, without a list", async () => {
    const { transport, run, clock, seen } = running();
    transport.answer(listOf([], "5"));
    run();
    await settle();
    transport.lastWatch.send("ADDED", bareObject("a", "6"));
    transport.lastWatch.fail(new TransportError("reset"));
    await clock.advance(1_000);
    expect(transport.lastWatch.query("resourceVersion")).toBe("6");
    transport.lastWatch.send("MODIFIED", bareObject("a", "7"));
    await settle();
    expect(seen()).toEqual(["added a", "updated a"]);
    expect(transport.requests).toHaveLength(1);
  });

  test("a watch that breaks again and again where it goes on leads to a list", async () => {
    const { transport, run, clock } = running();
    transport.answer(listOf([], "5"), listOf([], "6"));
    run();
    for (let i = 0; i < 4; i += 1) {
      await settle();
      transport.lastWatch.fail(new TransportError("a line of the watch is no JSON"));
      await clock.advance(3_000);
    }
    expect(transport.watches).toHaveLength(5);
    expect(transport.requests).toHaveLength(2);
    expect(transport.lastWatch.query("resourceVersion")).toBe("6");
  });

  test("an event without an object is an error and leads to a list", async () => {
    const { transport, run, clock } = running();
    transport.answer(listOf([], "5"), listOf([], "6"));
    run();
    await settle();
    transport.lastWatch.send("ADDED", { metadata: {} });
    await clock.advance(1_000);
    expect(transport.requests).toHaveLength(2);
  });
});

describe("lost events", () => {
  test("a deletion that nobody saw is told by the next list", async () => {
    const { transport, run, clock, changes } = running();
    transport.answer(listOf([bareObject("a", "1"), bareObject("b", "2")], "5"));
    transport.answer(listOf([bareObject("b", "2")], "9"));
    run();
    await settle();
    transport.lastWatch.send("ERROR", { code: 410 });
    await clock.advance(1_000);
    expect(changes.slice(2)).toMatchObject([
      { kind: "deleted", missed: true, object: { metadata: { name: "a" } } },
    ]);
  });

  test("deleted and made anew under one name is two objects, not an update", async () => {
    const { transport, run, clock, changes } = running();
    transport.answer(listOf([bareObject("a", "1")], "5"));
    transport.answer(listOf([bareObject("a", "8", { uid: "another" })], "9"));
    run();
    await settle();
    transport.lastWatch.send("ERROR", { code: 410 });
    await clock.advance(1_000);
    expect(changes.slice(1)).toMatchObject([
      { kind: "deleted", object: { metadata: { uid: "uid-a" } } },
      { kind: "added", object: { metadata: { uid: "another" } } },
    ]);
  });

  test("what did not change is not told again", async () => {
    const { transport, run, clock, seen } = running();
    transport.answer(listOf([bareObject("a", "1")], "5"), listOf([bareObject("a", "1")], "9"));
    run();
    await settle();
    transport.lastWatch.send("ERROR", { code: 410 });
    await clock.advance(1_000);
    expect(seen()).toEqual(["added a"]);
  });
});

describe("handlers, objects, stop", () => {
  test("a handler that throws harms neither the cache nor the next handler call", async () => {
    const told: string[] = [];
    const { transport, run, informer, log } = running({
      onChange: ({ object }) => {
        told.push(object.metadata.name);
        throw new Error("handler");
      },
    });
    transport.answer(listOf([bareObject("a", "1")], "5"));
    run();
    await settle();
    transport.lastWatch.send("ADDED", bareObject("b", "6"));
    await settle();
    expect(told).toEqual(["a", "b"]);
    expect(informer.list()).toHaveLength(2);
    expect(log.said("error")).toEqual(["a handler threw", "a handler threw"]);
    expect(transport.watches).toHaveLength(1);
  });

  test("cached objects cannot be changed, at no depth", async () => {
    const { transport, run, informer } = running();
    transport.answer(listOf([bareObject("a", "1", { labels: { x: "1" } })], "5"));
    run();
    await settle();
    const labels = informer.get({ namespace: "ns", name: "a" })?.metadata.labels;
    expect(() => Object.assign(labels ?? {}, { x: "2" })).toThrow(TypeError);
  });

  test("managedFields are not kept", async () => {
    const { transport, run, informer } = running();
    transport.answer(listOf([bareObject("a", "1", { managedFields: [{}] })], "5"));
    run();
    await settle();
    expect(informer.list()[0]?.metadata).not.toHaveProperty("managedFields");
  });

  test("objects are found by namespace and by indexed label, also after a change", async () => {
    const { transport, run, informer } = running({ indexLabels: ["set"] });
    transport.answer(listOf([bareObject("a", "1", { labels: { set: "x" } })], "5"));
    run();
    await settle();
    expect(informer.withLabel("set", "x", "ns")).toHaveLength(1);
    expect(informer.withLabel("set", "x", "elsewhere")).toHaveLength(0);
    transport.lastWatch.send("MODIFIED", bareObject("a", "6", { labels: { set: "y" } }));
    await settle();
    expect(informer.withLabel("set", "x")).toHaveLength(0);
    expect(informer.withLabel("set", "y")).toHaveLength(1);
    expect(informer.list("elsewhere")).toHaveLength(0);
    expect(() => informer.withLabel("other", "y")).toThrow("indexLabels");
  });

  test("stop is silent: no change, no log line, no further request", async () => {
    const { transport, start, stop, log, seen, clock } = world();
    transport.answer(listOf([bareObject("a", "1")], "5"));
    const stopped = start();
    await settle();
    stop.abort();
    await stopped;
    await clock.advance(600_000);
    expect(seen()).toEqual(["added a"]);
    expect(log.lines).toEqual([]);
    expect(transport.watches).toHaveLength(1);
    expect(clock.sleeping()).toBe(0);
  });

  test("stop during the wait after a failure ends at once", async () => {
    const { transport, start, stop, clock } = world();
    transport.answer(new TransportError("down"));
    const stopped = start();
    await settle();
    stop.abort();
    await stopped;
    expect(clock.sleeping()).toBe(0);
  });
});

describe("no hot loop", () => {
  test("a server that refuses every list is asked less and less often", async () => {
    const { transport, run, clock } = running();
    transport.answer(...Array.from({ length: 100 }, () => refusal(500, "InternalError")));
    run();
    await clock.advance(60_000);
    expect(transport.requests.length).toBeLessThan(12);
  });

  test("a server that ends every watch at once is asked less and less often", async () => {
    const clock = new VirtualClock();
    let asked = 0;
    const informer = createInformer<Pod>({
      transport: {
        request: async () => {
          asked += 1;
          return listOf([], "5");
        },
        // biome-ignore lint/correctness/useYield: ends without an event
        watch: async function* () {
          asked += 1;
        },
      },
      type: pods,
      clock,
      random: () => 0.5,
      log: new QuietLog(),
    });
    const stop = new AbortController();
    const stopped = informer.start(stop.signal);
    await clock.advance(60_000);
    stop.abort();
    await stopped;
    expect(asked).toBeGreaterThan(3);
    expect(asked).toBeLessThan(25);
  });
});

const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ put: fc.nat(7), label: fc.constantFrom("x", "y") }) },
  { weight: 3, arbitrary: fc.record({ remove: fc.nat(7) }) },
  { weight: 1, arbitrary: fc.constant("compact" as const) },
  { weight: 2, arbitrary: fc.constant("cut" as const) },
  { weight: 4, arbitrary: fc.record({ waitMs: fc.nat(20_000) }) },
);

function lcg(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test("the cache equals the model after any changes, gaps, 410s and errors", async () => {
  const schedule = fc.array(operation, { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(schedule, fc.integer(), async (operations, seed) => {
      const clock = new VirtualClock();
      const server = new ModelServer(lcg(seed));
      // What the changes alone would have built: must be the same as the cache.
      const told = new Map<string, string | undefined>();
      const wrong: string[] = [];
      const informer = createInformer<Pod>({
        transport: server,
        type: pods,
        clock,
        random: lcg(seed + 1),
        log: new QuietLog(),
        pageSize: 3,
        indexLabels: ["l"],
        onChange: (change) => {
          const { uid = "", resourceVersion } = change.object.metadata;
          if (told.has(uid) === (change.kind === "added")) wrong.push(`${change.kind} ${uid}`);
          if (change.kind === "deleted") told.delete(uid);
          else told.set(uid, resourceVersion);
        },
      });
      const stop = new AbortController();
      server.faults = true;
      const stopped = informer.start(stop.signal);
      for (const step of operations) {
        if (step === "compact") server.compact();
        else if (step === "cut") server.cut();
        else if ("put" in step) server.put(`pod-${step.put}`, { l: step.label });
        else if ("remove" in step) server.remove(`pod-${step.remove}`);
        else await clock.advance(step.waitMs);
        await settle();
      }
      server.faults = false;
      server.cut();
      await clock.advance(120_000);
      const model = [...server.objects.values()].map(({ metadata }) => metadata);
      const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
      const cached = informer.list().map(({ metadata }) => metadata);
      expect(wrong).toEqual([]);
      expect(cached.toSorted(byName)).toEqual(model.toSorted(byName));
      expect(told).toEqual(new Map(model.map((one) => [one.uid, one.resourceVersion])));
      for (const value of ["x", "y"]) {
        const names = informer.withLabel("l", value).map(({ metadata }) => metadata.name);
        const expected = model.filter(({ labels }) => labels["l"] === value);
        expect(names.toSorted()).toEqual(expected.map(({ name }) => name).toSorted());
      }
      stop.abort();
      await stopped;
    }),
    { numRuns: 200 },
  );
});
