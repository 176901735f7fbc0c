import { describe, expect, test } from "vitest";
import { catalogue, catalogueText, LABEL_BOUNDS, unitOf } from "./catalogue.ts";

const metrics = catalogue();

describe("the catalogue of metrics", () => {
  test("both processes are in it, and no name twice", () => {
    const names = metrics.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain("quorate_certified_height");
    expect(names).toContain("quorate_operator_held");
    expect(names).toContain("rest_client_requests_total");
  });

  test("a counter ends in _total, a time is in seconds, and nothing else ends in _total", () => {
    for (const { name, type } of metrics) {
      expect(name.endsWith("_total"), name).toBe(type === "counter");
      expect(name).not.toMatch(/_ms$|milliseconds|_micros(?!_usd)/);
    }
    expect(unitOf("quorate_certified_timestamp_seconds")).toBe("Unix time, s");
  });

  test("every label has a bound, and every bound a label", () => {
    const used = new Set(metrics.flatMap(({ labels }) => labels));
    expect([...used].toSorted()).toEqual(Object.keys(LABEL_BOUNDS).toSorted());
  });

  test("help is one sentence and breaks no table", () => {
    for (const { name, help } of metrics) expect(help, name).toMatch(/^[A-Z0-9][^|\n]*\.$/);
  });

  test("docs/metrics.md has one row a metric", () => {
    const rows = catalogueText().match(/^\| `\w+` \| (?:counter|gauge|histogram) \|/gm);
    expect(rows).toHaveLength(metrics.length);
  });
});
