import { describe, expect, test } from "vitest";
import { parseConsensusOptions } from "./options.ts";

describe("bench options", () => {
  test("without arguments: three open loops of 256 bytes, no kill", () => {
    expect(parseConsensusOptions([])).toEqual({
      rates: [1_000, 2_000, 5_000],
      inFlight: [],
      bytes: [256],
      killRate: undefined,
      seconds: 20,
      warmupSeconds: 5,
      keys: 10_000,
      json: false,
    });
  });

  test("a closed loop or a kill alone brings no open loops", () => {
    expect(parseConsensusOptions(["--in-flight", "64,256"])).toMatchObject({
      rates: [],
      inFlight: [64, 256],
    });
    expect(parseConsensusOptions(["--kill", "500"])).toMatchObject({ rates: [], killRate: 500 });
    expect(parseConsensusOptions(["--minutes", "10"])).toMatchObject({ seconds: 600 });
  });

  test.each([
    [["--rate", "fast"], "--rate"],
    [["--bytes", "24"], "--bytes"],
    [["--minutes", "1", "--seconds", "1"], "--minutes"],
    [["--what"], "--what"],
  ])("%s is refused by name", (args, field) => {
    expect(() => parseConsensusOptions(args)).toThrow(field);
  });
});
