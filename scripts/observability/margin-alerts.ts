import { type Alert, BY_SET, NODE, OF_SET, OTHER, rose } from "./alert.ts";

const CUT = 'quorate_deficit_micro_usd_total{paid_by="cut"}';

export const marginAlerts: readonly Alert[] = [
  {
    name: "QuorateOracleStale",
    expr: "max by (namespace, set, market) (quorate_oracle_fresh) == 0",
    for: "1m",
    severity: "critical",
    summary: "A market has no fresh index price: nothing in it is liquidated (rule STALE).",
    fires: {
      series: { [`quorate_oracle_fresh{${NODE},market="0"}`]: "0x20" },
      at: "3m",
      labels: { ...OF_SET, market: "0" },
    },
    silent: {
      series: {
        [`quorate_oracle_fresh{${NODE},market="0"}`]: "1x20",
        [`quorate_oracle_fresh{${OTHER},market="0"}`]: "0x20",
      },
      at: "3m",
    },
  },
  {
    name: "QuorateOracleOutlier",
    expr: "max by (namespace, set, member) (increase(quorate_oracle_outliers_total[10m])) > 5",
    severity: "warning",
    summary: "A member's price reports are far from the median, again and again.",
    fires: {
      series: { [`quorate_oracle_outliers_total{${NODE},member="bb"}`]: "0+1x60" },
      at: "12m",
      labels: { ...OF_SET, member: "bb" },
    },
    silent: {
      series: { [`quorate_oracle_outliers_total{${NODE},member="bb"}`]: "0x20 2x40" },
      at: "12m",
    },
  },
  {
    name: "QuorateLadderStuck",
    expr: `max ${BY_SET} (quorate_accounts{stage="liquidating"}) > 0`,
    for: "10m",
    severity: "critical",
    summary: "Accounts are being liquidated for ten minutes without an end.",
    fires: {
      series: { [`quorate_accounts{${NODE},stage="liquidating"}`]: "2x60" },
      at: "14m",
      labels: OF_SET,
    },
    silent: {
      series: {
        [`quorate_accounts{${NODE},stage="liquidating"}`]: "2x20 0x4 2x36",
        [`quorate_accounts{${NODE},stage="called"}`]: "9x60",
      },
      at: "14m",
    },
  },
  {
    name: "QuorateInsuranceFundEmpty",
    expr:
      `max ${BY_SET} (quorate_insurance_fund_micro_usd) <= 0 and ` +
      `max ${BY_SET} (max_over_time(quorate_insurance_fund_micro_usd[1d])) > 0`,
    severity: "critical",
    summary: "The insurance fund is spent: the next deficit is cut from claims.",
    fires: {
      series: { [`quorate_insurance_fund_micro_usd{${NODE}}`]: "500x20 0x20" },
      at: "8m",
      labels: OF_SET,
    },
    // A genesis without a fund is a choice.
    silent: { series: { [`quorate_insurance_fund_micro_usd{${NODE}}`]: "0x40" }, at: "8m" },
  },
  {
    name: "QuorateClaimsCut",
    expr: rose(CUT, { by: BY_SET, within: "10m" }),
    severity: "critical",
    summary: "A deficit was paid by a cut of claims: the last rung of the ladder.",
    fires: {
      series: { [`quorate_deficit_micro_usd_total{${NODE},paid_by="cut"}`]: "_x20 9x20" },
      at: "8m",
      labels: OF_SET,
    },
    silent: {
      series: {
        [`quorate_deficit_micro_usd_total{${NODE},paid_by="fund"}`]: "0+9x40",
        [`quorate_deficit_micro_usd_total{${NODE},paid_by="cut"}`]: "0x40",
      },
      at: "8m",
    },
  },
];
