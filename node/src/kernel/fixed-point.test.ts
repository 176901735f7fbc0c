import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareRatios, divCeil, divFloor } from "./fixed-point.ts";

const money = fc.bigInt({ min: -(2n ** 100n), max: 2n ** 100n });
const positive = fc.bigInt({ min: 1n, max: 2n ** 60n });

describe("rounding has a side", () => {
  test("floor is at most the quotient, ceil at least, and they differ by at most one", () => {
    fc.assert(
      fc.property(money, positive, (numerator, denominator) => {
        const floor = divFloor(numerator, denominator);
        const ceil = divCeil(numerator, denominator);
        expect(floor * denominator).toBeLessThanOrEqual(numerator);
        expect((floor + 1n) * denominator).toBeGreaterThan(numerator);
        expect(ceil * denominator).toBeGreaterThanOrEqual(numerator);
        expect(ceil - floor).toBeLessThanOrEqual(1n);
      }),
    );
  });

  test("ratios compare without dividing", () => {
    expect(compareRatios(1n, 3n, 2n, 6n)).toBe(0);
    expect(compareRatios(10n ** 30n, 3n, 10n ** 30n + 1n, 3n)).toBe(-1);
    expect(compareRatios(-1n, 3n, -2n, 3n)).toBe(1);
  });
});
