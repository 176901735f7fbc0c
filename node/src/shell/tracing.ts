import type { Metadata } from "@grpc/grpc-js";
import type { PeerMessage } from "../consensus/types.ts";
import type { Digest } from "../kernel/scalars.ts";
import { tracingServiceName, tracingWanted } from "./config.ts";
import type { Log } from "./log.ts";

export interface Span {
  end(): void;
}

/** Spans at the shell's edges; the pure cores know nothing of them. */
export interface Tracing {
  /** `metadata` carries the caller's trace context, if there is one. */
  start(name: string, metadata?: Metadata): Span;
  /** A span that has just ended after so many milliseconds. */
  record(name: string, elapsedMs: number): void;
  stop(): Promise<void>;
}

const NO_SPAN: Span = { end: () => undefined };
const NO_TRACING: Tracing = {
  start: () => NO_SPAN,
  record: () => undefined,
  stop: () => Promise.resolve(),
};

/** OpenTelemetry costs 150 ms and 12 MB: it is loaded only where a standard OTEL_ variable asks. */
export async function startTracing(log: Pick<Log, "warn">): Promise<Tracing> {
  if (!tracingWanted()) return NO_TRACING;
  const { NodeSDK } = await import("@opentelemetry/sdk-node");
  const { context, propagation, trace } = await import("@opentelemetry/api");
  // The exporter, its protocol and endpoint are what the standard variables say.
  const sdk = new NodeSDK({ serviceName: tracingServiceName() });
  sdk.start();
  const tracer = trace.getTracer("quorate-node");
  const getter = {
    get: (metadata: Metadata, key: string) => String(metadata.get(key)[0] ?? "") || undefined,
    keys: (metadata: Metadata) => Object.keys(metadata.getMap()),
  };
  return {
    start: (name, metadata) => {
      const parent =
        metadata === undefined
          ? context.active()
          : propagation.extract(context.active(), metadata, getter);
      return tracer.startSpan(name, {}, parent);
    },
    record: (name, elapsedMs) => {
      tracer.startSpan(name, { startTime: Date.now() - elapsedMs }).end();
    },
    stop: async () => {
      try {
        await sdk.shutdown();
      } catch (error) {
        // A collector that is away costs traces, never a clean stop.
        log.warn("last traces lost", { error: String(error) });
      }
    },
  };
}

/** A proposal that never gets a certificate is no finished span; the oldest are let go. */
const OPEN_SPANS_MAX = 256;

/** From sending an own proposal to the certificate of its block's result. */
export class ProposalSpans {
  readonly #tracing: Tracing;
  readonly #open = new Map<Digest, Span>();

  constructor(tracing: Tracing) {
    this.#tracing = tracing;
  }

  sent({ body }: PeerMessage): void {
    if (body.kind !== "proposal" || this.#open.has(body.block.id)) return;
    this.#open.set(body.block.id, this.#tracing.start("propose-to-certificate"));
    const [oldest] = this.#open.keys();
    if (this.#open.size > OPEN_SPANS_MAX && oldest !== undefined) this.#open.delete(oldest);
  }

  certified(blockId: Digest): void {
    this.#open.get(blockId)?.end();
    this.#open.delete(blockId);
  }
}
