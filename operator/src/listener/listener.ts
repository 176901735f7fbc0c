import { createServer, type Server, type ServerResponse } from "node:http";
import type { Registry } from "prom-client";
import type { TargetGroup } from "./service-discovery.ts";

/** What the listener shows; nothing secret is among it. */
export interface ListenerViews {
  readonly registry: Registry;
  /** Why the process is not ready; undefined when it is. */
  readonly unready: () => string | undefined;
  readonly targets: (key: {
    readonly namespace: string;
    readonly name: string;
  }) => readonly TargetGroup[] | undefined;
}

const TEXT = "text/plain; charset=utf-8";
const DISCOVERY = /^\/sd\/([a-z0-9][a-z0-9.-]{0,252})\/([a-z0-9][a-z0-9.-]{0,252})$/;

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

function text(status: number, body: string): Answer {
  return { status, type: TEXT, body: `${body}\n` };
}

/** The answer to a path: /metrics, /healthz, /readyz, /sd/NAMESPACE/SET. */
export async function answer(views: ListenerViews, method: string, path: string): Promise<Answer> {
  if (method !== "GET" && method !== "HEAD") return text(405, "GET only");
  if (path === "/healthz") return text(200, "ok");
  if (path === "/readyz") {
    const why = views.unready();
    return why === undefined ? text(200, "ok") : text(503, why);
  }
  if (path === "/metrics") {
    const { registry } = views;
    return { status: 200, type: registry.contentType, body: await registry.metrics() };
  }
  const [, namespace, name] = DISCOVERY.exec(path) ?? [];
  if (namespace === undefined || name === undefined) return text(404, "not found");
  const why = views.unready();
  // Prometheus keeps its targets where discovery fails: better than none while caches fill.
  if (why !== undefined) return text(503, why);
  const groups = views.targets({ namespace, name });
  if (groups === undefined) return text(404, `no ValidatorSet ${namespace}/${name}`);
  return { status: 200, type: "application/json", body: JSON.stringify(groups) };
}

/** Listens until `close`. */
export class Listener {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Throws where the address cannot be had. */
  static async start(
    views: ListenerViews,
    { host, port }: { readonly host: string; readonly port: number },
  ): Promise<Listener> {
    const server = createServer((request, response) => {
      const path = (request.url ?? "/").split("?")[0] ?? "/";
      answer(views, request.method ?? "GET", path).then(
        (said) => send(response, said),
        () => send(response, text(500, "failed")),
      );
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    return new Listener(server);
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" ? (address?.port ?? 0) : 0;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function send(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(response.req.method === "HEAD" ? undefined : body);
}
