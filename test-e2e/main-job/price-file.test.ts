import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parsePrices, readPrices, scaledPriceFile, usd } from "./price-file.ts";

const SAMPLE = new URL("../samples/sp500-2008-autumn.csv", import.meta.url);
const ROW = "9/2/2008,1287.829956,1303.040039,1272.199951,1277.579956";
const file = (...rows: string[]) =>
  ["Date,Open,High,Low,Close", ...rows, ...Array<string>(20).fill(ROW)].join("\n");

describe("price file", () => {
  test("a row gives open, high, low and close, in cents rounded half up", () => {
    const ticks = parsePrices("p.csv", file("1/1/2001,1.005,2,0.994999,1.5"));
    expect(ticks.slice(0, 4).map(({ price }) => price)).toEqual([101n, 200n, 99n, 150n]);
    expect(ticks[1]).toEqual({ index: 1, date: "1/1/2001", moment: "high", price: 200n });
  });

  test("the sample is the autumn of 2008", () => {
    const ticks = parsePrices("sample", readFileSync(SAMPLE, "utf8"));
    expect(ticks).toHaveLength(340);
    expect(ticks[0]).toMatchObject({ date: "9/2/2008", price: 128783n });
    expect(ticks.at(-1)).toMatchObject({ date: "12/31/2008", price: 90325n });
  });

  test.each([
    ["Date,Open\n", "p.csv:1", "begin the file with the line Date,Open,High,Low,Close"],
    [file("1/1/2001,1,2,x,1"), "p.csv:2 Low", "positive decimal number"],
    [file("1/1/2001,1,2,-1,1"), "p.csv:2 Low", "positive decimal number"],
    [file("1/1/2001,0,2,1,1"), "p.csv:2 Open", "positive price"],
    [file("1/1/2001,1,2,1"), "p.csv:2", "five columns"],
    [file("1/1/2001,1,1,2,1"), "p.csv:2 High", "order of the columns"],
    [file(",1,2,1,1"), "p.csv:2 Date", "name the day"],
    [`Date,Open,High,Low,Close\n${ROW}\n`, "p.csv", "20 to 20000 rows"],
  ])("wrong input names its field and the fix: %j", (text, field, fix) => {
    expect(() => parsePrices("p.csv", text)).toThrow(`${field}: `);
    expect(() => parsePrices("p.csv", text)).toThrow(fix);
  });

  test("a missing file names the option", () => {
    expect(() => readPrices("/nowhere/prices.csv")).toThrow("--prices: cannot read");
  });

  test("the false file differs in nothing but the scale", () => {
    const ticks = parsePrices("sample", readFileSync(SAMPLE, "utf8"));
    const scaled = parsePrices("scaled", scaledPriceFile(ticks, 900n));
    expect(scaled.map(({ price }) => price)).toEqual(ticks.map(({ price }) => (price * 9n) / 10n));
    expect(usd(5n)).toBe("0.05");
  });
});
