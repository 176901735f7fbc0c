import { afterEach, describe, expect, test } from "vitest";
import { createMetrics } from "./metrics.ts";
import { MetricsListener } from "./metrics-listener.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function startListener(notReady: string | undefined) {
  const metrics = createMetrics();
  const { listener, port } = await MetricsListener.start({
    listen: "127.0.0.1:0",
    registry: metrics.registry,
    refresh: () => metrics.epoch.set(7),
    notReady: () => notReady,
  });
  cleanups.push(() => listener.stop());
  return `http://127.0.0.1:${port}`;
}

describe("the metrics listener", () => {
  test("rule LISTENERS: it serves metrics, health and readiness, and nothing else", async () => {
    const base = await startListener(undefined);
    const [metrics, health, ready, other, post] = await Promise.all([
      request(`${base}/metrics`),
      request(`${base}/healthz`),
      request(`${base}/readyz`),
      request(`${base}/debug`),
      request(`${base}/metrics`, "POST"),
    ]);
    expect(metrics.body).toContain("quorate_epoch 7");
    expect([health.status, ready.status, other.status, post.status]).toEqual([200, 200, 404, 405]);
  });

  test("gauges that take a moment to read are in the scrape that asked for them", async () => {
    const metrics = createMetrics();
    const { listener, port } = await MetricsListener.start({
      listen: "127.0.0.1:0",
      registry: metrics.registry,
      refresh: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        metrics.diskFree.set(5);
      },
      notReady: () => undefined,
    });
    cleanups.push(() => listener.stop());
    const { body } = await request(`http://127.0.0.1:${port}/metrics`);
    expect(body).toContain("quorate_disk_free_bytes 5");
  });

  test("a node that is not ready says why", async () => {
    const base = await startListener("catching up: at height 3, peers are at 90");
    expect(await request(`${base}/readyz`)).toEqual({
      status: 503,
      body: "catching up: at height 3, peers are at 90\n",
    });
  });
});

async function request(url: string, method = "GET"): Promise<{ status: number; body: string }> {
  const { request: send } = await import("node:http");
  return new Promise((resolve, reject) => {
    const call = send(url, { method }, (response) => {
      let body = "";
      response.on("data", (part: Buffer) => {
        body += part.toString();
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    call.on("error", reject);
    call.end();
  });
}
