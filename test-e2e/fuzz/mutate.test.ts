import { expect, test } from "vitest";
import { Chance } from "./chance.ts";
import { fieldsOf, mutated } from "./mutate.ts";

/** { 1: "abc", 2: { 1: 7 } } */
const VALID = Uint8Array.from([0x0a, 3, 97, 98, 99, 0x12, 2, 0x08, 7]);

test("fields of a message are found, and bytes that are none are told apart", () => {
  expect(fieldsOf(VALID)).toEqual([
    { number: 1, wireType: 2, value: Uint8Array.from([97, 98, 99]) },
    { number: 2, wireType: 2, value: Uint8Array.from([8, 7]) },
  ]);
  expect(fieldsOf(VALID.subarray(0, 3))).toBeUndefined();
  expect(fieldsOf(Uint8Array.of(0x00, 0x01))).toBeUndefined();
});

test("a seed gives the same mutations again, most of them still messages, hardly one the original", () => {
  const run = (seed: number) => {
    const chance = new Chance(seed);
    return Array.from({ length: 300 }, () => mutated(VALID, VALID, chance));
  };
  expect(run(4)).toEqual(run(4));
  const results = run(5);
  const messages = results.filter((bytes) => fieldsOf(bytes) !== undefined);
  const unchanged = results.filter((bytes) => Buffer.compare(bytes, VALID) === 0);
  expect(messages.length).toBeGreaterThan(200);
  expect(unchanged.length).toBeLessThan(30);
});
