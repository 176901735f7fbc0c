// The outside client of `npm run bench -- consensus`, a process of its own. It believes nothing:
// every answer counts when its certificate and its proof are verified.
import { setTimeout as pause } from "node:timers/promises";
import { connect, type QuorateClient } from "@quorate/client/client";
import type { Submissions } from "@quorate/client/submissions";
import { FinalityGap } from "../main-job/finality-gap.ts";
import type { ClientRun, FromClient, ToClient } from "./client-protocol.ts";
import { type LoadClock, LoadGenerator, type LoadResult, type Sender } from "./load-generator.ts";
import { PutSource } from "./put-source.ts";

const clock: LoadClock = {
  now: () => performance.now(),
  after: (ms, callback) => {
    setTimeout(callback, ms);
  },
};

/** Several streams in turn, each to another validator first, so that all lanes carry the load. */
class SpreadSender implements Sender {
  readonly #streams: readonly Submissions[];
  #turn = 0;

  constructor(clients: readonly QuorateClient[]) {
    this.#streams = clients.map((client) => client.submissions());
  }

  close(): void {
    for (const stream of this.#streams) stream.close();
  }

  send(transaction: Uint8Array, done: (code: string) => void): void {
    this.#turn += 1;
    const stream = this.#streams[this.#turn % this.#streams.length];
    stream?.submit(transaction).then(
      () => done("OK"),
      (error: unknown) => done(codeOf(error)),
    );
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Error && "code" in error) return String(error.code);
  return error instanceof Error ? error.name : "UNKNOWN";
}

function tell(message: FromClient): void {
  process.send?.(message);
}

/** Speaks to each validator first with one client, the others stand in for it. */
async function connectAll(file: string, endpoints: readonly string[]): Promise<QuorateClient[]> {
  const clients = await Promise.all(
    endpoints.map((_, at) =>
      connect({
        genesis: { file },
        endpoints: [...endpoints.slice(at), ...endpoints.slice(0, at)],
      }),
    ),
  );
  await Promise.all(clients.map((client) => client.head()));
  return clients;
}

class BenchClient {
  readonly #clients: readonly QuorateClient[];
  #gap = new FinalityGap();

  constructor(clients: readonly QuorateClient[]) {
    this.#clients = clients;
  }

  /** Verifies certificates for as long as the process lives. */
  async watch(): Promise<void> {
    for await (const { result } of this.#clients[0]?.watchCertificates() ?? []) {
      this.#gap.arrived(result.height, performance.now());
    }
  }

  async run({ plan, bytes, keys }: Extract<ToClient, { kind: "run" }>): Promise<ClientRun> {
    const source = new PutSource({ bytes, keys });
    let gap = this.#gap;
    const sender = new SpreadSender(this.#clients);
    const generator = new LoadGenerator(plan, {
      clock,
      sender,
      next: () => source.next(),
      onMeasure: (edge) => {
        if (edge === "begin") {
          gap = new FinalityGap();
          this.#gap = gap;
        } else {
          gap.end(performance.now());
          this.#gap = new FinalityGap();
        }
        tell({ kind: "edge", edge });
      },
    });
    const result = await generator.run();
    sender.close();
    return clientRun(result, gap);
  }
}

function clientRun({ latency, ...counts }: LoadResult, gap: FinalityGap): ClientRun {
  return {
    offered: counts.offered,
    committed: counts.committed,
    latencyMs: {
      p50: latency.percentile(50),
      p90: latency.percentile(90),
      p99: latency.percentile(99),
      max: latency.max,
    },
    failures: Object.fromEntries(counts.failures),
    longestGapMs: Math.round(gap.longestMs),
    certificates: gap.certificates,
  };
}

async function answer(client: BenchClient | undefined, message: ToClient): Promise<BenchClient> {
  if (message.kind === "connect") {
    const made = new BenchClient(await connectAll(message.genesisFile, message.endpoints));
    made.watch().catch(end);
    tell({ kind: "connected" });
    return made;
  }
  if (client === undefined) throw new Error("the client is asked to run before it is connected");
  tell({ kind: "result", run: await client.run(message) });
  // What the run left behind is collected before the next one is measured.
  await pause(200);
  return client;
}

function end(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
}

let last: Promise<BenchClient | undefined> = Promise.resolve(undefined);
process.on("message", (message: ToClient) => {
  last = last.then((client) => answer(client, message));
  last.catch(end);
});
process.on("disconnect", () => process.exit(0));
