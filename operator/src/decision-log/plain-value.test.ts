import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { firstDifference, fromPlain, type Plain, toPlain } from "./plain-value.ts";

const key = fc.oneof(fc.string(), fc.constantFrom("$map", "$$map", "__proto__"));
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(null, true, false, Number.NaN, Number.POSITIVE_INFINITY, ""),
    fc.integer(),
    fc.double({ noNaN: true }).filter((number) => !Object.is(number, -0)),
    fc.string(),
    fc.bigInt(),
    fc.uint8Array(),
    fc.array(tie("any")),
    fc.array(fc.tuple(tie("any"), tie("any"))).map((entries) => new Map(entries)),
    fc.array(tie("any")).map((items) => new Set(items)),
    fc.array(fc.tuple(key, tie("any"))).map((entries) => {
      const object: Record<string, unknown> = {};
      for (const [name, part] of entries) {
        Object.defineProperty(object, name, {
          ...{ value: part, enumerable: true, writable: true, configurable: true },
        });
      }
      return object;
    }),
  ),
})).any;

const throughText = (plain: Plain): Plain => JSON.parse(JSON.stringify(plain)) as Plain;

describe("values of a decision as JSON", () => {
  test("come back as they were, through text as well, in their order", () => {
    fc.assert(
      fc.property(value, (given) => {
        const plain = throughText(toPlain(given));
        expect(fromPlain(plain)).toStrictEqual(given);
        expect(firstDifference(toPlain(fromPlain(plain)), plain)).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  test("what is undefined is left out of objects and kept in lists", () => {
    expect(fromPlain(throughText(toPlain({ a: undefined, b: [undefined, 1] })))).toStrictEqual({
      b: [undefined, 1],
    });
  });

  test("what cannot be kept is refused by its path", () => {
    class Key {}
    expect(() => toPlain({ a: [{ b: new Key() }] })).toThrow("value.a[0].b: a Key cannot be kept");
    expect(() => toPlain({ a: () => 1 })).toThrow("value.a: a function cannot be kept");
  });

  test("what nobody writes is refused by its path", () => {
    const bad: readonly (readonly [Plain, string])[] = [
      [{ a: { $bigint: "x" } }, "value.a: $bigint"],
      [{ a: { $bytes: "0" } }, "value.a: $bytes"],
      [{ a: { $map: [1] } }, "value.a: $map"],
      [{ a: { $set: 1 } }, "value.a: $set"],
      [{ a: { $number: "1" } }, "value.a: $number"],
      [{ a: { $date: "1" } }, "value.a: $date is not known"],
      [{ a: { $set: [], b: 1 } }, "value.a: $set stands beside"],
    ];
    for (const [plain, says] of bad) expect(() => fromPlain(plain)).toThrow(says);
  });

  test("the first place that differs is named, also one that only one side has", () => {
    const [one, other] = [{ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }];
    expect(firstDifference(one, other)).toBe("a.1.b");
    expect(firstDifference({ a: 1 }, { a: 1, c: null })).toBe("c");
    expect(firstDifference([1], [1, 2])).toBe("1");
    expect(firstDifference([], {})).toBe("");
    expect(firstDifference({ a: null }, { a: 0 })).toBe("a");
  });
});
