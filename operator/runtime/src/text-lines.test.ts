import fc from "fast-check";
import { expect, test } from "vitest";
import { textLines } from "./text-lines.ts";

async function* chunksOf(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

async function read(bytes: Uint8Array, size: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of textLines(chunksOf(bytes, size))) lines.push(line);
  return lines;
}

test("lines come whole however the bytes are cut", async () => {
  const lines = fc.array(fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\n", " ")));
  await fc.assert(
    fc.asyncProperty(lines, fc.integer({ min: 1, max: 9 }), async (texts, size) => {
      const bytes = new TextEncoder().encode(texts.map((text) => `${text}\n`).join(""));
      // A byte order mark is no part of a text.
      const expected = texts.map((text, at) => (at === 0 ? text.replace(/^\uFEFF/u, "") : text));
      expect(await read(bytes, size)).toEqual(expected);
    }),
  );
});

test("a last line without its end is a line", async () => {
  const bytes = new TextEncoder().encode("one\ntwo");
  expect(await read(bytes, 2)).toEqual(["one", "two"]);
});
