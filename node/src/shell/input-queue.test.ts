import { describe, expect, test } from "vitest";
import type { PeerBody } from "../consensus/types.ts";
import type { ReplicaInput } from "../replica/types.ts";
import { CLIENTS_WEIGHT_MAX, InputQueue, PEER_WEIGHT_MAX } from "./input-queue.ts";

const request: PeerBody = { kind: "chain-request", fromHeight: 1 };
const [flooding = "", quiet = ""] = ["a", "b"].map((name) => name.repeat(64));

function messageOf(from: string, body = request): ReplicaInput {
  const status = { epoch: 1, round: 1, qcRound: 0, committedHeight: 0 };
  return { kind: "message", from, message: { status, body } };
}

function nameOf(input: ReplicaInput | undefined): string {
  if (input?.kind === "message") return input.from === flooding ? "flood" : "quiet";
  return input?.kind ?? "nothing";
}

function drain(queue: InputQueue, count: number): string[] {
  return Array.from({ length: count }, () => nameOf(queue.take()));
}

describe("inputs of the replica", () => {
  test("rule EVIDENCE: a peer that floods fills its own lane and takes nobody's turn", () => {
    const queue = new InputQueue();
    let accepted = 0;
    for (let at = 0; at < 2 * PEER_WEIGHT_MAX; at += 1) {
      if (queue.push(messageOf(flooding))) accepted += 1;
    }
    expect(accepted).toBe(PEER_WEIGHT_MAX);
    expect(queue.push(messageOf(quiet))).toBe(true);
    expect(queue.push(messageOf(quiet))).toBe(true);
    expect(drain(queue, 5)).toEqual(["flood", "quiet", "flood", "quiet", "flood"]);
    expect(queue.length).toBe(PEER_WEIGHT_MAX - 3);
  });

  test("rule EVIDENCE: large messages weigh more", () => {
    const queue = new InputQueue();
    const certificate = { epoch: 1, round: 1, blockId: "cd".repeat(32), signatures: [] };
    const proof = { kind: "order", certificate } as const;
    const segment = { epoch: 1, blocks: [], batches: [], proof, epochProof: undefined };
    const large = messageOf(flooding, { kind: "chain-response", segment });
    let accepted = 0;
    while (accepted < PEER_WEIGHT_MAX && queue.push(large)) accepted += 1;
    expect(accepted).toBeLessThan(16);
  });

  test("clients' transactions weigh one each, however many come together", () => {
    const queue = new InputQueue();
    const submissions = Array.from({ length: 1_000 }, (_, request) => {
      return { request, transaction: new Uint8Array(1) };
    });
    let accepted = 0;
    while (queue.push({ kind: "submit", submissions })) accepted += 1;
    expect(accepted).toBe(Math.floor(CLIENTS_WEIGHT_MAX / 1_000));
  });

  test("what a client sends at once comes in steps, between which a peer has its turn", () => {
    const queue = new InputQueue();
    const submissions = Array.from({ length: 65 }, (_, request) => {
      return { request, transaction: new Uint8Array(1) };
    });
    queue.push({ kind: "submit", submissions });
    queue.push(messageOf(quiet));
    queue.push(messageOf(quiet));
    const taken = Array.from({ length: 5 }, () => queue.take());
    expect(taken.map(nameOf)).toEqual(["submit", "quiet", "submit", "quiet", "submit"]);
    const requests = taken.flatMap((input) => {
      return input?.kind === "submit" ? input.submissions.map(({ request }) => request) : [];
    });
    expect(requests).toEqual(submissions.map(({ request }) => request));
  });

  test("own inputs go first and in order, a client's abandon behind its submission", () => {
    const queue = new InputQueue();
    const transaction = new Uint8Array(1);
    queue.push(messageOf(quiet));
    queue.push({ kind: "submit", submissions: [{ request: 1, transaction }] });
    queue.push({ kind: "abandon", request: 1, transaction: "ef".repeat(32) });
    queue.push({ kind: "timer", timer: "round" });
    queue.push({ kind: "start" });
    const order = ["timer", "start", "quiet", "submit", "abandon", "nothing"];
    expect(drain(queue, 6)).toEqual(order);
    expect(queue.length).toBe(0);
  });
});
