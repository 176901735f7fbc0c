import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { catalogue, seriesNames } from "./catalogue.ts";
import { metricsIn } from "./metrics-in.ts";
import { ALERTS, promtoolTests, RECORDINGS, ruleFiles } from "./rules.ts";

const runbooks = fileURLToPath(new URL("../../docs/runbooks", import.meta.url));
const names = ALERTS.map(({ name }) => name);
/** What Prometheus itself has, and what the rules record. */
const known = new Set(["up", ...catalogue().flatMap(seriesNames), ...Object.keys(RECORDINGS)]);

describe("rules and alerts", () => {
  test("every alert has a page, and every page an alert", () => {
    expect(readdirSync(runbooks).toSorted()).toEqual(names.map((name) => `${name}.md`).toSorted());
  });

  test.each(names)("the page of %s tells all that a person needs at night", (name) => {
    const page = readFileSync(`${runbooks}/${name}.md`, "utf8");
    const titles = [...page.matchAll(/^#+ (.*)$/gm)].map(([, title]) => title);
    const sections = ["Meaning", "Impact", "Diagnosis", "Mitigation", "What not to do"];
    expect(titles).toEqual([name, ...sections]);
    expect(page).toMatch(/## Diagnosis\n(?:In Prometheus:\n)?```/);
    expect(page).toContain("Never start a key twice");
  });

  test("names are stable words, once each", () => {
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^Quorate[A-Z][A-Za-z]+$/);
  });

  test("every alert has a firing and a silent case", () => {
    const text = promtoolTests(["rules.yaml"]);
    for (const name of names) {
      expect(text).toContain(`name: ${name} fires\n`);
      expect(text).toContain(`name: ${name} silent\n`);
    }
    for (const { name, fires, silent } of ALERTS) {
      expect(Object.keys(fires.series), name).not.toEqual([]);
      expect(Object.keys(silent.series), name).not.toEqual([]);
    }
  });

  test("rules ask only for series that a process shows or a rule records", () => {
    const asked = [...ALERTS.map(({ expr }) => expr), ...Object.values(RECORDINGS)];
    for (const expr of asked) {
      expect(metricsIn(expr), expr).not.toEqual([]);
      for (const name of metricsIn(expr)) expect(known, expr).toContain(name);
    }
  });

  test("every alert names its page and its severity in the file of the chart", () => {
    const text = ruleFiles().get("alerts.yaml") ?? "";
    for (const { name } of ALERTS) expect(text).toContain(`/docs/runbooks/${name}.md`);
  });
});

describe("the names in a query", () => {
  test("are found between functions, labels, durations and texts", () => {
    expect(metricsIn('sum by (set, le) (rate(a_bucket{x="b_c"}[5m])) / on (set) c:d > 0')).toEqual([
      "a_bucket",
      "c:d",
    ]);
    expect(metricsIn("max by (set) (a_b) > 0 or (c_d unless c_d offset 10m)")).toEqual([
      "a_b",
      "c_d",
    ]);
    expect(metricsIn("time() - up > 14 * 86400 and absent(x_y == 1)")).toEqual(["up", "x_y"]);
  });
});
