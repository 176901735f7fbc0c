import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseCounter, parsePositive, parseUsd, ppmAsPercent, usd } from "./quantities.ts";

describe("quantities", () => {
  test("money is written without trailing zeros and read back exactly", () => {
    expect(usd(1_234_500_000n)).toBe("1234.5");
    expect(usd(-1n)).toBe("-0.000001");
    expect(usd(0n)).toBe("0");
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 30n }), (amount) => {
        expect(parseUsd(usd(amount), "--amount")).toBe(amount);
      }),
    );
  });

  test("wrong input names the option and shows what is expected", () => {
    for (const text of ["", "-1", "1.2345678", "1,5", "1e3", " 1"]) {
      expect(() => parseUsd(text, "--amount")).toThrow("--amount");
    }
    for (const text of ["0", "-1", "1.5", "x", "01"]) {
      expect(() => parsePositive(text, "--size", "lots")).toThrow("--size");
    }
    for (const text of ["-1", "9007199254740992", "1.0", ""]) {
      expect(() => parseCounter(text, "--nonce")).toThrow("--nonce");
    }
  });

  test("parts per million are written as percent", () => {
    expect(ppmAsPercent(40_000n)).toBe("4 %");
    expect(ppmAsPercent(150n)).toBe("0.015 %");
    expect(ppmAsPercent(-12_500n)).toBe("-1.25 %");
  });
});
