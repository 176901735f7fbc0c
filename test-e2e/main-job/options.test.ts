import { describe, expect, test } from "vitest";
import { parseOptions, SAMPLE_PRICES } from "./options.ts";

describe("options", () => {
  test("everything has a default", () => {
    expect(parseOptions([])).toEqual({
      seed: 1,
      prices: SAMPLE_PRICES,
      json: false,
      keep: false,
      tickMs: 300,
      signals: "all",
      prometheus: "if-installed",
    });
    expect(parseOptions(["--help"])).toBeUndefined();
  });

  test("each option is taken", () => {
    const given = ["--seed", "42", "--prices", "p.csv", "--json", "--keep", "--tick-ms", "200"];
    given.push("--signals", "chain-and-peers", "--prometheus", "never");
    expect(parseOptions(given)).toEqual({
      seed: 42,
      prices: "p.csv",
      json: true,
      keep: true,
      tickMs: 200,
      signals: "chain-and-peers",
      prometheus: "never",
    });
  });

  test.each([
    [["--seed", "x"], "--seed", "whole number from 0 to 4294967295"],
    [["--seed", "-1"], "--seed", "see npm start -- --help"],
    [["--seed"], "--seed", "see npm start -- --help"],
    [["--tick-ms", "10"], "--tick-ms", "150 to 2000"],
    [["--sede", "1"], "--sede", "--help"],
    [["--signals", "none"], "--signals", "all, chain-and-peers"],
    [["--prometheus", "no"], "--prometheus", "if-installed, never, always"],
    [["now"], "now", "--help"],
  ])("wrong input %j names its field and the fix", (args, field, fix) => {
    expect(() => parseOptions(args)).toThrow(field);
    expect(() => parseOptions(args)).toThrow(fix);
  });
});
