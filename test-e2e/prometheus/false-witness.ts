import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

/** How the witness treats what the real Prometheus says. */
export type Testimony =
  | { readonly kind: "honest" }
  /** Nobody answers. */
  | { readonly kind: "down" }
  /** Success, and no series. */
  | { readonly kind: "empty" }
  | { readonly kind: "nan" }
  | { readonly kind: "malformed" }
  /** What it said when it began, for ever. */
  | { readonly kind: "stale" }
  /** Everybody has been deaf to this member for ten minutes. */
  | { readonly kind: "lie"; readonly member: string };

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

interface Answer {
  readonly status: string;
  readonly data: { readonly resultType: string; readonly result: readonly Series[] };
}

const LONG_SECONDS = "600";

/**
 * Stands between the operator and a real Prometheus, and tells the truth until it is told not to.
 */
export class FalseWitness {
  readonly #upstream: string;
  readonly #server: Server;
  readonly #remembered = new Map<string, string>();
  #testimony: Testimony = { kind: "honest" };

  private constructor(upstream: string) {
    this.#upstream = upstream;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  static async start(upstream: string): Promise<FalseWitness> {
    const witness = new FalseWitness(upstream);
    await new Promise<void>((resolve) =>
      witness.#server.listen({ host: "127.0.0.1", port: 0 }, resolve),
    );
    return witness;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("not listening");
    return `http://127.0.0.1:${address.port}`;
  }

  testify(testimony: Testimony): void {
    this.#testimony = testimony;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "/";
    const body = await text(request);
    const question = `${path} ${body}`;
    const testimony = this.#testimony;
    if (testimony.kind === "down") {
      response.destroy();
      return;
    }
    if (testimony.kind === "malformed") {
      response.end("<html>502 Bad Gateway</html>");
      return;
    }
    const remembered = this.#remembered.get(question);
    if (testimony.kind === "stale" && remembered !== undefined) {
      reply(response, remembered);
      return;
    }
    const method = request.method ?? "GET";
    const headers = { "content-type": request.headers["content-type"] ?? "text/plain" };
    const init = method === "GET" ? { method } : { method, body, headers };
    const honest = await (await fetch(`${this.#upstream}${path}`, init)).text();
    if (testimony.kind === "honest") this.#remembered.set(question, honest);
    reply(response, path.startsWith("/api/v1/query") ? bend(honest, testimony) : honest);
  }
}

function bend(honest: string, testimony: Testimony): string {
  const answer: Answer = JSON.parse(honest);
  if (answer.status !== "success") return honest;
  const { data } = answer;
  const say = (result: readonly Series[]) =>
    JSON.stringify({ ...answer, data: { ...data, result } });
  switch (testimony.kind) {
    case "empty":
      return say([]);
    case "nan":
      return say(data.result.map(({ metric, value }) => ({ metric, value: [value[0], "NaN"] })));
    case "lie":
      return say(data.result.map((series) => lie(series, testimony.member)));
    default:
      return honest;
  }
}

function lie(series: Series, member: string): Series {
  const { metric, value } = series;
  if (metric["member"] !== member) return series;
  switch (metric["__name__"]) {
    case "quorate_member_last_seen_seconds":
    case "quorate_member_silent_seconds":
      return { metric, value: [value[0], LONG_SECONDS] };
    case "quorate_member_silent":
      return { metric, value: [value[0], "1"] };
    default:
      return series;
  }
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function reply(response: ServerResponse, body: string): void {
  response.setHeader("content-type", "application/json");
  response.end(body);
}
