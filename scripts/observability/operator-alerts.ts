import { type Alert, BY_SET, NODE, OF_SET, SET } from "./alert.ts";

const LEADS = 'leader_election_master_status{name="quorate-operator"}';
const LEADER = 'leader_election_master_status{name="quorate-operator",instance="o1"}';
const DECIDED = "quorate_operator_last_decision_timestamp_seconds";
/** A person's choice: paused, watching only, announced, or a yes that has an alert of its own. */
const CHOSEN = "Paused|ObserveMode|InMaintenance|AwaitingApproval";

export const operatorAlerts: readonly Alert[] = [
  {
    name: "QuorateWatchdog",
    expr: "count(up == 1) > 0",
    severity: "none",
    summary: "Always fires while Prometheus scrapes; its silence is the alarm (dead man's switch).",
    fires: { series: { 'up{job="any"}': "1x10" }, at: "2m", labels: {} },
    silent: { series: { 'up{job="any"}': "0x10" }, at: "2m" },
  },
  {
    name: "QuorateOperatorAbsent",
    expr: `absent(${LEADS} == 1)`,
    for: "1m",
    severity: "critical",
    summary: "No operator leads: nothing is healed but by the nodes themselves, later.",
    fires: {
      // Its job has vanished altogether.
      series: { [LEADER]: "1x4 stale" },
      at: "5m",
      labels: {},
    },
    silent: {
      series: { [LEADER]: "0x20", [LEADER.replace("o1", "o2")]: "1x20" },
      at: "5m",
    },
  },
  {
    name: "QuorateSetUnattended",
    expr:
      `count ${BY_SET} (quorate_certified_height) unless on (namespace, set) ${DECIDED} or ` +
      `time() - max ${BY_SET} (${DECIDED}) > 60`,
    for: "1m",
    severity: "critical",
    summary: "No operator has decided anything about a running set for a minute.",
    fires: {
      series: { [`quorate_certified_height{${NODE}}`]: "0+60x40" },
      at: "5m",
      labels: OF_SET,
    },
    silent: {
      series: {
        [`quorate_certified_height{${NODE}}`]: "0+60x40",
        [`${DECIDED}{${SET},instance="o1"}`]: "0+15x40",
      },
      at: "5m",
    },
  },
  {
    name: "QuorateNodesAbsent",
    expr:
      `max ${BY_SET} (quorate_operator_members{role="Voter"}) > 0 ` +
      "unless on (namespace, set) quorate_certified_height",
    for: "1m",
    severity: "critical",
    summary: "No node of a set shows metrics, though the operator knows its voters.",
    fires: {
      series: {
        [`quorate_operator_members{${SET},role="Voter"}`]: "4x20",
        [`quorate_certified_height{${NODE}}`]: "7x2 stale",
      },
      at: "4m",
      labels: OF_SET,
    },
    silent: {
      series: {
        [`quorate_operator_members{${SET},role="Voter"}`]: "4x20",
        [`quorate_certified_height{${NODE}}`]: "7x20",
      },
      at: "4m",
    },
  },
  {
    name: "QuorateFaultBudgetSpent",
    expr: `min ${BY_SET} (quorate_operator_fault_budget_free_seats) == 0`,
    for: "2m",
    severity: "critical",
    summary: "No further member may fail: the next one stops the chain.",
    fires: {
      series: { [`quorate_operator_fault_budget_free_seats{${SET}}`]: "0x20" },
      at: "4m",
      labels: OF_SET,
    },
    silent: {
      series: { [`quorate_operator_fault_budget_free_seats{${SET}}`]: "1x5 0x2 1x20" },
      at: "4m",
    },
  },
  {
    name: "QuorateHeld",
    expr: `max by (namespace, set, reason) (quorate_operator_held{reason!~"${CHOSEN}"}) == 1`,
    for: "5m",
    severity: "warning",
    summary: "The operator holds for five minutes, and no person asked it to.",
    fires: {
      series: { [`quorate_operator_held{${SET},reason="Blind"}`]: "1x40" },
      at: "8m",
      labels: { ...OF_SET, reason: "Blind" },
    },
    silent: {
      series: {
        [`quorate_operator_held{${SET},reason="Paused"}`]: "1x40",
        [`quorate_operator_held{${SET},reason="Blind"}`]: "1x4 stale",
      },
      at: "8m",
    },
  },
  {
    name: "QuorateAwaitingApproval",
    expr: `max ${BY_SET} (quorate_operator_held{reason="AwaitingApproval"}) == 1`,
    severity: "warning",
    summary: "A rotation waits for a person's approval, which ends after ten minutes.",
    fires: {
      series: { [`quorate_operator_held{${SET},reason="AwaitingApproval"}`]: "1x10" },
      at: "2m",
      labels: OF_SET,
    },
    silent: {
      series: { [`quorate_operator_held{${SET},reason="CoolDown"}`]: "1x10" },
      at: "2m",
    },
  },
  {
    name: "QuorateBlind",
    expr: `min ${BY_SET} (quorate_operator_signals_trusted) == 0`,
    for: "2m",
    severity: "warning",
    summary: "The operator does not believe its signals, so it acts on none (rule S9).",
    fires: {
      series: { [`quorate_operator_signals_trusted{${SET}}`]: "0x20" },
      at: "4m",
      labels: OF_SET,
    },
    silent: {
      series: { [`quorate_operator_signals_trusted{${SET}}`]: "1x6 0x2 1x12" },
      at: "4m",
    },
  },
  {
    name: "QuorateRotationStuck",
    expr: `max ${BY_SET} (quorate_operator_rotations_under_way{phase="Submitted"}) > 0`,
    for: "2m",
    severity: "warning",
    summary: "A rotation was sent two minutes ago and is not effective.",
    fires: {
      series: { [`quorate_operator_rotations_under_way{${SET},phase="Submitted"}`]: "1x20" },
      at: "4m",
      labels: OF_SET,
    },
    silent: {
      series: { [`quorate_operator_rotations_under_way{${SET},phase="Submitted"}`]: "1x3 0x20" },
      at: "4m",
    },
  },
  {
    name: "QuorateNoSpare",
    expr: `max ${BY_SET} (quorate_operator_members{role="Spare"}) == 0`,
    for: "15m",
    severity: "warning",
    summary: "A set has no spare for 15 minutes: a member that fails is not replaced.",
    fires: {
      series: { [`quorate_operator_members{${SET},role="Spare"}`]: "0x90" },
      at: "20m",
      labels: OF_SET,
    },
    silent: {
      series: { [`quorate_operator_members{${SET},role="Spare"}`]: "0x20 1x70" },
      at: "20m",
    },
  },
  {
    name: "QuorateReconcileErrors",
    expr: "sum by (controller) (rate(controller_runtime_reconcile_errors_total[5m])) > 0",
    for: "10m",
    severity: "warning",
    summary: "The operator's passes have failed again and again for ten minutes.",
    fires: {
      series: {
        'controller_runtime_reconcile_errors_total{controller="validatorset"}': "0+1x80",
      },
      at: "16m",
      labels: { controller: "validatorset" },
    },
    silent: {
      series: {
        'controller_runtime_reconcile_errors_total{controller="validatorset"}': "0x10 1x70",
      },
      at: "16m",
    },
  },
];
