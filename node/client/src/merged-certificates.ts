import type { ResultCertificate } from "@quorate/node/kernel/certificates";
import type { Height, Millis } from "@quorate/node/kernel/scalars";
import type { Clock } from "./clock.ts";
import { isNodeError, type NodeError } from "./errors.ts";
import type { QueryNode } from "./query-node.ts";
import type { Trust } from "./trust.ts";

const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 1_000;
/** A reader that falls this far behind loses the oldest: each certificate stands for itself. */
const WAITING_MAX = 1_024;

export interface MergeOptions {
  readonly nodes: readonly QueryNode[];
  readonly trust: Trust;
  readonly clock: Clock;
  readonly attemptMs: Millis;
  /** Ends every stream: the client was closed. */
  readonly signal: AbortSignal;
  readonly onNodeError: (error: NodeError) => void;
}

/**
 * Certificates of all nodes in one sequence: each verified, heights strictly rising, at the pace of
 * the fastest node. A node that ends or lies is asked again after a pause; it delays nobody.
 */
export async function* mergedCertificates(
  options: MergeOptions,
): AsyncGenerator<ResultCertificate, void, undefined> {
  const ending = new AbortController();
  const signal = AbortSignal.any([options.signal, ending.signal]);
  const waiting: ResultCertificate[] = [];
  let wake: () => void = () => undefined;
  let failure: { readonly error: unknown } | undefined;
  let newest: Height = 0;
  const deliver = (certificate: ResultCertificate): void => {
    if (certificate.result.height <= newest) return;
    newest = certificate.result.height;
    waiting.push(certificate);
    if (waiting.length > WAITING_MAX) waiting.shift();
    wake();
  };
  const runs = options.nodes.map(async (node) => {
    try {
      await follow({ ...options, signal }, node, { isNews: (height) => height > newest, deliver });
    } catch (error) {
      failure ??= { error };
      wake();
    }
  });
  signal.addEventListener("abort", () => wake(), { once: true });
  try {
    while (!signal.aborted && failure === undefined) {
      const next = waiting.shift();
      if (next !== undefined) yield next;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (waiting.length > 0 || signal.aborted || failure !== undefined) resolve();
        });
      }
    }
    if (failure !== undefined) throw failure.error;
  } finally {
    ending.abort();
    await Promise.all(runs);
  }
}

interface Sink {
  readonly isNews: (height: Height) => boolean;
  readonly deliver: (certificate: ResultCertificate) => void;
}

/** Follows one node until the signal: only what is not a node's fault is thrown. */
async function follow(options: MergeOptions, node: QueryNode, sink: Sink): Promise<void> {
  const { trust, clock, attemptMs, signal, onNodeError } = options;
  let pauseMs = PAUSE_MS_MIN;
  while (!signal.aborted) {
    try {
      for await (const certificate of node.certificates(signal)) {
        if (!sink.isNews(certificate.result.height)) continue;
        await trust.accept(node, certificate, { timeoutMs: attemptMs, signal });
        pauseMs = PAUSE_MS_MIN;
        sink.deliver(certificate);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!isNodeError(error)) throw error;
      onNodeError(error);
    }
    if (!(await paused(clock, pauseMs, signal))) return;
    pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
  }
}

/** False: the signal came first. */
async function paused(clock: Clock, ms: Millis, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.pause(ms, signal);
    return !signal.aborted;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
