import { expect, test } from "vitest";
import { createEnvironment } from "./cel-library.ts";

const evaluate = (source: string) => createEnvironment().evaluate(source);

test("find, for which there is no RE2 that tells the place, is refused by name", () => {
  for (const name of ["find", "findAll"]) {
    const { valid, error } = createEnvironment().check(`"abc".${name}("b") == "b"`);
    expect([valid, error?.message]).toEqual([false, expect.stringContaining(`${name}(`)]);
  }
});

test("replace takes both texts as they are", () => {
  expect(evaluate(`"a.b.c".replace(".", "$&-$1")`)).toBe("a$&-$1b$&-$1c");
});

test("charAt counts code points; outside of the text it is an error", () => {
  expect(evaluate(`"h\u{1f600}i".charAt(2)`)).toBe("i");
  expect(evaluate(`"abc".charAt(3)`)).toBe("");
  expect(() => evaluate(`"abc".charAt(4)`)).toThrow("index out of range: 4");
  expect(() => evaluate(`"abc".charAt(-1)`)).toThrow("index out of range: -1");
});
