import { describe, expect, test } from "vitest";
import type { PriceConfig } from "./config.ts";
import { parsePriceSeries, parseTicks, replayedPrice } from "./price-source.ts";

const csv =
  "Date,Open,High,Low,Close\n9/1/2008,1280.12,1290.005,1270,1285.5\n9/2/2008,10,11,9,10.1\n";

function config(changes: Partial<PriceConfig> = {}): PriceConfig {
  const base = { market: 0, kind: "replay", file: "p.csv", startMs: 1_000, tickMs: 500 } as const;
  return { ...base, seed: 7, noisePpm: 0, delayMs: 0, outages: [], ...changes };
}

function refusal(text: string): string {
  const parsed = parsePriceSeries(text);
  return parsed.ok ? "accepted" : `${parsed.error.code} ${parsed.error.field}`;
}

describe("price series", () => {
  test("each row gives open, high, low and close, in ticks of a cent", () => {
    const parsed = parsePriceSeries(csv);
    expect(parsed.ok && parsed.value).toEqual([
      128012n,
      129001n,
      127000n,
      128550n,
      1000n,
      1100n,
      900n,
      1010n,
    ]);
  });

  test("prices are rounded half up as text, not as floats", () => {
    expect(parseTicks("1.005")).toBe(101n);
    expect(parseTicks("1.00499999")).toBe(100n);
    expect(parseTicks("0.285")).toBe(29n);
  });

  test.each([
    ["Day,Open,High,Low,Close\n1,1,1,1,1", "PRICE_FILE_HEADER Date"],
    ["Date,Open,High,Close\n1,1,1,1", "PRICE_FILE_HEADER Low"],
    ["Date,Open,High,Low,Close\n", "PRICE_FILE_EMPTY rows"],
    ["Date,Open,High,Low,Close\n1,1,x,1,1", "PRICE_FILE_VALUE row 2, High"],
    ["Date,Open,High,Low,Close\n1,1,1,1,1\n2,1,1,1", "PRICE_FILE_VALUE row 3, Close"],
    ["Date,Open,High,Low,Close\n1,-1,1,1,1", "PRICE_FILE_VALUE row 2, Open"],
    ["Date,Open,High,Low,Close\n1,1e3,1,1,1", "PRICE_FILE_VALUE row 2, Open"],
    ["Date,Open,High,Low,Close\n1,0,1,1,1", "PRICE_FILE_VALUE row 2, Open"],
  ])("args: %j", (text, expected) => {
    expect(refusal(text)).toBe(expected);
  });
});

describe("replay", () => {
  const series = [1_000_000n, 2_000_000n, 3_000_000n];

  test("tick k is in force from startMs + k x tickMs, and nothing before or after", () => {
    const shown = [999, 1_000, 1_499, 1_500, 2_499, 2_500].map((now) =>
      replayedPrice(config(), series, now),
    );
    expect(shown).toEqual([undefined, series[0], series[0], series[1], series[2], undefined]);
  });

  test("delay and outages belong to this source alone", () => {
    expect(replayedPrice(config({ delayMs: 500 }), series, 1_500)).toBe(series[0]);
    const silent = config({ outages: [{ fromTick: 1, toTick: 1 }] });
    expect(replayedPrice(silent, series, 1_600)).toBeUndefined();
    expect(replayedPrice(silent, series, 2_100)).toBe(series[2]);
  });

  test("noise stays in its bounds, differs by seed, and is the same every time", () => {
    const long = Array.from({ length: 200 }, () => 1_000_000n);
    const at = (seed: number, tick: number) =>
      replayedPrice(config({ seed, noisePpm: 300 }), long, 1_000 + tick * 500) ?? 0n;
    const first = long.map((_, tick) => at(1, tick));
    expect(first).toEqual(long.map((_, tick) => at(1, tick)));
    expect(first).not.toEqual(long.map((_, tick) => at(2, tick)));
    for (const price of first) {
      expect(price).toBeGreaterThanOrEqual(999_700n);
      expect(price).toBeLessThanOrEqual(1_000_300n);
    }
  });
});
