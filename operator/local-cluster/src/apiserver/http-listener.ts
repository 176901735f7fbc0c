import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { ApiServer } from "./api-server.ts";
import { ApiStatus } from "./api-status.ts";
import type { ServerIdentity } from "./certificate.ts";
import { toApiStatus } from "./failures.ts";
import { refusalAnswer } from "./representation.ts";
import type { ApiAnswer, ApiCall } from "./request.ts";

export interface ListenerOptions {
  readonly server: ApiServer;
  readonly identity: ServerIdentity;
  /** The one bearer token; whoever has it may do everything. */
  readonly token: string;
  /** 0: any free one. */
  readonly port: number;
}

export interface HttpListener {
  /** `https://127.0.0.1:PORT` */
  readonly url: string;
  /** Ends open watches too. */
  close(): Promise<void>;
}

/** Largest body that is read; a real server has the same limit. */
const BODY_BYTES_MAX = 3 * 1024 * 1024;

/** Puts the API server on the loopback, with TLS and a bearer token. */
export async function listen(options: ListenerOptions): Promise<HttpListener> {
  const { identity } = options;
  const https = createServer(
    { key: identity.key, cert: identity.certificate, minVersion: "TLSv1.2" },
    (request, response) => {
      answer(options, request, response).catch(() => response.destroy());
    },
  );
  // Watches are idle for long: the reader's own timeouts rule.
  https.requestTimeout = 0;
  https.timeout = 0;
  await listenOn(https, options.port);
  const { port } = https.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        https.close(() => resolve());
        https.closeAllConnections();
      }),
  };
}

function listenOn(https: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    https.once("error", reject);
    https.listen(port, "127.0.0.1", () => {
      https.off("error", reject);
      resolve();
    });
  });
}

function isAuthorized(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? "");
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

const UNAUTHORIZED = new ApiStatus({ code: 401, reason: "Unauthorized", message: "Unauthorized" });

async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > BODY_BYTES_MAX) {
      throw new ApiStatus({
        code: 413,
        reason: "RequestEntityTooLarge",
        message: `Request entity too large: limit is ${BODY_BYTES_MAX}`,
      });
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

async function answer(
  options: ListenerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const result = await resultOf(options, request, gone.signal);
  for (const [name, value] of Object.entries(result.headers)) {
    response.setHeader(name, typeof value === "string" ? value : [...value]);
  }
  response.setHeader("cache-control", "no-cache, private");
  if (typeof result.body === "string" || result.body instanceof Uint8Array) {
    response.statusCode = result.status;
    response.end(result.body);
    return;
  }
  await stream(response, result, result.body);
}

async function resultOf(
  options: ListenerOptions,
  request: IncomingMessage,
  signal: AbortSignal,
): Promise<ApiAnswer> {
  if (!isAuthorized(request, options.token)) return refusalAnswer(UNAUTHORIZED);
  try {
    const call: ApiCall = {
      method: request.method ?? "GET",
      path: request.url ?? "/",
      headers: request.headers as Record<string, string | undefined>,
      body: await readBody(request),
      signal,
    };
    return options.server.handle(call);
  } catch (error) {
    return refusalAnswer(toApiStatus(error));
  }
}

async function stream(
  response: ServerResponse,
  result: ApiAnswer,
  body: AsyncIterable<string | Uint8Array>,
): Promise<void> {
  const iterator = body[Symbol.asyncIterator]();
  response.statusCode = result.status;
  if (result.headers["content-type"] === "application/json") response.flushHeaders();
  try {
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      if (response.destroyed) break;
      if (!response.write(next.value)) await drained(response);
    }
    response.end();
  } catch (error) {
    const refusal = refusalAnswer(toApiStatus(error));
    if (response.headersSent) {
      response.destroy();
      return;
    }
    // A log that can't be read is refused before its first byte.
    response.statusCode = refusal.status;
    response.setHeader("content-type", "application/json");
    response.end(refusal.body);
  } finally {
    await iterator.return?.();
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.once("drain", done);
    response.once("close", done);
  });
}
