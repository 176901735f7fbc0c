import { describe, expect, test } from "vitest";
import { catalogue, seriesNames } from "./catalogue.ts";
import { dashboardText } from "./dashboard.ts";
import { metricsIn } from "./metrics-in.ts";
import { queryFor, ROWS } from "./panels.ts";

interface Written {
  readonly panels: readonly {
    readonly type: string;
    readonly title?: string;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
}

const known = new Set(catalogue().flatMap(seriesNames));
const panels = ROWS.flatMap((row) => row.panels);

describe("the dashboard", () => {
  test("fault budget, hold and last decision stand in the first row", () => {
    const titles = ROWS[0]?.panels.map(({ title }) => title) ?? [];
    expect(titles.slice(0, 4)).toEqual([
      "Seats that may still fail",
      "Fault budget used",
      "Hold",
      "Last decision",
    ]);
  });

  test("every panel of the table is in the file, with its query, and no other", () => {
    const { panels: written }: Written = JSON.parse(dashboardText());
    const drawn = written.filter(({ type }) => type !== "row");
    expect(drawn.map(({ title }) => title)).toEqual(panels.map(({ title }) => title));
    expect(drawn.map(({ targets }) => targets?.map(({ expr }) => expr))).toEqual(
      panels.map(({ expr }) => [expr]),
    );
  });

  test.each(panels)("$title asks for series that a process shows", (panel) => {
    const query = queryFor(panel, { namespace: "ns", set: "dev" });
    expect(query).not.toContain("$");
    expect(metricsIn(query)).not.toEqual([]);
    for (const name of metricsIn(query)) expect(known, query).toContain(name);
  });
});
