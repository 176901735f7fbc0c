import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SignedBatch } from "../consensus/types.ts";
import { orderedTransactions } from "./executable-block.ts";

const LANES = ["a", "b", "c"].map((digit) => digit.repeat(64));

function batch(author: string, sequence: number, texts: readonly number[]): SignedBatch {
  const transactions = texts.map((text) => Uint8Array.of(text));
  const content = { author, sequence, previous: "0".repeat(64), transactions };
  const digest = `${sequence}`.repeat(64);
  return { batch: content, bytes: new Uint8Array(), digest, signature: new Uint8Array(64) };
}

describe("rule FAIR: order of lanes", () => {
  test("lanes rotate by height, whatever order the proposer cut them in", () => {
    const cut = LANES.map((author, index) => batch(author, 1, [index]));
    fc.assert(
      fc.property(fc.shuffledSubarray(cut, { minLength: 3 }), fc.nat(), (batches, height) => {
        const lanes = orderedTransactions(height, batches).map(({ lane }) => lane);
        const first = height % 3;
        expect(lanes).toEqual([...LANES.slice(first), ...LANES.slice(0, first)]);
      }),
    );
  });

  test("first come first served within a lane", () => {
    const [lane = ""] = LANES;
    const batches = [batch(lane, 1, [1, 2]), batch(lane, 2, [3])];
    const order = orderedTransactions(7, batches).map(({ bytes }) => bytes[0]);
    expect(order).toEqual([1, 2, 3]);
  });
});
