export interface Panel {
  readonly kind: "stat" | "curve";
  readonly title: string;
  readonly description: string;
  /** As Grafana names it. */
  readonly unit: string;
  readonly expr: string;
  readonly legend: string;
  /** What stands there without a value. */
  readonly none?: string;
}

interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const SET = 'namespace="$namespace",set="$set"';

function stat(title: string, unit: string, expr: string, more: Partial<Panel> = {}): Panel {
  return { kind: "stat", title, description: title, unit, expr, legend: "", ...more };
}

function curve(title: string, unit: string, expr: string, legend: string): Panel {
  return { kind: "curve", title, description: title, unit, expr, legend };
}

/** What has to be seen first stands first. */
export const ROWS: readonly Row[] = [
  {
    title: "What holds, and why",
    panels: [
      stat(
        "Seats that may still fail",
        "short",
        `min(quorate_operator_fault_budget_free_seats{${SET}})`,
        { description: "At 0 the next failure stops the chain: QuorateFaultBudgetSpent." },
      ),
      stat(
        "Fault budget used",
        "percentunit",
        `max(quorate_operator_fault_budget_used_micro_usd{${SET}}) / ` +
          `max(quorate_operator_fault_budget_micro_usd{${SET}})`,
      ),
      stat(
        "Hold",
        "string",
        `quorate_operator_held{${SET}} or ` +
          `label_replace(0 * max(quorate_operator_signals_trusted{${SET}}), ` +
          '"reason", "none", "", "")',
        { legend: "{{reason}}", description: "Reason as in docs/conditions.md; 0: nothing held." },
      ),
      stat("Last decision", "string", `quorate_operator_last_decision{${SET}} == 1`, {
        legend: "{{verdict}} {{rule}}",
      }),
      stat(
        "Since the last decision",
        "s",
        `time() - max(quorate_operator_last_decision_timestamp_seconds{${SET}})`,
      ),
      stat("Signals trusted", "bool_yes_no", `min(quorate_operator_signals_trusted{${SET}})`),
    ],
  },
  {
    title: "Chain",
    panels: [
      stat("Height", "short", `max(quorate_certified_height{${SET}})`),
      stat("Epoch", "short", `max(quorate_epoch{${SET}})`),
      stat(
        "Age of the newest final block",
        "s",
        `time() - max(quorate_certified_timestamp_seconds{${SET}})`,
      ),
      curve(
        "Time to finality, p50",
        "s",
        "histogram_quantile(0.5, sum by (le) " +
          `(rate(quorate_certificate_latency_seconds_bucket{${SET}}[1m])))`,
        "p50",
      ),
      curve(
        "Time to finality, p99",
        "s",
        "histogram_quantile(0.99, sum by (le) " +
          `(rate(quorate_certificate_latency_seconds_bucket{${SET}}[1m])))`,
        "p99",
      ),
      curve(
        "Rounds that timed out",
        "cps",
        `sum by (pod) (rate(quorate_rounds_timed_out_total{${SET}}[1m]))`,
        "{{pod}}",
      ),
    ],
  },
  {
    title: "Validators",
    panels: [
      curve(
        "Block time since the last sign of life",
        "s",
        `max by (member) (quorate_member_silent_seconds{${SET}})`,
        "{{member}}",
      ),
      curve("Open peers", "short", `sum by (pod) (quorate_peer_connected{${SET}})`, "{{pod}}"),
      curve("May sign", "bool_yes_no", `quorate_signing{${SET}}`, "{{pod}}"),
      curve(
        "Conflicting signatures found",
        "short",
        `max by (member) (quorate_member_equivocations_total{${SET}})`,
        "{{member}}",
      ),
      curve(
        "Journal sync, p99",
        "s",
        "histogram_quantile(0.99, sum by (pod, le) " +
          `(rate(quorate_fsync_seconds_bucket{${SET},log="journal"}[1m])))`,
        "{{pod}}",
      ),
      curve(
        "Free space of the volume",
        "percentunit",
        `quorate_disk_free_bytes{${SET}} / quorate_disk_size_bytes{${SET}}`,
        "{{pod}}",
      ),
    ],
  },
  {
    title: "Margin",
    panels: [
      curve(
        "Accounts that are not healthy",
        "short",
        `max by (stage) (quorate_accounts{${SET}})`,
        "{{stage}}",
      ),
      curve(
        "Liquidation orders",
        "cps",
        `max(rate(quorate_liquidations_total{${SET}}[1m]))`,
        "orders",
      ),
      curve(
        "Insurance fund, micro-USD",
        "short",
        `max(quorate_insurance_fund_micro_usd{${SET}})`,
        "fund",
      ),
      curve(
        "Fresh index price",
        "bool_yes_no",
        `max by (market) (quorate_oracle_fresh{${SET}})`,
        "market {{market}}",
      ),
      curve(
        "Index price, ticks",
        "short",
        `max by (market) (quorate_index_price_ticks{${SET}})`,
        "market {{market}}",
      ),
      curve(
        "Open interest, lots",
        "short",
        `max by (market) (quorate_open_interest_lots{${SET}})`,
        "market {{market}}",
      ),
      curve(
        "Last funding rate, ppm of notional",
        "short",
        `max by (market) (quorate_funding_rate_ppm{${SET}})`,
        "market {{market}}",
      ),
    ],
  },
  {
    title: "Admission",
    panels: [
      curve(
        "Executed transactions",
        "cps",
        `max by (outcome) (rate(quorate_transactions_total{${SET}}[1m]))`,
        "{{outcome}}",
      ),
      curve(
        "Own transactions without a receipt",
        "short",
        `quorate_lane_transactions{${SET}}`,
        "{{pod}}",
      ),
      curve(
        "Calls that found the door shut",
        "cps",
        `sum by (reason) (rate(quorate_clients_refused_total{${SET}}[1m])) or ` +
          `0 * max(quorate_lane_transactions{${SET}})`,
        "{{reason}}",
      ),
    ],
  },
  {
    title: "Operator",
    panels: [
      curve(
        "Leads",
        "bool_yes_no",
        'max by (instance) (leader_election_master_status{name="quorate-operator"})',
        "{{instance}}",
      ),
      curve(
        "A pass, p99",
        "s",
        "histogram_quantile(0.99, sum by (controller, le) " +
          "(rate(controller_runtime_reconcile_time_seconds_bucket[1m])))",
        "{{controller}}",
      ),
      curve(
        "Requests to the API server",
        "reqps",
        "sum by (code) (rate(rest_client_requests_total[1m]))",
        "{{code}}",
      ),
      curve("Members", "short", `max by (role) (quorate_operator_members{${SET}})`, "{{role}}"),
      curve(
        "Rotations under way",
        "short",
        `max by (phase) (quorate_operator_rotations_under_way{${SET}})`,
        "{{phase}}",
      ),
      curve(
        "Decisions",
        "cps",
        `sum by (verdict) (rate(quorate_operator_decisions_total{${SET}}[1m]))`,
        "{{verdict}}",
      ),
    ],
  },
];

/** A panel's query as Prometheus is asked, its variables filled in. */
export function queryFor(
  panel: Panel,
  of: { readonly namespace: string; readonly set: string },
): string {
  return panel.expr.replaceAll("$namespace", of.namespace).replaceAll("$set", of.set);
}
