import { expect, test } from "vitest";
import type { Clock } from "./clock.ts";
import { NodeUnavailableError } from "./errors.ts";
import { FailOver } from "./fail-over.ts";
import type { QueryNode } from "./query-node.ts";

/** Time passes by pauses alone; the jitter makes everything a tenth longer. */
function world() {
  let nowMs = 0;
  const pauses: number[] = [];
  const clock: Clock = {
    now: () => nowMs,
    pause: async (ms) => {
      pauses.push(ms);
      nowMs += ms;
    },
    jitter: (ms) => ms * 1.1,
  };
  const nodes = ["a", "b"].map((endpoint) => {
    return { name: { endpoint, networkKey: undefined } } as unknown as QueryNode;
  });
  const failOver = new FailOver({
    ...{ nodes, clock, onNodeError: () => undefined, signal: new AbortController().signal },
    timeouts: { attemptMs: 4_000, totalMs: 20_000 },
  });
  const overloaded = (node: QueryNode, retryAfterMs: number | undefined) => {
    const refusal = { code: "OVERLOADED", field: "node", fix: "come again" };
    return new NodeUnavailableError(refusal, node.name, { retryAfterMs });
  };
  return { failOver, nodes, pauses, overloaded, now: () => nowMs };
}

test("where every node says when to come again, the client waits for the soonest, with jitter", async () => {
  const { failOver, nodes, pauses, overloaded } = world();
  let asked = 0;
  const answer = await failOver.run(async (node) => {
    asked += 1;
    if (asked <= 2) throw overloaded(node, node === nodes[0] ? 3_000 : 2_000);
    return "done";
  });
  expect(answer).toBe("done");
  expect(pauses).toEqual([2_200]);
});

test("a node that says nothing is asked again soon; hints never outlast the call", async () => {
  const soon = world();
  let asked = 0;
  await soon.failOver.run(async (node) => {
    asked += 1;
    if (asked <= 2) throw soon.overloaded(node, node === soon.nodes[0] ? undefined : 5_000);
    return "done";
  });
  expect(soon.pauses).toEqual([expect.closeTo(55)]);
  const never = world();
  const failed = never.failOver.run((node) => Promise.reject(never.overloaded(node, 5_000)));
  await expect(failed).rejects.toMatchObject({ code: "UNREACHABLE" });
  expect(never.now()).toBeLessThan(20_000);
});
