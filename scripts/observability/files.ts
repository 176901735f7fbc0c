import { catalogueText } from "./catalogue.ts";
import { dashboardText } from "./dashboard.ts";
import { ruleFiles } from "./rules.ts";

const CHART = "charts/quorate/files";

/** Everything that is generated from the metrics, by path in the repository. */
export function observabilityFiles(): ReadonlyMap<string, string> {
  const rules = [...ruleFiles()].map(([name, text]) => [`${CHART}/rules/${name}`, text] as const);
  return new Map([
    ["docs/metrics.md", catalogueText()],
    [`${CHART}/dashboards/quorate.json`, dashboardText()],
    ...rules,
  ]);
}
