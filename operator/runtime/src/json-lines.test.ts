import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonLines } from "./json-lines.ts";
import { TransportError } from "./transport.ts";

async function* chunksOf(bytes: Uint8Array, cuts: readonly number[]): AsyncIterable<Uint8Array> {
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    const to = Math.min(cut, bytes.length);
    if (to > from) yield bytes.slice(from, to);
    from = Math.max(from, to);
  }
  yield bytes.slice(from);
}

async function read(text: string, cuts: readonly number[] = []): Promise<unknown[]> {
  const values: unknown[] = [];
  const lines = jsonLines(chunksOf(new TextEncoder().encode(text), cuts));
  for await (const line of lines) values.push(line);
  return values;
}

test("a line split over chunks is one line, also in the middle of a character", async () => {
  const values = fc.array(fc.json({ stringUnit: "binary" }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(values, fc.array(fc.nat(200)), async (lines, cuts) => {
      const text = lines.map((line) => `${line}\n`).join("");
      expect(await read(text, cuts)).toEqual(lines.map((line) => JSON.parse(line)));
    }),
  );
});

test("a malformed line is an error and not swallowed; what came before it counts", async () => {
  const seen: unknown[] = [];
  const lines = jsonLines(chunksOf(new TextEncoder().encode('{"a":1}\n{"b":\n{"c":1}\n'), []));
  await expect(async () => {
    for await (const line of lines) seen.push(line);
  }).rejects.toThrow(TransportError);
  expect(seen).toEqual([{ a: 1 }]);
});

test("a stream that ends within a line is an error", async () => {
  await expect(read('{"a":1}\n{"b"')).rejects.toThrow("no JSON");
});

test("a last line without its end counts, empty lines do not", async () => {
  expect(await read('{"a":1}\n\n\r\n{"b":2}')).toEqual([{ a: 1 }, { b: 2 }]);
});
