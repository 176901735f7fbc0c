import { readFileSync } from "node:fs";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { createOperatorMetrics } from "./metrics.ts";

test("docs/operator.md is the catalogue of the metrics", async () => {
  const registry = new Registry();
  createOperatorMetrics(registry);
  const document = readFileSync(new URL("../../docs/operator.md", import.meta.url), "utf8");
  const rows = [
    ...document.matchAll(/^\| `(quorate_operator_\w+)` \| (\w+) \| (.*) \| (.*) \|$/gm),
  ];
  const written = rows.map(([, name, type, , help]) => ({ name, type, help }));
  const registered = (await registry.getMetricsAsJSON()).map(({ name, type, help }) => ({
    name,
    type: String(type),
    help,
  }));
  expect(written).toEqual(registered);
});
