import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { QuietLog } from "../test/quiet-log.ts";
import { type ControllerOptions, runController } from "./controller.ts";
import { createRuntimeMetrics } from "./metrics.ts";
import { settle, VirtualClock } from "./virtual-clock.ts";
import { WorkQueue, type WorkQueueOptions } from "./work-queue.ts";

function queueWorld(options: Partial<WorkQueueOptions> = {}) {
  const clock = new VirtualClock();
  const registry = new Registry();
  const metrics = createRuntimeMetrics(registry, clock);
  const queue = new WorkQueue({ name: "sets", clock, metrics, ...options });
  const value = async (line: string) => {
    const text = await registry.metrics();
    const found = text.split("\n").find((one) => one.startsWith(`${line} `));
    return found === undefined ? undefined : Number(found.split(" ").at(-1));
  };
  return { clock, registry, metrics, queue, value };
}

function controllerWorld(
  reconcile: ControllerOptions["reconcile"],
  options: Partial<ControllerOptions> = {},
) {
  const world = queueWorld();
  const log = new QuietLog();
  const stop = new AbortController();
  const { clock, metrics, queue } = world;
  const stopped = runController({
    name: "sets",
    workers: 2,
    queue,
    reconcile,
    signal: stop.signal,
    clock,
    log,
    metrics,
    ...options,
  });
  return { ...world, log, stop, stopped };
}

describe("work queue", () => {
  test("duplicate adds collapse into one", async () => {
    const { queue, value } = queueWorld();
    for (let i = 0; i < 5; i += 1) queue.add("a");
    expect(queue.length).toBe(1);
    expect(await value('workqueue_adds_total{name="sets"}')).toBe(1);
    expect(await value('workqueue_depth{name="sets"}')).toBe(1);
  });

  test("a key in work is given to nobody else, and once more afterwards", async () => {
    const { queue, value } = queueWorld();
    queue.add("a");
    expect(await queue.take()).toBe("a");
    queue.add("a");
    queue.add("a");
    expect(await value('workqueue_adds_total{name="sets"}')).toBe(2);
    expect(queue.length).toBe(0);
    queue.done("a");
    expect(queue.length).toBe(1);
    expect(await queue.take()).toBe("a");
    queue.done("a");
    expect(queue.length).toBe(0);
  });

  test("failures of a key wait 5 ms, 10 ms, ... up to 1000 s; forget starts anew", async () => {
    const { queue, clock } = queueWorld({ retriesPerSecond: 1_000 });
    const waits: number[] = [];
    for (let i = 0; i < 20; i += 1) {
      queue.addRateLimited("a");
      waits.push(clock.nextWakeMs() ?? 0);
      await clock.advance(1_000_000);
      expect(await queue.take()).toBe("a");
      queue.done("a");
    }
    expect(waits.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(waits.at(-1)).toBe(1_000_000);
    queue.forget("a");
    queue.addRateLimited("a");
    expect(clock.nextWakeMs()).toBe(5);
  });

  test("failures of all keys together: 100 at once, then 10 a second", async () => {
    const { queue, clock } = queueWorld();
    for (let i = 0; i < 150; i += 1) queue.addRateLimited(`key-${i}`);
    await clock.advance(50);
    expect(queue.length).toBe(100);
    await clock.advance(1_000);
    expect(queue.length).toBe(110);
    await clock.advance(4_000);
    expect(queue.length).toBe(150);
  });

  test("of two waits for one key the earlier counts, and only it", async () => {
    const { queue, clock } = queueWorld();
    queue.addAfter("a", 1_000);
    queue.addAfter("a", 100);
    queue.addAfter("a", 5_000);
    await clock.advance(100);
    expect(await queue.take()).toBe("a");
    queue.done("a");
    await clock.advance(10_000);
    expect(queue.length).toBe(0);
    expect(clock.sleeping()).toBe(0);
  });

  test("shut down: waiting takers end, timers end, nothing is taken any more", async () => {
    const { queue, clock } = queueWorld();
    const taken = queue.take();
    queue.addAfter("a", 1_000);
    queue.shutDown();
    expect(await taken).toBeUndefined();
    queue.add("b");
    queue.addAfter("c", 1);
    expect(await queue.take()).toBeUndefined();
    await clock.advance(10_000);
    expect(queue.length).toBe(0);
    expect(clock.sleeping()).toBe(0);
  });

  test("tells how long keys wait and how long work on them takes, also unfinished", async () => {
    const { queue, clock, value } = queueWorld();
    queue.add("a");
    await clock.advance(2_000);
    await queue.take();
    await clock.advance(3_000);
    expect(await value('workqueue_queue_duration_seconds_sum{name="sets"}')).toBe(2);
    expect(await value('workqueue_unfinished_work_seconds{name="sets"}')).toBe(3);
    expect(await value('workqueue_longest_running_processor_seconds{name="sets"}')).toBe(3);
    queue.done("a");
    expect(await value('workqueue_unfinished_work_seconds{name="sets"}')).toBe(0);
    expect(await value('workqueue_longest_running_processor_seconds{name="sets"}')).toBe(0);
    expect(await value('workqueue_work_duration_seconds_sum{name="sets"}')).toBe(3);
  });
});

describe("controller", () => {
  test("one key is never in work twice, different keys are side by side", async () => {
    const running = new Map<string, number>();
    let most = 0;
    const world = controllerWorld(async (key) => {
      running.set(key, (running.get(key) ?? 0) + 1);
      expect(running.get(key)).toBe(1);
      most = Math.max(most, [...running.values()].filter((count) => count > 0).length);
      world.queue.add(key);
      await world.clock.sleep(100);
      running.set(key, 0);
      return {};
    });
    for (const key of ["a", "b", "c"]) world.queue.add(key);
    await world.clock.advance(2_000);
    expect(most).toBe(2);
    expect(await world.value('controller_runtime_active_workers{controller="sets"}')).toBe(2);
    expect(await world.value('controller_runtime_reconcile_errors_total{controller="sets"}')).toBe(
      0,
    );
    world.stop.abort();
    await world.clock.advance(200);
    await world.stopped;
  });

  test("a panic is an error: counted, logged with its key, tried again after a wait", async () => {
    const at: number[] = [];
    const world = controllerWorld(() => {
      at.push(world.clock.monotonic());
      if (at.length < 4) throw new TypeError("undefined is not a function");
      return Promise.resolve({});
    });
    world.queue.add("a");
    await world.clock.advance(1_000);
    expect(at).toEqual([0, 5, 15, 35]);
    const labels = 'controller="sets"';
    expect(await world.value(`controller_runtime_reconcile_errors_total{${labels}}`)).toBe(3);
    const total = "controller_runtime_reconcile_total";
    expect(await world.value(`${total}{${labels},result="error"}`)).toBe(3);
    expect(await world.value(`${total}{${labels},result="success"}`)).toBe(1);
    expect(await world.value('workqueue_retries_total{name="sets"}')).toBe(3);
    expect(world.log.lines[0]?.fields).toMatchObject({ key: "a", controller: "sets" });
    world.stop.abort();
    await world.stopped;
  });

  test("requeueAfterMs looks again in time, an event before it does not shift it", async () => {
    const at: number[] = [];
    const world = controllerWorld(async () => {
      at.push(world.clock.monotonic());
      return { requeueAfterMs: 1_000 };
    });
    world.queue.add("a");
    await world.clock.advance(400);
    world.queue.add("a");
    await world.clock.advance(1_700);
    expect(at).toEqual([0, 400, 1_000, 2_000]);
    world.stop.abort();
    await world.stopped;
  });

  test("a reconcile over its time is told by its signal and is not run twice", async () => {
    let running = 0;
    let told: unknown;
    const world = controllerWorld(
      async (_, signal) => {
        running += 1;
        expect(running).toBe(1);
        signal.addEventListener("abort", () => {
          told = signal.reason;
        });
        await world.clock.sleep(5_000);
        running -= 1;
        signal.throwIfAborted();
        return {};
      },
      { reconcileTimeoutMs: 1_000 },
    );
    world.queue.add("a");
    await world.clock.advance(1_000);
    expect(told).toMatchObject({ name: "ReconcileTimeoutError" });
    world.queue.add("a");
    await world.clock.advance(3_000);
    expect(running).toBe(1);
    expect(await world.value('workqueue_longest_running_processor_seconds{name="sets"}')).toBe(4);
    await world.clock.advance(1_000);
    expect(await world.value('controller_runtime_reconcile_errors_total{controller="sets"}')).toBe(
      1,
    );
    world.stop.abort();
    await world.clock.advance(10_000);
    await world.stopped;
  });

  test("a stop aborts what runs, waits for its end, drops the rest and counts no error", async () => {
    const ended: string[] = [];
    const world = controllerWorld(
      async (key, signal) => {
        await world.clock.sleep(60_000, signal).catch(() => undefined);
        await world.clock.sleep(50);
        ended.push(key);
        signal.throwIfAborted();
        return {};
      },
      { workers: 1 },
    );
    world.queue.add("a");
    world.queue.add("b");
    await settle();
    let done = false;
    void world.stopped.then(() => {
      done = true;
    });
    world.stop.abort();
    await settle();
    expect(done).toBe(false);
    await world.clock.advance(50);
    expect(done).toBe(true);
    expect(ended).toEqual(["a"]);
    expect(world.log.said("error")).toEqual([]);
    expect(world.clock.sleeping()).toBe(0);
  });
});
