import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DecodeError, Reader, Writer } from "./codec.ts";

const u64 = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const i128 = fc.bigInt({ min: -(2n ** 127n), max: 2n ** 127n - 1n });
const ascii = fc.string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((c) => String.fromCharCode(c)),
});

describe("canonical codec", () => {
  test("what is written is read back, to the last byte", () => {
    fc.assert(
      fc.property(
        u64,
        i128,
        ascii,
        fc.uint8Array(),
        fc.array(i128),
        (count, money, text, raw, list) => {
          const bytes = new Writer()
            .u64(count)
            .i128(money)
            .text(text)
            .bytes(raw)
            .list(list, (out, item) => out.i128(item))
            .finish();
          const reader = new Reader(bytes);
          expect(reader.u64("count")).toBe(count);
          expect(reader.i128("money")).toBe(money);
          expect(reader.text("text", 1_000)).toBe(text);
          expect(reader.bytes("raw", 1_000)).toEqual(raw);
          expect(reader.list("list", 100, (input, name) => input.i128(name))).toEqual(list);
          reader.end();
        },
      ),
    );
  });

  test("garbage is refused by field, never read past its end", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (garbage) => {
        const reader = new Reader(garbage);
        try {
          reader.list("items", 8, (input, name) => input.bytes(name, 16));
          reader.end();
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
    );
  });

  test("what was read does not change with the buffer that it came in", () => {
    const wire = Buffer.from([1, 2, 3, 4]);
    const read = new Reader(wire).fixed("signature", 4);
    wire.fill(9);
    expect(read).toEqual(Uint8Array.of(1, 2, 3, 4));
  });

  test("args: each limit is an error that names the field", () => {
    const text = new Writer().text("four").finish();
    expect(() => new Reader(text).text("name", 3)).toThrow("name: 4 bytes, at most 3 are allowed");
    expect(() => new Reader(Uint8Array.of(2)).bool("muted")).toThrow("muted: 2 is neither 0 nor 1");
    expect(() => new Reader(Uint8Array.of(1)).u32("size")).toThrow(
      "size: needs 4 bytes, 1 are left",
    );
    expect(() => new Reader(text).end()).toThrow("end: 8 bytes too many");
    expect(() => new Writer().u64(-1)).toThrow("u64 out of range");
    expect(() => new Writer().text("é")).toThrow("not printable ASCII");
  });

  test("a writer is finished once; what it gave stays as it is", () => {
    const writer = new Writer().text("first");
    const first = writer.finish();
    const copy = first.slice();
    new Writer().text("second, in the same buffer").finish();
    expect(first).toEqual(copy);
    expect(() => writer.finish()).toThrow("finished once");
    expect(() => writer.u8(1)).toThrow("takes nothing more");
    // Two at work at once have a buffer each.
    const [left, right] = [new Writer().u8(1), new Writer().u8(2)];
    expect([left.u8(3).finish(), right.u8(4).finish()]).toEqual([
      Uint8Array.of(1, 3),
      Uint8Array.of(2, 4),
    ]);
  });

  test("what a reader copies is its own, also from a Node Buffer; a view is not", () => {
    const source = Buffer.from(new Writer().bytes(Uint8Array.of(1, 2)).finish());
    const [copy, view] = [new Reader(source).bytes("b", 9), new Reader(source).view("b", 9)];
    expect(Object.getPrototypeOf(copy)).toBe(Uint8Array.prototype);
    source.fill(7);
    expect(copy).toEqual(Uint8Array.of(1, 2));
    expect(view).toEqual(Uint8Array.of(7, 7));
    expect(() => new Reader(source).view("b", 9)).toThrow("at most 9");
  });
});
