import { expect, test } from "vitest";
import { serializeOnce } from "./serialize-once.ts";

test("one message is serialised once, an equal one by itself", () => {
  let calls = 0;
  const serialize = serializeOnce<{ readonly text: string }>(({ text }) => {
    calls += 1;
    return Buffer.from(text);
  });
  const message = { text: "a" };
  expect(serialize(message)).toBe(serialize(message));
  expect(calls).toBe(1);
  expect(serialize({ text: "a" })).toEqual(Buffer.from("a"));
  expect(calls).toBe(2);
});
