import { verifyReceiptRun } from "@quorate/light-client/proofs";
import type { Refusal } from "@quorate/node/kernel/result";
import type { Digest, Millis } from "@quorate/node/kernel/scalars";
import { transactionId } from "@quorate/node/ledger/transaction";
import { readReceipt, withAdvice } from "./block-leaves.ts";
import type { CertifiedReceipt } from "./certified-receipt.ts";
import type { Clock } from "./clock.ts";
import {
  ChainRefusalError,
  ClosedError,
  DoorRefusalError,
  isNodeError,
  type NodeError,
  NodeUnavailableError,
  ProofError,
  RefusedError,
  UnreachableError,
} from "./errors.ts";
import type { Timeouts } from "./fail-over.ts";
import type {
  ClaimedRefusals,
  ClaimedRun,
  QueryNode,
  SubmitStreamCall,
  SubmitStreamEvents,
} from "./query-node.ts";
import { demand, type Trust } from "./trust.ts";

export interface SubmissionsOptions {
  /** In the order in which they are tried. */
  readonly nodes: readonly QueryNode[];
  readonly trust: Trust;
  readonly timeouts: Timeouts;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onNodeError: (error: NodeError) => void;
  readonly onCertified: (certified: CertifiedReceipt) => void;
  /** The receipt of what was executed before, from whichever node still holds it. */
  readonly lookUp: (id: Digest) => Promise<CertifiedReceipt>;
}

interface Pending {
  readonly bytes: Uint8Array;
  readonly resolve: (certified: CertifiedReceipt) => void;
  readonly reject: (error: Error) => void;
  readonly sinceMs: Millis;
}

interface Sent {
  readonly pending: Pending;
  readonly sentMs: Millis;
}

/** In one message of the stream (node/docs/node.md). */
const MESSAGE_TRANSACTIONS_MAX = 1_024;
const MESSAGE_BYTES_MAX = 192 * 1_024;
/** How often it is looked at who waits too long. */
const WATCH_MS: Millis = 250;
const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 1_000;
/** What a node says of a wait is advice. */
const RETRY_MS_MAX = 5_000;

/**
 * Many transactions over one stream: one certificate is verified for a block, one proof for those
 * of its receipts that stand together. Where a node ends the stream, is silent or lies, everything
 * without an outcome goes to the next node: a nonce is executed once, so nothing happens twice.
 */
export class Submissions {
  readonly #options: SubmissionsOptions;
  /** Not sent, oldest first. */
  #queue: Pending[] = [];
  /** Sent over the current call, by number, oldest first. */
  #sent = new Map<number, Sent>();
  #call: SubmitStreamCall | undefined;
  #credit = 0;
  #next = 0;
  #verifying: Promise<void> = Promise.resolve();
  #isFlushing = false;
  #isClosed = false;
  #fail: (error: NodeError) => void = () => undefined;

  constructor(options: SubmissionsOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => this.close(), { once: true });
    void this.#follow();
    void this.#watch();
  }

  /** Transactions without an outcome. */
  get open(): number {
    return this.#queue.length + this.#sent.size;
  }

  /**
   * As `QuorateClient.submit`, with many at once. Throws ChainRefusalError (proven), RefusedError
   * (what one node said), UnreachableError, ClosedError.
   */
  submit(bytes: Uint8Array): Promise<CertifiedReceipt> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        reject(new ClosedError());
        return;
      }
      this.#queue.push({ bytes, resolve, reject, sinceMs: this.#options.clock.now() });
      this.#flushSoon();
    });
  }

  /** What has no outcome is rejected; it may still be executed. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#call?.cancel();
    for (const pending of this.#takeAll()) pending.reject(new ClosedError());
    this.#fail(new NodeUnavailableError(STOPPED, { endpoint: "", networkKey: undefined }));
  }

  /** One call after the other, at one node after the other. */
  async #follow(): Promise<void> {
    const { nodes, clock, signal, onNodeError } = this.#options;
    let pauseMs = PAUSE_MS_MIN;
    for (let turn = 0; !this.#isClosed; turn += 1) {
      const node = nodes[turn % nodes.length];
      if (node === undefined) return;
      const before = this.#next;
      const error = await this.#useNode(node);
      if (this.#isClosed) return;
      onNodeError(error);
      // A call that carried something was sound: the next node is asked at once.
      if (this.#next > before && this.#credit > 0) pauseMs = PAUSE_MS_MIN;
      else {
        await clock.pause(pauseMs, signal).catch(() => undefined);
        pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
      }
    }
  }

  /** Returns why the call ended; what it left without an outcome waits again, in its old order. */
  async #useNode(node: QueryNode): Promise<NodeError> {
    this.#credit = 0;
    this.#next = 0;
    const ended = new Promise<NodeError>((resolve) => {
      this.#fail = resolve;
    });
    try {
      this.#call = await node.submitStream(this.#events(node));
      this.#flushSoon();
      return await ended;
    } catch (error) {
      if (isNodeError(error)) return error;
      throw error;
    } finally {
      this.#call?.cancel();
      this.#call = undefined;
      await this.#verifying;
      this.#queue = this.#takeAll();
    }
  }

  #events(node: QueryNode): SubmitStreamEvents {
    return {
      onCredit: (credit) => {
        this.#credit = credit;
        this.#flushSoon();
      },
      onRuns: (runs) => {
        this.#verifying = this.#verifying.then(() => this.#verifyRuns(node, runs));
      },
      onRefusals: (refusals) => this.#onRefusals(node, refusals),
      onEnd: (error) => this.#fail(error),
    };
  }

  async #verifyRuns(node: QueryNode, runs: readonly ClaimedRun[]): Promise<void> {
    const { trust, timeouts, signal } = this.#options;
    try {
      for (const run of runs) {
        await trust.accept(node, run.certificate, { timeoutMs: timeouts.attemptMs, signal });
        this.#verifyRun(node, run);
      }
    } catch (error) {
      if (!isNodeError(error)) throw error;
      this.#fail(error);
    }
    this.#flushSoon();
  }

  /** Under a certificate that was accepted. */
  #verifyRun(node: QueryNode, run: ClaimedRun): void {
    const { certificate, leaves, numbers, proof } = run;
    demand(verifyReceiptRun(certificate, leaves, proof), node);
    if (numbers.length !== leaves.length) throw wrongReceipt(node, "a receipt has no number");
    const { height } = certificate.result;
    for (const [at, leaf] of leaves.entries()) {
      const number = numbers[at] ?? 0;
      const sent = this.#sent.get(number);
      const proven = readReceipt(leaf, node);
      if (sent === undefined || proven.transaction !== transactionId(sent.pending.bytes)) {
        throw wrongReceipt(node, `${proven.transaction} is not what was sent as number ${number}`);
      }
      this.#sent.delete(number);
      const receipt = withAdvice(proven, run.advice.get(number) ?? NO_ADVICE);
      this.#settle(sent.pending, { height, receipt, certificate });
    }
  }

  #settle({ resolve, reject }: Pending, certified: CertifiedReceipt): void {
    this.#options.onCertified(certified);
    const { receipt, height } = certified;
    if (receipt.code === "OK") resolve(certified);
    else reject(new ChainRefusalError(receipt, { height, transaction: receipt.transaction }));
  }

  #onRefusals(node: QueryNode, { numbers, refusal, retryAfterMs }: ClaimedRefusals): void {
    const refused = numbers.flatMap((number) => {
      const sent = this.#sent.get(number);
      this.#sent.delete(number);
      return sent === undefined ? [] : [sent.pending];
    });
    if (retryAfterMs !== undefined) {
      this.#retryLater(refused, Math.min(retryAfterMs, RETRY_MS_MAX));
    } else if (EXECUTED.has(refusal.code)) {
      for (const pending of refused) this.#lookUp(pending);
    } else if (refusal.field === "node") {
      // About this node, not about what was sent: the next one is asked.
      this.#queue = [...refused, ...this.#queue];
      this.#fail(new NodeUnavailableError(refusal, node.name));
    } else {
      for (const { reject } of refused) {
        reject(new RefusedError([new DoorRefusalError(refusal, node.name)], false));
      }
    }
    this.#flushSoon();
  }

  #lookUp(pending: Pending): void {
    this.#options
      .lookUp(transactionId(pending.bytes))
      .then((certified) => this.#settle(pending, certified), pending.reject);
  }

  #retryLater(refused: readonly Pending[], afterMs: Millis): void {
    const { clock, signal } = this.#options;
    const again = (): void => {
      if (this.#isClosed) for (const { reject } of refused) reject(new ClosedError());
      else this.#queue = [...refused, ...this.#queue];
      this.#flushSoon();
    };
    clock.pause(clock.jitter(afterMs), signal).then(again, again);
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    const { clock } = this.#options;
    const sentMs = clock.now();
    for (;;) {
      const room = Math.min(this.#credit - this.#sent.size, MESSAGE_TRANSACTIONS_MAX);
      if (this.#call === undefined || room <= 0 || this.#queue.length === 0) return;
      const message = withinBytes(this.#queue, room);
      this.#queue = this.#queue.slice(message.length);
      for (const pending of message) {
        this.#sent.set(this.#next, { pending, sentMs });
        this.#next += 1;
      }
      this.#call.send(message.map(({ bytes }) => bytes));
    }
  }

  /** A node that is silent too long gives way; what waits too long is given up. */
  async #watch(): Promise<void> {
    const { clock, timeouts, signal } = this.#options;
    while (!this.#isClosed) {
      await clock.pause(WATCH_MS, signal).catch(() => undefined);
      const now = clock.now();
      const [oldest] = this.#sent.values();
      if (oldest !== undefined && now - oldest.sentMs > timeouts.attemptMs) {
        const fix = `no outcome within ${timeouts.attemptMs} ms`;
        const silent = { code: "NODE_TIMEOUT", field: "node", fix };
        this.#fail(new NodeUnavailableError(silent, { endpoint: "", networkKey: undefined }));
      }
      this.#giveUp(now - timeouts.totalMs);
    }
  }

  #giveUp(beforeMs: Millis): void {
    const isLate = ({ sinceMs }: Pending): boolean => sinceMs < beforeMs;
    if (!this.#queue.some(isLate)) return;
    const fix = "no endpoint took it in time; it may still be executed: send the same bytes again";
    const unreachable = { code: "UNREACHABLE", field: "endpoints", fix };
    for (const late of this.#queue.filter(isLate)) {
      late.reject(new UnreachableError(unreachable, []));
    }
    this.#queue = this.#queue.filter((pending) => !isLate(pending));
  }

  #takeAll(): Pending[] {
    const all = [...Array.from(this.#sent.values(), ({ pending }) => pending), ...this.#queue];
    this.#sent = new Map();
    this.#queue = [];
    return all;
  }
}

/** It was executed, and this node can't prove it any more, or not yet. */
const EXECUTED: ReadonlySet<string> = new Set(["RECEIPT_NOT_HELD", "CERTIFICATE_MISSING"]);
const NO_ADVICE = { fix: "", outcomeFixes: [] };
const STOPPED: Refusal = { code: "CLIENT_CLOSED", field: "client", fix: "connect again" };

function wrongReceipt(node: QueryNode, fix: string): ProofError {
  return new ProofError({ code: "WRONG_RECEIPT", field: "receipt", fix }, node.name);
}

/** The first of the queue that fit into one message; at least one. */
function withinBytes(queue: readonly Pending[], countMax: number): readonly Pending[] {
  let length = 0;
  let count = 0;
  for (const { bytes } of queue) {
    length += bytes.length;
    if (count > 0 && (length > MESSAGE_BYTES_MAX || count >= countMax)) break;
    count += 1;
  }
  return queue.slice(0, count);
}
