import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { Registry } from "prom-client";
import { afterEach, describe, expect, test } from "vitest";
import { createClientNodeTransport } from "./client-node-transport.ts";
import type { HttpTransport } from "./http-transport.ts";
import { meterTransport } from "./metered-transport.ts";
import { createRuntimeMetrics } from "./metrics.ts";
import { systemClock } from "./system-clock.ts";
import { ApiError, TransportError, type WatchEvent } from "./transport.ts";

const endings: (() => void)[] = [];
afterEach(() => {
  for (const end of endings.splice(0)) end();
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function world(handler: Handler, options: { timeoutMs?: number; prefix?: string } = {}) {
  const sockets = new Set<Socket>();
  const server = createServer(handler);
  server.on("connection", (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser(
    {
      name: "c",
      server: `http://127.0.0.1:${port}${options.prefix ?? ""}`,
      skipTLSVerify: true,
    },
    { name: "u", token: "secret-token" },
  );
  const transport = createClientNodeTransport({
    kubeConfig,
    requestTimeoutMs: options.timeoutMs ?? 5_000,
  });
  endings.push(() => {
    transport.close();
    server.close();
    server.closeAllConnections();
  });
  return { transport, sockets, port };
}

async function readAll(transport: HttpTransport, signal = new AbortController().signal) {
  const seen: WatchEvent[] = [];
  for await (const event of transport.watch("/api/v1/pods?watch=true", signal)) seen.push(event);
  return seen;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}

describe("plain text", () => {
  test("lines come one by one, and a refusal as the server words it", async () => {
    const { transport } = await world((request, response) => {
      if (request.url === "/log") return void response.end("one\ntwo\n");
      response.writeHead(404, { "content-type": "application/json" });
      response.end(
        JSON.stringify({ kind: "Status", code: 404, reason: "NotFound", message: "no" }),
      );
    });
    const read = async (path: string) => {
      const lines: string[] = [];
      for await (const line of transport.lines(path, new AbortController().signal)) {
        lines.push(line);
      }
      return lines;
    };
    expect(await read("/log")).toEqual(["one", "two"]);
    await expect(read("/none")).rejects.toMatchObject({ name: "ApiError", reason: "NotFound" });
  });
});

describe("requests", () => {
  test("carry credentials, content type and body, below the server's own path", async () => {
    const seen: unknown[] = [];
    const { transport } = await world(
      (request, response) => {
        void bodyOf(request).then((body) => {
          const { authorization, "content-type": type } = request.headers;
          seen.push([request.method, request.url, authorization, type, body]);
          response.end('{"kind":"Pod"}');
        });
      },
      { prefix: "/k8s/clusters/c-1/" },
    );
    const response = await transport.request({
      method: "PATCH",
      path: "/api/v1/x?fieldManager=me",
      body: { a: "ä" },
      contentType: "application/apply-patch+yaml",
    });
    expect(response).toEqual({ status: 200, body: { kind: "Pod" } });
    expect(seen).toEqual([
      [
        "PATCH",
        "/k8s/clusters/c-1/api/v1/x?fieldManager=me",
        "Bearer secret-token",
        "application/apply-patch+yaml",
        '{"a":"ä"}',
      ],
    ]);
  });

  test("ride on one kept connection", async () => {
    const { transport, sockets } = await world((_, response) => response.end("{}"));
    for (let i = 0; i < 5; i += 1) await transport.request({ method: "GET", path: "/version" });
    expect(sockets.size).toBe(1);
  });

  test("a refusal comes with its Status and Retry-After, a proxy's page as text", async () => {
    const { transport } = await world((request, response) => {
      if (request.url === "/busy") {
        response.writeHead(429, { "retry-after": "7" }).end('{"reason":"TooManyRequests"}');
      } else {
        response.writeHead(502).end("<html>");
      }
    });
    expect(await transport.request({ method: "GET", path: "/busy" })).toEqual({
      status: 429,
      retryAfterSeconds: 7,
      body: { reason: "TooManyRequests" },
    });
    const page = await transport.request({ method: "GET", path: "/proxy" });
    expect(page).toEqual({ status: 502, body: "<html>" });
  });

  test("without an answer in time, or with half of one, nobody knows: TransportError", async () => {
    const { transport } = await world(
      (request, response) => {
        if (request.url === "/half") {
          response.writeHead(200, { "content-length": "100" });
          response.write('{"a":', () => request.socket.destroy());
        }
      },
      { timeoutMs: 50 },
    );
    const ask = (path: string) => transport.request({ method: "POST", path, body: {} });
    await expect(ask("/silent?x=1")).rejects.toThrow(TransportError);
    await expect(ask("/silent?x=1")).rejects.toThrow(/POST \/silent at .*no answer within 50 ms/u);
    await expect(ask("/half")).rejects.toThrow(TransportError);
  });

  test("no one listens: TransportError; the caller's stop: its reason", async () => {
    const { transport, port } = await world(() => undefined);
    const nobody = new KubeConfig();
    nobody.loadFromClusterAndUser(
      { name: "c", server: "http://127.0.0.1:1", skipTLSVerify: true },
      { name: "u" },
    );
    const deaf = createClientNodeTransport({ kubeConfig: nobody });
    await expect(deaf.request({ method: "GET", path: "/" })).rejects.toThrow(TransportError);
    const stop = new AbortController();
    const asked = transport.request({ method: "GET", path: "/", signal: stop.signal });
    stop.abort(new Error("stopping"));
    await expect(asked).rejects.toThrow("stopping");
    expect(transport.host).toBe(`127.0.0.1:${port}`);
  });

  test("a read on a connection that the server just closed is asked again", async () => {
    let asked = 0;
    const { transport, sockets } = await world((request, response) => {
      asked += 1;
      if (asked === 2) request.socket.resetAndDestroy();
      else response.end("{}");
    });
    await transport.request({ method: "GET", path: "/" });
    expect((await transport.request({ method: "GET", path: "/" })).status).toBe(200);
    expect(sockets.size).toBe(2);
  });

  test("a write on such a connection is not: it may have had its effect", async () => {
    let asked = 0;
    const { transport } = await world((request, response) => {
      asked += 1;
      if (asked === 2) request.socket.resetAndDestroy();
      else response.end("{}");
    });
    await transport.request({ method: "GET", path: "/" });
    const write = transport.request({ method: "POST", path: "/", body: {} });
    await expect(write).rejects.toThrow(TransportError);
    expect(asked).toBe(2);
  });
});

describe("watch", () => {
  test("lines arrive whole however the server cuts them", async () => {
    const { transport } = await world((_, response) => {
      const bytes = Buffer.from(
        '{"type":"ADDED","object":{"a":"ä"}}\n{"type":"BOOKMARK","object":{}}\n',
      );
      response.write(bytes.subarray(0, 32));
      setImmediate(() => response.write(bytes.subarray(32, 40)));
      setImmediate(() => setImmediate(() => response.end(bytes.subarray(40))));
    });
    expect(await readAll(transport)).toEqual([
      { type: "ADDED", object: { a: "ä" } },
      { type: "BOOKMARK", object: {} },
    ]);
  });

  test("the limit of a request's time does not end a watch that has begun", async () => {
    const { transport } = await world(
      (_, response) => {
        response.flushHeaders();
        setTimeout(() => response.end('{"type":"ADDED","object":{}}\n'), 150);
      },
      { timeoutMs: 50 },
    );
    expect(await readAll(transport)).toHaveLength(1);
  });

  test("a refused watch is the server's error", async () => {
    const { transport } = await world((_, response) => {
      response.writeHead(410).end('{"code":410,"reason":"Expired","message":"too old"}');
    });
    const read = readAll(transport);
    await expect(read).rejects.toThrow(ApiError);
    await expect(read).rejects.toMatchObject({ status: 410, reason: "Expired" });
  });

  test("a malformed line, an unknown event, a cut connection: errors, not silence", async () => {
    const { transport } = await world((request, response) => {
      if (request.url === "/line") response.end('{"type":"ADDED"\n');
      else if (request.url === "/event") response.end('{"type":"OTHER","object":{}}\n');
      else response.write('{"type":"ADDED","object":{}}\n', () => request.socket.destroy());
    });
    const read = async (path: string) => {
      for await (const _ of transport.watch(path, new AbortController().signal));
    };
    await expect(read("/line")).rejects.toThrow("no JSON");
    await expect(read("/event")).rejects.toThrow("no event");
    await expect(read("/cut")).rejects.toThrow(TransportError);
  });

  test("a stop ends it without an error and closes the connection", async () => {
    let closed: () => void = () => undefined;
    const wasClosed = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const { transport } = await world((request, response) => {
      response.write('{"type":"ADDED","object":{}}\n');
      request.socket.once("close", closed);
    });
    const stop = new AbortController();
    const seen: WatchEvent[] = [];
    for await (const event of transport.watch("/", stop.signal)) {
      seen.push(event);
      stop.abort();
    }
    expect(seen).toHaveLength(1);
    await wasClosed;
  });
});

test("requests are counted by code, method and host; no answer is <error>", async () => {
  const { transport } = await world((request, response) => {
    if (request.method === "DELETE") request.socket.destroy();
    else response.writeHead(404).end("{}");
  });
  const registry = new Registry();
  const metrics = createRuntimeMetrics(registry, systemClock);
  const metered = meterTransport(transport, { metrics, host: "server" });
  await metered.request({ method: "GET", path: "/" });
  await expect(metered.request({ method: "DELETE", path: "/" })).rejects.toThrow();
  await expect(async () => {
    for await (const _ of metered.watch("/", new AbortController().signal));
  }).rejects.toThrow(ApiError);
  const text = await registry.metrics();
  expect(text).toContain('rest_client_requests_total{code="404",method="GET",host="server"} 2');
  expect(text).toContain(
    'rest_client_requests_total{code="<error>",method="DELETE",host="server"} 1',
  );
});
