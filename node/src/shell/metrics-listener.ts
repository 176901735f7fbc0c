import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "prom-client";
import { splitAddress } from "./address.ts";
import { listenFailed } from "./fatal-error.ts";

export interface MetricsListenerOptions {
  /** host:port */
  readonly listen: string;
  readonly registry: Registry;
  /** Brings gauges up to date; called before every scrape. */
  readonly refresh: () => void | Promise<void>;
  /** Undefined where the node is ready, else one sentence that says why not. */
  readonly notReady: () => string | undefined;
}

function reply(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(body);
}

/**
 * Plain HTTP with /metrics, /healthz and /readyz: nothing secret, nothing that changes anything.
 */
export class MetricsListener {
  readonly #options: MetricsListenerOptions;
  readonly #server: Server;

  private constructor(options: MetricsListenerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      if (request.method !== "GET" && request.method !== "HEAD") {
        reply(response, 405, "only GET is served here\n");
        return;
      }
      this.#answer(request.url ?? "/", response);
    });
    this.#server.headersTimeout = 5_000;
    this.#server.requestTimeout = 5_000;
    this.#server.maxConnections = 256;
  }

  static start(
    options: MetricsListenerOptions,
  ): Promise<{ readonly listener: MetricsListener; readonly port: number }> {
    const listener = new MetricsListener(options);
    const server = listener.#server;
    return new Promise((resolve, reject) => {
      server.once("error", (error) => reject(listenFailed(options.listen, error)));
      server.listen(splitAddress(options.listen), () => {
        const address = server.address() as AddressInfo;
        resolve({ listener, port: address.port });
      });
    });
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #answer(url: string, response: ServerResponse): void {
    switch (url.split("?")[0]) {
      case "/healthz":
        reply(response, 200, "ok\n");
        return;
      case "/readyz": {
        const reason = this.#options.notReady();
        reply(response, reason === undefined ? 200 : 503, `${reason ?? "ok"}\n`);
        return;
      }
      case "/metrics":
        this.#metrics(response);
        return;
      default:
        reply(response, 404, "ask for /metrics, /healthz or /readyz\n");
    }
  }

  #metrics(response: ServerResponse): void {
    const { registry, refresh } = this.#options;
    Promise.resolve()
      .then(refresh)
      .then(() => registry.metrics())
      .then(
        (text) => {
          response.writeHead(200, { "content-type": registry.contentType });
          response.end(text);
        },
        (error: unknown) => reply(response, 500, `${String(error)}\n`),
      );
  }
}
