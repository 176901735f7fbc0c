import { type Alert, BY_SET, NODE, OF_SET, OTHER, rose } from "./alert.ts";

const BY_MEMBER = "by (namespace, set, member)";
const M = 'member="bb"';

export const chainAlerts: readonly Alert[] = [
  {
    name: "QuorateFinalityStalled",
    // Before the first certificate after a start the time is 0: a set that never commits fires too.
    expr: `time() - max ${BY_SET} (quorate_certified_timestamp_seconds) > 30`,
    for: "1m",
    severity: "critical",
    summary: "No block became final for 30 s: the chain stands.",
    fires: {
      series: { [`quorate_certified_timestamp_seconds{${NODE}}`]: "0+15x8 120x40" },
      at: "6m",
      labels: OF_SET,
    },
    silent: {
      series: {
        [`quorate_certified_timestamp_seconds{${NODE}}`]: "0+15x40",
        // A node that started again and has not caught up.
        [`quorate_certified_timestamp_seconds{${OTHER}}`]: "0x40",
      },
      at: "6m",
    },
  },
  {
    name: "QuorateFinalitySlow",
    expr: "set:quorate_certificate_latency_seconds:p99_rate5m > 5",
    for: "5m",
    severity: "warning",
    summary: "One block in a hundred takes more than 5 s to become final.",
    fires: {
      series: {
        [`quorate_certificate_latency_seconds_bucket{${NODE},le="5"}`]: "0+1x80",
        [`quorate_certificate_latency_seconds_bucket{${NODE},le="10"}`]: "0+10x80",
        [`quorate_certificate_latency_seconds_bucket{${NODE},le="+Inf"}`]: "0+10x80",
      },
      at: "15m",
      labels: OF_SET,
    },
    silent: {
      series: {
        // It starts again in the middle; histograms without a sample say nothing.
        [`quorate_certificate_latency_seconds_bucket{${NODE},le="5"}`]: "0+10x30 0+10x50",
        [`quorate_certificate_latency_seconds_bucket{${NODE},le="+Inf"}`]: "0+10x30 0+10x50",
        [`quorate_certificate_latency_seconds_bucket{${OTHER},le="5"}`]: "0x80",
        [`quorate_certificate_latency_seconds_bucket{${OTHER},le="+Inf"}`]: "0x80",
      },
      at: "15m",
    },
  },
  {
    name: "QuorateMemberSilent",
    expr: `count ${BY_MEMBER} (quorate_member_silent == 1) >= 2`,
    for: "30s",
    severity: "warning",
    summary: "The chain's count says that a member is silent, and two nodes or more show it.",
    fires: {
      series: {
        [`quorate_member_silent{${NODE},${M}}`]: "1x20",
        [`quorate_member_silent{${OTHER},${M}}`]: "1x20",
      },
      at: "3m",
      labels: { ...OF_SET, member: "bb" },
    },
    silent: {
      series: {
        // One node's word is a rumour.
        [`quorate_member_silent{${NODE},${M}}`]: "1x20",
        [`quorate_member_silent{${OTHER},${M}}`]: "0x20",
      },
      at: "3m",
    },
  },
  {
    name: "QuorateEquivocation",
    expr: rose("quorate_member_equivocations_total", { by: BY_MEMBER, within: "10m" }),
    severity: "critical",
    summary: "A node found two conflicting signatures of one member.",
    fires: {
      // The series begins with its first pair: increase() sees no rise there.
      series: { [`quorate_member_equivocations_total{${NODE},${M}}`]: "_x40 1x20" },
      at: "13m",
      labels: { ...OF_SET, member: "bb" },
    },
    silent: {
      series: {
        [`quorate_member_equivocations_total{${NODE},${M}}`]: "1x80",
        // Started again: the counter falls to 0.
        [`quorate_member_equivocations_total{${OTHER},${M}}`]: "3x50 0x30",
      },
      at: "18m",
    },
  },
  {
    name: "QuorateWrongRoot",
    expr: rose("quorate_member_wrong_roots_total", { by: BY_MEMBER, within: "10m" }),
    severity: "critical",
    summary: "A member attested another result than the quorum.",
    fires: {
      series: { [`quorate_member_wrong_roots_total{${NODE},${M}}`]: "0x20 1x20" },
      at: "8m",
      labels: { ...OF_SET, member: "bb" },
    },
    silent: {
      series: { [`quorate_member_wrong_roots_total{${NODE},${M}}`]: "0x60" },
      at: "12m",
    },
  },
  {
    name: "QuorateResultsSplit",
    expr: `max ${BY_SET} (quorate_split_height) > 0`,
    severity: "critical",
    summary: "Results split without a quorum: the chain stopped (rule SPLIT).",
    fires: {
      series: { [`quorate_split_height{${NODE}}`]: "0x4 77x10" },
      at: "2m",
      labels: OF_SET,
    },
    silent: { series: { [`quorate_split_height{${NODE}}`]: "0x20" }, at: "2m" },
  },
  {
    name: "QuorateEpochStuck",
    expr: `max ${BY_SET} (quorate_epoch) - on (namespace, set) group_right () quorate_epoch > 0`,
    for: "2m",
    severity: "warning",
    summary: "A node stays in an epoch that the others have left.",
    fires: {
      series: { [`quorate_epoch{${NODE}}`]: "3x20", [`quorate_epoch{${OTHER}}`]: "2x20" },
      at: "4m",
      labels: { ...OF_SET, pod: "dev-1", observer: "a1" },
    },
    silent: {
      series: {
        [`quorate_epoch{${NODE}}`]: "2x6 3x20",
        [`quorate_epoch{${OTHER}}`]: "2x8 3x20",
      },
      at: "4m",
    },
  },
];
