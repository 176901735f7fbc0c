import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256Hex } from "../crypto/sha256.ts";
import { asciiBytes } from "./bytes.ts";
import {
  deleteDigest,
  digestEntries,
  emptyDigestMap,
  getDigest,
  heightKey,
  setDigest,
  sumSteps,
  VALUES_PER_STEP,
} from "./digest-map.ts";
import { atOnce } from "./steps.ts";

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

  test("the sum over all values is right after any changes, in every version", () => {
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const of = (value: number): bigint => BigInt(value);
        let map = emptyDigestMap<number>();
        for (const { key: at, value } of changes) {
          const before = map;
          map = value === undefined ? deleteDigest(map, at) : setDigest(map, at, value);
          for (const version of [map, before]) {
            const plain = [...digestEntries(version)].reduce((sum, [, each]) => sum + of(each), 0n);
            expect(atOnce(sumSteps(version, of))).toBe(plain);
          }
        }
        const sum = atOnce(sumSteps(map, of));
        expect(atOnce(sumSteps(map, (each) => 2n * of(each)))).toBe(2n * sum);
      }),
    );
  });

  test("a sum looks at some values a step, and the next one at what changed and its neighbours", () => {
    let looks = 0;
    const of = (value: number): bigint => {
      looks += 1;
      return BigInt(value);
    };
    const keys = Array.from({ length: 20_000 }, (_, at) => sha256Hex(asciiBytes(`value ${at}`)));
    let map = emptyDigestMap<number>();
    keys.forEach((at, value) => {
      map = setDigest(map, at, value);
    });
    const steps = sumSteps(map, of);
    let most = 0;
    for (let isOver = false; !isOver; ) {
      const before = looks;
      isOver = steps.next().done === true;
      most = Math.max(most, looks - before);
    }
    expect(looks).toBe(keys.length);
    expect(most).toBeLessThanOrEqual(VALUES_PER_STEP);
    looks = 0;
    atOnce(sumSteps(map, of));
    expect(looks).toBe(0);
    const [first = ""] = keys;
    atOnce(sumSteps(setDigest(map, first, 7), of));
    expect(looks).toBeGreaterThan(0);
    expect(looks).toBeLessThanOrEqual(5 * 16);
  });

  test("heights have distinct keys of one length", () => {
    const heights = [0, 1, 15, 16, 4_096, Number.MAX_SAFE_INTEGER];
    const keys = heights.map(heightKey);
    expect(new Set(keys).size).toBe(heights.length);
    expect(new Set(keys.map((each) => each.length)).size).toBe(1);
    expect(heightKey(1)).toBe("10000000000000");
  });
});
