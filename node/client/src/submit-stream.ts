import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { ResultCertificate } from "@quorate/node/kernel/certificates";
import type {
  CertifiedRun,
  SubmitStreamRequest,
  SubmitStreamResponse,
} from "@quorate/proto/query/v1/query";
import type { NodeError } from "./errors.ts";
import { certificateFromWire, hashesFromWire, present, safeNumber } from "./from-wire.ts";
import type { ClaimedRun, SubmitStreamCall, SubmitStreamEvents } from "./query-node.ts";

type Call = ClientDuplexStream<SubmitStreamRequest, SubmitStreamResponse>;

/** Turns one gRPC call into events in the client's own terms; the first fault ends it. */
export function openSubmitStream(
  call: Call,
  events: SubmitStreamEvents,
  errorOf: (error: unknown) => NodeError,
): SubmitStreamCall {
  let isOver = false;
  const end = (error: unknown): void => {
    if (isOver) return;
    isOver = true;
    call.cancel();
    events.onEnd(errorOf(error));
  };
  call.on("data", (response: SubmitStreamResponse) => {
    if (isOver) return;
    try {
      take(response, events);
    } catch (error) {
      end(error);
    }
  });
  call.on("error", end);
  call.on("end", () => end(undefined));
  return {
    send: (transactions) => {
      if (!isOver) call.write({ transactions: transactions.map((each) => bufferOf(each)) });
    },
    cancel: () => {
      isOver = true;
      call.cancel();
    },
  };
}

function take(response: SubmitStreamResponse, events: SubmitStreamEvents): void {
  if (response.credit > 0) events.onCredit(response.credit);
  const runs: ClaimedRun[] = [];
  for (const [at, run] of response.runs.entries()) {
    runs.push(runFromWire(run, runs.at(-1)?.certificate, `runs[${at}]`));
  }
  if (runs.length > 0) events.onRuns(runs);
  for (const { numbers, code, field, fix, retryAfterMs } of response.refusals) {
    const retry = retryAfterMs === 0 ? undefined : retryAfterMs;
    events.onRefusals({ numbers, refusal: { code, field, fix }, retryAfterMs: retry });
  }
}

function runFromWire(
  run: CertifiedRun,
  before: ResultCertificate | undefined,
  field: string,
): ClaimedRun {
  const { certificate, advice } = run;
  return {
    certificate:
      certificate === undefined
        ? present(before, `${field}.certificate`)
        : certificateFromWire(certificate, `${field}.certificate`),
    numbers: run.numbers,
    leaves: run.receipts.map((leaf) => new Uint8Array(leaf)),
    proof: {
      first: safeNumber(run.first, `${field}.first`),
      count: safeNumber(run.count, `${field}.count`),
      path: hashesFromWire(run.path, `${field}.path`),
    },
    advice: new Map(
      advice.map(({ number, fix, outcomeFixes }) => [number, { fix, outcomeFixes }] as const),
    ),
  };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
