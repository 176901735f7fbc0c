import { expect, test } from "vitest";
import { named, parseMutantOptions } from "./mutant-options.ts";

test("wrong input names the option and the fix", () => {
  for (const [args, field] of [
    [["--nope"], "--nope"],
    [["--seeds", "0..9"], "--seeds"],
    [["--quick"], "--quick"],
    [["--simulator", "--seeds", "nine"], "--seeds"],
  ] as const) {
    expect(() => parseMutantOptions(args)).toThrow(field);
  }
  expect(() => named([{ name: "one" }], "two")).toThrow('no mutant is called "two"');
});

test("help is asked for, and options reach the run", () => {
  expect(parseMutantOptions(["--help"])).toBeUndefined();
  const options = parseMutantOptions(["--simulator", "--seeds", "0..9", "--only", "one"]);
  expect(options).toMatchObject({ simulator: true, seeds: "0..9", only: "one", quick: false });
});
