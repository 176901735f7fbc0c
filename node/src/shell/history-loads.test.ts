import { describe, expect, test } from "vitest";
import type { ChainSegment } from "../consensus/types.ts";
import { HistoryLoads } from "./history-loads.ts";

const [greedy = "", modest = ""] = ["a", "b"].map((name) => name.repeat(64));

function segmentFrom(height: number): ChainSegment {
  const certificate = { epoch: 1, round: height, blockId: "cd".repeat(32), signatures: [] };
  const proof = { kind: "order", certificate } as const;
  return { epoch: 1, blocks: [], batches: [], proof, epochProof: undefined };
}

function world() {
  const started: number[] = [];
  const served: string[] = [];
  const open: ((segment: ChainSegment | undefined) => void)[] = [];
  const loads = new HistoryLoads({
    load: (height) => {
      started.push(height);
      return new Promise((resolve) => open.push(resolve));
    },
    loaded: (to) => served.push(to === greedy ? "greedy" : "modest"),
    fail: (error) => served.push(String(error)),
  });
  const finish = async (segment?: ChainSegment): Promise<void> => {
    open.shift()?.(segment);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { loads, started, served, finish };
}

describe("history from the disk", () => {
  test("rule EVIDENCE: a peer that asks without end has one load in flight, and one waiting", async () => {
    const { loads, started, served, finish } = world();
    for (let height = 1; height <= 500; height += 1) loads.ask(greedy, height);
    loads.ask(modest, 7);
    expect(started).toEqual([1]);
    await finish(segmentFrom(1));
    await finish(segmentFrom(1));
    await finish(segmentFrom(1));
    await finish(segmentFrom(1));
    expect(started).toEqual([1, 500, 7]);
    expect(served).toEqual(["greedy", "greedy", "modest"]);
  });

  test("a height that the log lacks is answered by nothing, and the next peer has its turn", async () => {
    const { loads, started, served, finish } = world();
    loads.ask(greedy, 9);
    loads.ask(modest, 3);
    await finish();
    await finish(segmentFrom(1));
    expect(started).toEqual([9, 3]);
    expect(served).toEqual(["modest"]);
  });
});
