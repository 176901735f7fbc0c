import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import type { HttpPort } from "../ports.ts";

/** A node's metrics are some 50 kB; what is longer is no answer to us. */
const BODY_BYTES_MAX = 8 * 1024 * 1024;

type Options = Parameters<HttpPort["get"]>[1];

/** Plain GETs with one time limit for connecting, waiting and reading. */
export class SystemHttp implements HttpPort {
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: 64 });
  readonly #https = new HttpsAgent({ keepAlive: true, maxSockets: 64 });

  get(url: string, options: Options): Promise<{ readonly status: number; readonly body: string }> {
    const { timeoutMs, headers, ca } = options;
    const signal = AbortSignal.timeout(timeoutMs);
    return new Promise((resolve, reject) => {
      const common = { method: "GET", headers: headers ?? {}, signal };
      const onAnswer = (answer: IncomingMessage): void => {
        read(answer, url).then((body) => resolve({ status: answer.statusCode ?? 0, body }), reject);
      };
      const call = url.startsWith("https:")
        ? requestHttps(url, { ...common, agent: this.#https, ...(ca === undefined ? {} : { ca }) })
        : requestHttp(url, { ...common, agent: this.#http });
      call.once("response", onAnswer);
      call.once("error", (cause) => {
        const why = signal.aborted ? `no answer within ${timeoutMs} ms` : cause.message;
        reject(new Error(`${url}: ${why}`, { cause }));
      });
      call.end();
    });
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

async function read(answer: IncomingMessage, url: string): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_BYTES_MAX) {
      answer.destroy();
      const where = url.split("?", 1)[0] ?? url;
      throw new Error(`${where}: the answer is longer than ${BODY_BYTES_MAX} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
