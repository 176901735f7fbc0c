import {
  DashboardBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimeseriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import { type Panel, ROWS } from "./panels.ts";

const SOURCE = { type: "prometheus", uid: "$datasource" };
/** The grid is 24 wide. */
const STAT = { width: 4, height: 5 };
const CURVE = { width: 8, height: 7 };

function queryOf({ expr, legend, kind }: Panel): DataqueryBuilder {
  const query = new DataqueryBuilder().expr(expr).legendFormat(legend);
  return kind === "stat" ? query.instant() : query.range();
}

function panelOf(panel: Panel): StatBuilder | TimeseriesBuilder {
  const { kind, title, description, unit } = panel;
  const size = kind === "stat" ? STAT : CURVE;
  const builder = kind === "stat" ? new StatBuilder() : new TimeseriesBuilder();
  return builder
    .title(title)
    .description(description)
    .unit(unit)
    .noValue(panel.none ?? "-")
    .datasource(SOURCE)
    .span(size.width)
    .height(size.height)
    .withTarget(queryOf(panel));
}

function variable(name: "namespace" | "set", of: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .datasource(SOURCE)
    .query(`label_values(${of}, ${name})`)
    .refresh(VariableRefresh.OnTimeRangeChanged);
}

/** The chart's one dashboard, as the JSON that Grafana reads. */
export function dashboardText(): string {
  const builder = new DashboardBuilder("Quorate")
    .uid("quorate")
    .tags(["quorate"])
    .description("Fault budget, hold and last decision first; then everything that explains them.")
    .refresh("10s")
    .time({ from: "now-1h", to: "now" })
    .timezone("utc")
    .readonly()
    .withVariable(new DatasourceVariableBuilder("datasource").type("prometheus"))
    .withVariable(variable("namespace", "quorate_certified_height"))
    .withVariable(variable("set", 'quorate_certified_height{namespace="$namespace"}'));
  for (const { title, panels } of ROWS) {
    builder.withRow(new RowBuilder(title));
    for (const panel of panels) builder.withPanel(panelOf(panel));
  }
  return `${JSON.stringify(builder.build(), null, 2)}\n`;
}
