import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { faultyPowerMax, honestPowerMin, quorumPower } from "./threshold.ts";

const power = fc.bigInt({ min: 1n, max: 2n ** 80n });

describe("rule EPOCH: quorum by power", () => {
  test("any two quorums share more than f", () => {
    fc.assert(
      fc.property(power, (total) => {
        const quorum = quorumPower(total);
        expect(2n * quorum - total).toBeGreaterThan(faultyPowerMax(total));
        expect(3n * quorum).toBeGreaterThan(2n * total);
        expect(3n * (quorum - 1n)).toBeLessThanOrEqual(2n * total);
      }),
    );
  });

  test("without the faulty the rest still is a quorum, and f+1 holds an honest one", () => {
    fc.assert(
      fc.property(power, (total) => {
        expect(total - faultyPowerMax(total)).toBe(quorumPower(total));
        expect(honestPowerMin(total)).toBe(faultyPowerMax(total) + 1n);
        expect(3n * faultyPowerMax(total)).toBeLessThan(total);
      }),
    );
  });

  test("the numbers of the paper: 3 of 4, 4 of 5, 5 of 7", () => {
    expect([4n, 5n, 7n].map(quorumPower)).toEqual([3n, 4n, 5n]);
  });
});
