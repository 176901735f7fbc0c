import type {
  CertifiedRun,
  StreamRefusal,
  SubmitStreamRequest,
  SubmitStreamResponse,
} from "@quorate/proto/query/v1/query";
import type { Refusal, Result } from "../../kernel/result.ts";
import type { Millis } from "../../kernel/scalars.ts";
import type { Answer, CertifiedReceipt } from "../../replica/types.ts";
import type { Visitor } from "../door/visitor.ts";
import { certifiedRuns } from "../wire/receipt-wire.ts";
import { type Hinted, retryAfter, serviceError } from "./refusal.ts";
import type { Submission } from "./submission.ts";

export const TRANSACTION_BYTES_MAX = 65_536;
/** Transactions of one call without an outcome. */
export const STREAM_CREDIT = 4_096;
const MESSAGE_TRANSACTIONS_MAX = 1_024;
/** Messages that the client has not read; beyond, the call ends. */
const UNREAD_MAX = 256;
/** What this class needs of a gRPC duplex call. */
export interface StreamCall {
  readonly writableLength: number;
  readonly cancelled: boolean;
  on(event: "data", listener: (request: SubmitStreamRequest) => void): unknown;
  on(event: "end" | "cancelled", listener: () => void): unknown;
  emit(event: "error", error: unknown): unknown;
  write(response: SubmitStreamResponse): unknown;
  end(): unknown;
}

export interface StreamPorts {
  /** All are taken, or none. */
  readonly submit: (submissions: readonly Submission[]) => Result<unknown, Refusal>;
  readonly visitor: Pick<Visitor, "enter" | "leave" | "now">;
  /** Calls back when what happens together has happened. */
  readonly soon: (callback: () => void) => void;
}

/**
 * One call of SubmitStream. What may wait is bounded by the credit, what is not read by a count of
 * messages: a client that goes beyond either is cut off, and no client makes another one wait.
 */
export class SubmitStream {
  readonly #call: StreamCall;
  readonly #ports: StreamPorts;
  /** Outcomes of the moment, told together. */
  #certified: { readonly number: number; readonly receipt: CertifiedReceipt }[] = [];
  #refusals: StreamRefusal[] = [];
  #next = 0;
  /** Without an outcome, by number. */
  readonly #open = new Map<number, { readonly bytes: Uint8Array; readonly sinceMs: Millis }>();
  #isFlushing = false;
  #hasEnded = false;
  #isGone = false;

  constructor(call: StreamCall, ports: StreamPorts) {
    this.#call = call;
    this.#ports = ports;
    call.on("data", (request) => this.#take(request));
    call.on("end", () => {
      this.#hasEnded = true;
      this.#endIfDone();
    });
    // What waits stays in the lane; nobody is told.
    call.on("cancelled", () => this.#leave());
    call.write({ credit: STREAM_CREDIT, runs: [], refusals: [] });
  }

  #take({ transactions }: SubmitStreamRequest): void {
    if (this.#isGone) return;
    const first = this.#next;
    const count = transactions.length;
    this.#next += count;
    if (count > MESSAGE_TRANSACTIONS_MAX || this.#open.size + count > STREAM_CREDIT) {
      const fix = `send at most ${MESSAGE_TRANSACTIONS_MAX} at once, within the granted credit`;
      this.#cut({ code: "CREDIT_EXCEEDED", field: "transactions", fix });
      return;
    }
    const { visitor } = this.#ports;
    const shut = visitor.enter(transactions);
    if (shut !== undefined) {
      this.#refuse(numbered(first, count), shut);
      return;
    }
    const sinceMs = visitor.now();
    for (const [at, bytes] of transactions.entries())
      this.#open.set(first + at, { bytes, sinceMs });
    this.#submit(first, transactions);
  }

  #submit(first: number, transactions: readonly Uint8Array[]): void {
    const submissions: Submission[] = [];
    for (const [at, bytes] of transactions.entries()) {
      const number = first + at;
      if (bytes.length === 0 || bytes.length > TRANSACTION_BYTES_MAX) {
        const fix = `send the canonical bytes, at most ${TRANSACTION_BYTES_MAX}`;
        this.#answer(number, {
          kind: "refused",
          refusal: { code: "TRANSACTION_LENGTH", field: "transaction", fix },
        });
        continue;
      }
      const answer = (given: Answer): void => this.#answer(number, given);
      submissions.push({ transaction: new Uint8Array(bytes), answer });
    }
    if (submissions.length === 0) return;
    const submitted = this.#ports.submit(submissions);
    if (submitted.ok) return;
    for (const { answer } of submissions) answer({ kind: "refused", refusal: submitted.error });
  }

  #answer(number: number, given: Answer): void {
    const open = this.#open.get(number);
    if (open === undefined) return;
    this.#open.delete(number);
    this.#ports.visitor.leave(open.bytes, open.sinceMs, given);
    if (given.kind === "refused") this.#refuse([number], given.refusal);
    else this.#certified.push({ number, receipt: given.receipt });
    this.#flushSoon();
  }

  /** Refusals of one message are mostly the same: they are told as one. */
  #refuse(numbers: readonly number[], refusal: Hinted): void {
    const { code, field, fix } = refusal;
    const retryAfterMs = retryAfter(refusal);
    const last = this.#refusals.at(-1);
    if (last?.code === code && last.field === field && last.fix === fix) {
      last.numbers.push(...numbers);
      last.retryAfterMs = Math.max(last.retryAfterMs, retryAfterMs);
    } else {
      this.#refusals.push({ numbers: [...numbers], code, field, fix, retryAfterMs });
    }
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    this.#ports.soon(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#isGone) return;
    if (this.#call.writableLength > UNREAD_MAX) {
      this.#cut({ code: "OVERLOADED", field: "stream", fix: "read the outcomes as they come" });
      return;
    }
    const runs: CertifiedRun[] = certifiedRuns(this.#certified);
    this.#call.write({ credit: 0, runs, refusals: this.#refusals });
    this.#certified = [];
    this.#refusals = [];
    this.#endIfDone();
  }

  #endIfDone(): void {
    const isTold = this.#certified.length === 0 && this.#refusals.length === 0;
    if (this.#hasEnded && this.#open.size === 0 && isTold && !this.#isGone) this.#call.end();
  }

  #cut(refusal: Refusal): void {
    this.#leave();
    this.#call.emit("error", serviceError(refusal));
  }

  #leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    for (const { bytes, sinceMs } of this.#open.values()) {
      this.#ports.visitor.leave(bytes, sinceMs, undefined);
    }
    this.#open.clear();
    this.#certified = [];
    this.#refusals = [];
  }
}

function numbered(first: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => first + at);
}
