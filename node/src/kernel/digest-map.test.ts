import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256Hex } from "../crypto/sha256.ts";
import {
  deleteDigest,
  digestEntries,
  emptyDigestMap,
  getDigest,
  heightKey,
  setDigest,
} from "./digest-map.ts";

const key = fc.integer({ min: 0, max: 40 }).map((seed) => sha256Hex(Uint8Array.of(seed)));
const change = fc.record({ key, value: fc.option(fc.integer(), { nil: undefined }) });

describe("digest map", () => {
  test("equals a Map under any changes, and an older version never changes", () => {
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        let map = emptyDigestMap<number>();
        const model = new Map<string, number>();
        for (const { key: at, value } of changes) {
          const before = map;
          const entriesBefore = [...digestEntries(before)];
          map = value === undefined ? deleteDigest(map, at) : setDigest(map, at, value);
          if (value === undefined) model.delete(at);
          else model.set(at, value);
          expect([...digestEntries(before)]).toEqual(entriesBefore);
        }
        expect(map.size).toBe(model.size);
        expect(new Map(digestEntries(map))).toEqual(model);
        const keys = [...digestEntries(map)].map(([at]) => at);
        expect(keys).toEqual(keys.toSorted());
        for (const { key: at } of changes) expect(getDigest(map, at)).toBe(model.get(at));
      }),
    );
  });

  test("heights have distinct keys of one length", () => {
    const heights = [0, 1, 15, 16, 4_096, Number.MAX_SAFE_INTEGER];
    const keys = heights.map(heightKey);
    expect(new Set(keys).size).toBe(heights.length);
    expect(new Set(keys.map((each) => each.length)).size).toBe(1);
    expect(heightKey(1)).toBe("10000000000000");
  });
});
