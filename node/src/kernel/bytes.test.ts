import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, isHex, toHex } from "./bytes.ts";

describe("hex", () => {
  test("bytes come back, in lower case only", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const text = toHex(bytes);
        expect(isHex(text, bytes.length)).toBe(true);
        expect(fromHex(text)).toEqual(bytes);
      }),
    );
  });

  test("anything else is refused", () => {
    for (const text of ["0", "AB", "0g", "é0", "\u{1f600}"]) {
      expect(() => fromHex(text)).toThrow();
    }
    expect(isHex("ab", 2)).toBe(false);
    expect(isHex("AB", 1)).toBe(false);
  });
});
