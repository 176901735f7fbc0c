import { EventEmitter } from "node:events";
import type { SubmitStreamRequest, SubmitStreamResponse } from "@quorate/proto/query/v1/query";
import { describe, expect, test } from "vitest";
import { SoloReplica } from "../../../test/shell/solo-replica.ts";
import { toHex } from "../../kernel/bytes.ts";
import { verifyListRange } from "../../kernel/merkle.ts";
import { ok, type Refusal, type Result, refuse } from "../../kernel/result.ts";
import { encodeTransaction } from "../../ledger/transaction.ts";
import type { Answer } from "../../replica/types.ts";
import type { DoorRefusal } from "../door/door.ts";
import type { Submission } from "./submission.ts";
import { STREAM_CREDIT, type StreamCall, SubmitStream } from "./submit-stream.ts";

/** A call whose other side the test plays. */
class TestCall extends EventEmitter implements StreamCall {
  readonly cancelled = false;
  writableLength = 0;
  readonly written: SubmitStreamResponse[] = [];
  readonly errors: { details?: string }[] = [];
  ended = false;

  constructor() {
    super();
    this.on("error", (error: { details?: string }) => this.errors.push(error));
  }

  write(response: SubmitStreamResponse): void {
    this.written.push(response);
  }

  end(): void {
    this.ended = true;
  }

  send(...transactions: readonly Uint8Array[]): void {
    const request: SubmitStreamRequest = {
      transactions: transactions.map((each) => Buffer.from(each)),
    };
    this.emit("data", request);
  }
}

const shut: DoorRefusal = {
  ...{ code: "OVERLOADED", field: "node", fix: "come again" },
  ...{ reason: "wait", retryAfterMs: 700 },
};

function world(roomFor = 10_000, verdict: Result<void, Refusal> = ok(undefined)) {
  const call = new TestCall();
  const submissions: Submission[] = [];
  const messages: number[] = [];
  let waiting = 0;
  let later: (() => void)[] = [];
  new SubmitStream(call, {
    submit: (given) => {
      messages.push(given.length);
      if (verdict.ok) submissions.push(...given);
      return verdict;
    },
    visitor: {
      enter: ({ length }) => {
        if (waiting + length > roomFor) return shut;
        waiting += length;
        return undefined;
      },
      leave: () => {
        waiting -= 1;
      },
      now: () => 0,
    },
    soon: (callback) => later.push(callback),
  });
  const settle = (): void => {
    const due = later;
    later = [];
    for (const callback of due) callback();
  };
  return { call, submissions, messages, settle, waiting: () => waiting };
}

const bytes = (index: number): Uint8Array => Uint8Array.of(1, index >> 8, index & 0xff);
const refused = (code: string, field = "transaction"): Answer => {
  return { kind: "refused", refusal: { code, field, fix: "do otherwise" } };
};

/** A replica of one that has executed these puts or refused them, in one block. */
function certified(count: number): readonly Answer[] {
  const answered = new Map<number, Answer>();
  const replica = new SoloReplica((effect) => {
    if (effect.kind === "answer") answered.set(effect.request, effect.answer);
  });
  replica.certifyTo(1);
  const answers: Answer[] = [];
  const submissions = Array.from({ length: count }, (_, request) => ({
    request,
    transaction: encodeTransaction({
      kind: "faucet",
      account: request.toString(16).padStart(64, "0"),
      amount: 1n,
      nonce: 1,
    }),
  }));
  replica.push({ kind: "submit", submissions });
  replica.certifyTo(4);
  for (const { request } of submissions) {
    const answer = answered.get(request);
    if (answer !== undefined) answers.push(answer);
  }
  return answers;
}

describe("a stream of submissions", () => {
  test("grants its credit first, and numbers transactions over messages", () => {
    const { call, submissions, messages, settle } = world();
    expect(call.written).toEqual([{ credit: STREAM_CREDIT, runs: [], refusals: [] }]);
    call.send(bytes(0), bytes(1));
    call.send(bytes(2));
    expect(messages).toEqual([2, 1]);
    submissions[2]?.answer(refused("BAD_SIGNATURE"));
    settle();
    expect(call.written[1]?.refusals).toMatchObject([
      { numbers: [2], code: "BAD_SIGNATURE", retryAfterMs: 0 },
    ]);
  });

  test("receipts of one block come as one run under one certificate, whatever their order", () => {
    const answers = certified(9);
    expect(answers).toHaveLength(9);
    const { call, submissions, settle, waiting } = world();
    call.send(...answers.map((_, index) => bytes(index)));
    expect(waiting()).toBe(9);
    for (const at of [4, 0, 8, 2, 1, 3, 7, 5]) {
      const answer = answers[at];
      if (answer !== undefined) submissions[at]?.answer(answer);
    }
    settle();
    const runs = call.written[1]?.runs ?? [];
    // Number 6 is missing: two runs, and the second one carries no certificate of its own.
    expect(runs.map(({ numbers }) => numbers)).toEqual([
      [0, 1, 2, 3, 4, 5],
      [7, 8],
    ]);
    expect(runs.map(({ certificate }) => certificate !== undefined)).toEqual([true, false]);
    const root = toHex(runs[0]?.certificate?.result?.receiptsRoot ?? new Uint8Array());
    for (const { receipts, first, count, path } of runs) {
      const proof = { first: Number(first), count: Number(count), path };
      expect(verifyListRange(root, receipts, proof)).toBe(true);
      expect(verifyListRange(root, receipts.slice(1), proof)).toBe(false);
    }
    expect(waiting()).toBe(1);
  });

  test("beyond its credit a call is cut off, and holds nothing any more", () => {
    const { call, waiting, messages } = world();
    const kilo = Array.from({ length: 1_024 }, (_, index) => bytes(index));
    for (let sent = 0; sent < STREAM_CREDIT; sent += kilo.length) call.send(...kilo);
    expect(waiting()).toBe(STREAM_CREDIT);
    call.send(bytes(0));
    expect(call.errors[0]?.details).toContain("CREDIT_EXCEEDED");
    expect(waiting()).toBe(0);
    call.send(bytes(0));
    expect(messages).toHaveLength(STREAM_CREDIT / kilo.length);
  });

  test("a client that does not read is cut off", () => {
    const { call, submissions, settle, waiting } = world();
    call.send(bytes(0), bytes(1));
    call.writableLength = 10_000;
    submissions[0]?.answer(refused("BAD_SIGNATURE"));
    settle();
    expect(call.errors[0]?.details).toContain("OVERLOADED");
    expect(waiting()).toBe(0);
  });

  test("where the node is full, all of a message are refused with a time to come again", () => {
    const { call, settle, messages, waiting } = world(1);
    call.send(bytes(0), bytes(1));
    settle();
    expect(call.written[1]?.refusals).toMatchObject([
      { numbers: [0, 1], code: "OVERLOADED", retryAfterMs: 700 },
    ]);
    const full = world(10, refuse("QUEUE_FULL", "node", "later"));
    full.call.send(bytes(0), bytes(1));
    full.settle();
    expect(full.call.written[1]?.refusals).toMatchObject([
      { numbers: [0, 1], code: "QUEUE_FULL", retryAfterMs: 100 },
    ]);
    expect([messages, waiting(), full.waiting()]).toEqual([[], 0, 0]);
  });

  test("an empty or too long transaction is refused alone", () => {
    const { call, submissions, settle } = world();
    call.send(new Uint8Array(), bytes(1), new Uint8Array(65_537));
    settle();
    expect(submissions).toHaveLength(1);
    expect(call.written[1]?.refusals).toMatchObject([
      { numbers: [0, 2], code: "TRANSACTION_LENGTH", retryAfterMs: 0 },
    ]);
  });

  test("a client that ends its side gets what is open, then the end", () => {
    const { call, submissions, settle } = world();
    call.send(bytes(0));
    call.emit("end");
    expect(call.ended).toBe(false);
    submissions[0]?.answer(refused("BAD_SIGNATURE"));
    expect(call.ended).toBe(false);
    settle();
    expect(call.ended).toBe(true);
  });

  test("after a client is gone nothing is written, and its places are free", () => {
    const { call, submissions, settle, waiting } = world();
    call.send(bytes(0), bytes(1));
    call.emit("cancelled");
    expect(waiting()).toBe(0);
    submissions[0]?.answer(refused("BAD_SIGNATURE"));
    settle();
    expect(call.written).toHaveLength(1);
    expect(waiting()).toBe(0);
  });
});
