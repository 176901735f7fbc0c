import type { Clock } from "@quorate/runtime/clock";
import { type ApiServer, type ApiServerOptions, createApiServer } from "./api-server.ts";

/** A clock that the test moves; sleepers wake when their time has come. */
export class TestClock implements Clock {
  #ms = Date.parse("2026-01-01T00:00:00Z");
  #sleepers: { atMs: number; wake: () => void }[] = [];

  now(): number {
    return this.#ms;
  }

  monotonic(): number {
    return this.#ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sleepers.push({ atMs: this.#ms + ms, wake: resolve });
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  advance(ms: number): void {
    this.#ms += ms;
    const due = this.#sleepers.filter(({ atMs }) => atMs <= this.#ms);
    this.#sleepers = this.#sleepers.filter(({ atMs }) => atMs > this.#ms);
    for (const { wake } of due) wake();
  }
}

export interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown> & { message?: string; reason?: string };
  readonly text: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

export interface TestServer {
  readonly server: ApiServer;
  readonly clock: TestClock;
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Reply;
  /** The lines of a watch as they come. */
  watch(path: string, headers?: Readonly<Record<string, string>>): WatchReader;
}

export interface WatchReader {
  next(): Promise<{ type: string; object: Record<string, unknown> } | undefined>;
  stop(): void;
}

export function startTestServer(options: Partial<ApiServerOptions> = {}): TestServer {
  const clock = new TestClock();
  const server = createApiServer({
    clock,
    caCertificate: "test-ca",
    serviceAddresses: "127.96.0",
    ...options,
  });
  const signal = new AbortController().signal;
  return {
    server,
    clock,
    call(method, path, body, headers = {}) {
      const bytes = body === undefined ? "" : JSON.stringify(body);
      const answer = server.handle({
        method,
        path,
        headers: { "content-type": "application/json", "user-agent": "test/1", ...headers },
        body: new TextEncoder().encode(bytes),
        signal,
      });
      if (typeof answer.body !== "string") throw new Error(`${path} answers with a stream`);
      const isJson = String(answer.headers["content-type"]).startsWith("application/json");
      return {
        status: answer.status,
        headers: answer.headers,
        text: answer.body,
        body: isJson ? (JSON.parse(answer.body) as Reply["body"]) : {},
      };
    },
    watch(path, headers = {}) {
      const stop = new AbortController();
      const answer = server.handle({
        method: "GET",
        path,
        headers,
        body: new Uint8Array(),
        signal: stop.signal,
      });
      return readerOf(answer.body as AsyncIterable<string>, stop);
    },
  };
}

function readerOf(body: AsyncIterable<string>, stop: AbortController): WatchReader {
  const iterator = body[Symbol.asyncIterator]();
  const lines: string[] = [];
  return {
    async next() {
      while (lines.length === 0) {
        const { value, done } = await iterator.next();
        if (done === true) return undefined;
        lines.push(
          ...String(value)
            .split("\n")
            .filter((line) => line !== ""),
        );
      }
      return JSON.parse(lines.shift() ?? "") as never;
    },
    stop: () => stop.abort(),
  };
}

/** A CRD with status and scale, for tests. */
export const WIDGETS = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.test.quorate.dev" },
  spec: {
    group: "test.quorate.dev",
    scope: "Namespaced",
    names: { plural: "widgets", kind: "Widget", singular: "widget", shortNames: ["wd"] },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: {
            specReplicasPath: ".spec.replicas",
            statusReplicasPath: ".status.replicas",
            labelSelectorPath: ".status.selector",
          },
        },
        additionalPrinterColumns: [
          { name: "Replicas", type: "integer", jsonPath: ".spec.replicas" },
          { name: "Phase", type: "string", jsonPath: ".status.phase", priority: 1 },
          { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
        ],
        schema: {
          openAPIV3Schema: {
            type: "object",
            description: "A widget.",
            properties: {
              spec: {
                type: "object",
                required: ["replicas"],
                properties: {
                  replicas: { type: "integer", minimum: 0, description: "How many." },
                  mode: { type: "string", enum: ["a", "b"], default: "a" },
                },
              },
              status: {
                type: "object",
                properties: {
                  phase: { type: "string" },
                  replicas: { type: "integer" },
                  selector: { type: "string" },
                },
              },
            },
          },
        },
      },
    ],
  },
};
