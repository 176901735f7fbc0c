import { describe, expect, test } from "vitest";
import { checkPublished } from "../command-line/published-schema.ts";
import { marginText, runMarginBench } from "./margin-bench.ts";
import { MarginInput } from "./margin-input.ts";
import { parseMarginOptions } from "./margin-options.ts";

const SMALL = ["--accounts", "40", "--markets", "2", "--orders", "50", "--cold", "2"];

describe("the margin bench", () => {
  test("counts what the engine took, and its document keeps to the published schema", () => {
    const options = parseMarginOptions([...SMALL, "--warmup", "1", "--warm", "3"]);
    if (options === undefined) throw new Error("help was not asked for");
    const figures = runMarginBench(options);
    checkPublished("bench-margin", figures);
    expect(figures.cold).toMatchObject({ blocks: 2, orders: 100 });
    expect(figures.warm).toMatchObject({ blocks: 3, orders: 150 });
    expect(figures.warm.fills).toBeGreaterThan(20);
    expect(marginText(figures)).toContain("warm: 3 blocks, 150 orders taken");
  });

  test("one seed makes one input, another another", () => {
    const blocks = [1, 1, 2].map((seed) => {
      const input = new MarginInput({ seed, accounts: 9, markets: 1, ordersPerBlock: 5 });
      return [input.next(), input.next()];
    });
    expect(blocks[0]).toEqual(blocks[1]);
    expect(blocks[0]).not.toEqual(blocks[2]);
  });

  test.each([
    [["--accounts", "1"], "--accounts"],
    [["--orders", "many"], "--orders"],
    [["--what"], "--what"],
  ])("%s is refused by name", (args, field) => {
    expect(() => parseMarginOptions(args)).toThrow(field);
  });
});
