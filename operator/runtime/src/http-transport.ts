import { createHash } from "node:crypto";
import http from "node:http";
import https from "node:https";
import { apiErrorOf, isRecord } from "./api-status.ts";
import { jsonLines } from "./json-lines.ts";
import { textLines } from "./text-lines.ts";
import {
  type ApiRequest,
  type ApiResponse,
  type Transport,
  TransportError,
  type WatchEvent,
} from "./transport.ts";

/** Where the server is, and as whom to speak to it. */
export interface ServerAccess {
  readonly server: string;
  /** `options` brings an agent of its own, which goes through a proxy. */
  readonly proxied: boolean;
  /** TLS and headers as they are now: tokens and certificates are rotated. */
  options(): Promise<https.RequestOptions>;
}

export interface HttpTransportOptions {
  /** Longest wait for the whole answer; of a watch: for its first byte. */
  readonly requestTimeoutMs?: number;
  readonly userAgent?: string;
}

export interface HttpTransport extends Transport {
  /** host:port of the API server. */
  readonly host: string;
  /**
   * The lines of an answer that is plain text, such as a pod's log, until the server or the signal
   * ends it. Throws as `watch` does.
   */
  lines(path: string, signal: AbortSignal): AsyncIterable<string>;
  /** Ends all connections. */
  close(): void;
}

const REQUEST_TIMEOUT_MS = 30_000;
const TCP_PROBE_MS = 30_000;
const EVENT_TYPES: ReadonlySet<unknown> = new Set([
  "ADDED",
  "MODIFIED",
  "DELETED",
  "BOOKMARK",
  "ERROR",
]);

/** What a connection is bound to: a rotated certificate must not ride on an old connection. */
function fingerprint(access: https.RequestOptions): string {
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = access;
  const hash = createHash("sha256");
  for (const part of [ca, cert, key, pfx, passphrase, rejectUnauthorized, servername]) {
    hash.update(`\0${Buffer.isBuffer(part) ? part.toString("base64") : JSON.stringify(part)}`);
  }
  return hash.digest("hex");
}

function retryAfterOf(response: http.IncomingMessage): number | undefined {
  const seconds = Number(response.headers["retry-after"] ?? "");
  const given = response.headers["retry-after"] !== undefined;
  return given && Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}

async function readBody(response: http.IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8");
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    const status = response.statusCode ?? 0;
    if (status < 200 || status >= 300) return text;
    throw new TransportError(`HTTP ${status} with a body that is no JSON`, { cause });
  }
}

/** Aborts when `signal` does, or after `ms` until `clear`. */
class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly signal: AbortSignal;
  expired = false;

  constructor(ms: number, signal: AbortSignal | undefined) {
    this.signal = signal
      ? AbortSignal.any([signal, this.#controller.signal])
      : this.#controller.signal;
    this.#timer = setTimeout(() => {
      this.expired = true;
      this.#controller.abort(new Error(`no answer within ${ms} ms`));
    }, ms);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

class Connections implements HttpTransport {
  readonly host: string;
  readonly #server: URL;
  readonly #access: ServerAccess;
  readonly #timeoutMs: number;
  readonly #userAgent: string;
  #agent: { readonly print: string; readonly agent: http.Agent } | undefined;

  constructor(access: ServerAccess, options: HttpTransportOptions) {
    this.#access = access;
    this.#server = new URL(access.server);
    this.host = this.#server.host;
    this.#timeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    this.#userAgent = options.userAgent ?? "quorate-runtime";
  }

  async request(request: ApiRequest): Promise<ApiResponse> {
    const deadline = new Deadline(this.#timeoutMs, request.signal);
    try {
      const response = await this.#open(request, deadline.signal);
      const body = await readBody(response);
      const retryAfterSeconds = retryAfterOf(response);
      return {
        status: response.statusCode ?? 0,
        body,
        ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      };
    } catch (error) {
      request.signal?.throwIfAborted();
      throw this.#noAnswer(request.method, request.path, error, deadline);
    } finally {
      deadline.clear();
    }
  }

  async *watch(path: string, signal: AbortSignal): AsyncIterable<WatchEvent> {
    const accept = "application/json";
    for await (const line of this.#stream("WATCH", { path, accept }, signal, jsonLines)) {
      yield watchEvent(line);
    }
  }

  lines(path: string, signal: AbortSignal): AsyncIterable<string> {
    // As kubectl asks: servers answer 406 to a bare text/plain.
    return this.#stream("GET", { path, accept: "application/json, */*" }, signal, textLines);
  }

  async *#stream<T>(
    verb: string,
    { path, accept }: { readonly path: string; readonly accept: string },
    signal: AbortSignal,
    parse: (chunks: AsyncIterable<Uint8Array>) => AsyncIterable<T>,
  ): AsyncIterable<T> {
    if (signal.aborted) return;
    const deadline = new Deadline(this.#timeoutMs, signal);
    let response: http.IncomingMessage | undefined;
    try {
      response = await this.#open({ method: "GET", path }, deadline.signal, accept);
      const status = response.statusCode ?? 0;
      if (status !== 200) {
        throw apiErrorOf(status, await readBody(response), retryAfterOf(response));
      }
      deadline.clear();
      yield* parse(response);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Error && error.name === "ApiError") throw error;
      throw this.#noAnswer(verb, path, error, deadline);
    } finally {
      deadline.clear();
      response?.destroy();
    }
  }

  close(): void {
    this.#agent?.agent.destroy();
    this.#agent = undefined;
  }

  #noAnswer(method: string, path: string, error: unknown, deadline: Deadline): Error {
    if (error instanceof TransportError) return error;
    const cause = deadline.expired ? deadline.signal.reason : error;
    const problem = cause instanceof Error ? cause.message : String(cause);
    const resource = path.split("?")[0];
    return new TransportError(`${method} ${resource} at ${this.host}: ${problem}`, { cause });
  }

  async #open(
    request: ApiRequest,
    signal: AbortSignal,
    accept = "application/json",
  ): Promise<http.IncomingMessage> {
    const access = await this.#access.options();
    if (!this.#access.proxied) access.agent = this.#agentFor(access);
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const options: https.RequestOptions = {
      ...access,
      method: request.method,
      path: `${this.#server.pathname.replace(/\/$/u, "")}${request.path}`,
      signal,
      headers: {
        ...access.headers,
        accept,
        "user-agent": this.#userAgent,
        ...(body !== undefined && {
          "content-type": request.contentType ?? "application/json",
          "content-length": Buffer.byteLength(body),
        }),
      },
    };
    try {
      return await this.#send(options, body);
    } catch (error) {
      // The server closed an idle connection just as it was used again; reading twice is harmless.
      if (request.method !== "GET" || !(error instanceof StaleConnectionError)) throw error;
      return await this.#send(options, body);
    }
  }

  #send(options: https.RequestOptions, body: string | undefined): Promise<http.IncomingMessage> {
    const open = this.#server.protocol === "http:" ? http.request : https.request;
    return new Promise((resolve, reject) => {
      const sent = open(this.#server, options, resolve);
      sent.on("error", (error: NodeJS.ErrnoException) => {
        const stale = sent.reusedSocket && error.code === "ECONNRESET";
        reject(stale ? new StaleConnectionError(error.message, { cause: error }) : error);
      });
      sent.end(body);
    });
  }

  #agentFor(access: https.RequestOptions): http.Agent {
    const print = fingerprint(access);
    if (this.#agent?.print === print) return this.#agent.agent;
    const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = access;
    const keepAlive = { keepAlive: true, keepAliveMsecs: TCP_PROBE_MS };
    const tls = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
    const given = Object.fromEntries(
      Object.entries(tls).filter(([, value]) => value !== undefined),
    );
    const agent =
      this.#server.protocol === "http:"
        ? new http.Agent(keepAlive)
        : new https.Agent({ ...keepAlive, ...given });
    for (const socket of Object.values(this.#agent?.agent.freeSockets ?? {}).flat()) {
      socket?.destroy();
    }
    this.#agent = { print, agent };
    return agent;
  }
}

class StaleConnectionError extends Error {
  override readonly name = "StaleConnectionError";
}

function watchEvent(line: unknown): WatchEvent {
  if (isRecord(line) && EVENT_TYPES.has(line["type"]) && "object" in line) {
    return line as unknown as WatchEvent;
  }
  const shown = JSON.stringify(line).slice(0, 80);
  throw new TransportError(`a line of the watch is no event: ${shown}`);
}

/** HTTP/1.1 over kept connections, to the server that `access` names. */
export function createHttpTransport(
  access: ServerAccess,
  options: HttpTransportOptions = {},
): HttpTransport {
  return new Connections(access, options);
}
