import type { ApiRequest, ApiResponse, Transport, WatchEvent } from "../src/transport.ts";

type Answer = ApiResponse | Error | ((request: ApiRequest) => ApiResponse | Promise<ApiResponse>);
type Line = { readonly event: WatchEvent } | { readonly error: Error } | "end";

/** One open watch: the test says what the server sends. */
export class OpenWatch {
  readonly path: string;
  readonly signal: AbortSignal;
  readonly #lines: Line[] = [];
  #wake: () => void = () => undefined;

  constructor(path: string, signal: AbortSignal) {
    this.path = path;
    this.signal = signal;
    signal.addEventListener("abort", () => this.#push("end"), { once: true });
  }

  query(name: string): string | null {
    return new URL(this.path, "http://server").searchParams.get(name);
  }

  send(type: WatchEvent["type"], object: unknown): void {
    this.#push({ event: { type, object } });
  }

  end(): void {
    this.#push("end");
  }

  fail(error: Error): void {
    this.#push({ error });
  }

  #push(line: Line): void {
    this.#lines.push(line);
    this.#wake();
  }

  async *lines(): AsyncIterable<WatchEvent> {
    for (;;) {
      const line = this.#lines.shift();
      if (line === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      if (line === "end") return;
      if ("error" in line) throw line.error;
      yield line.event;
    }
  }
}

/** An API server that says what the test tells it to, in order; anything else is an error. */
export class ScriptedTransport implements Transport {
  readonly requests: ApiRequest[] = [];
  readonly watches: OpenWatch[] = [];
  readonly #answers: Answer[] = [];

  answer(...answers: readonly Answer[]): this {
    this.#answers.push(...answers);
    return this;
  }

  /** Answers not asked for. */
  get left(): number {
    return this.#answers.length;
  }

  get lastWatch(): OpenWatch {
    const last = this.watches.at(-1);
    if (!last) throw new Error("nobody watches");
    return last;
  }

  async request(request: ApiRequest): Promise<ApiResponse> {
    this.requests.push(request);
    const answer = this.#answers.shift();
    if (answer === undefined)
      throw new Error(`not in the script: ${request.method} ${request.path}`);
    if (answer instanceof Error) throw answer;
    return typeof answer === "function" ? await answer(request) : answer;
  }

  async *watch(path: string, signal: AbortSignal): AsyncIterable<WatchEvent> {
    const watch = new OpenWatch(path, signal);
    this.watches.push(watch);
    yield* watch.lines();
  }
}

export function ok(body: unknown, status = 200): ApiResponse {
  return { status, body };
}

export function refusal(code: number, reason: string, retryAfterSeconds?: number): ApiResponse {
  const body = { kind: "Status", status: "Failure", code, reason, message: `${reason}: refused` };
  return { status: code, body, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) };
}

export function listOf(
  items: readonly unknown[],
  resourceVersion: string,
  token?: string,
): ApiResponse {
  return ok({ kind: "List", metadata: { resourceVersion, continue: token }, items });
}

/** As a server sends it in a list: without apiVersion and kind. */
export function bareObject(name: string, resourceVersion: string, fields: object = {}) {
  return { metadata: { name, namespace: "ns", uid: `uid-${name}`, resourceVersion, ...fields } };
}
