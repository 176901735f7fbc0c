import { type Alert, NODE, OF_SET, OTHER } from "./alert.ts";

const OF_NODE = { ...OF_SET, pod: "dev-0", observer: "a0" };
const GIB = 1_073_741_824;

export const nodeAlerts: readonly Alert[] = [
  {
    name: "QuorateKeyBurnt",
    expr: "quorate_burnt == 1",
    severity: "warning",
    summary: "A node's key is burnt: it signs nothing any more (rule BURN).",
    fires: { series: { [`quorate_burnt{${NODE}}`]: "0x4 1x10" }, at: "2m", labels: OF_NODE },
    silent: { series: { [`quorate_burnt{${NODE}}`]: "0x20" }, at: "2m" },
  },
  {
    name: "QuorateNotSigning",
    expr: "quorate_signing == 0 unless quorate_burnt == 1",
    for: "3m",
    severity: "warning",
    summary: "A node may not sign, and its key is not burnt.",
    fires: {
      series: { [`quorate_signing{${NODE}}`]: "0x30", [`quorate_burnt{${NODE}}`]: "0x30" },
      at: "6m",
      labels: OF_NODE,
    },
    silent: {
      series: {
        [`quorate_signing{${NODE}}`]: "0x4 1x30",
        [`quorate_signing{${OTHER}}`]: "0x30",
        [`quorate_burnt{${OTHER}}`]: "1x30",
      },
      at: "6m",
    },
  },
  {
    name: "QuorateDiskFilling",
    expr:
      "quorate_disk_free_bytes / quorate_disk_size_bytes < 0.15 or " +
      "predict_linear(quorate_disk_free_bytes[1h], 86400) < 0",
    for: "10m",
    severity: "warning",
    summary: "A volume has less than 15 % left, or is full within a day at this rate.",
    fires: {
      series: {
        [`quorate_disk_free_bytes{${NODE}}`]: `${10 * GIB}-${GIB / 64}x400`,
        [`quorate_disk_size_bytes{${NODE}}`]: `${20 * GIB}x400`,
      },
      at: "90m",
      labels: OF_NODE,
    },
    silent: {
      series: {
        [`quorate_disk_free_bytes{${NODE}}`]: `${10 * GIB}x400`,
        [`quorate_disk_size_bytes{${NODE}}`]: `${20 * GIB}x400`,
      },
      at: "90m",
    },
  },
  {
    name: "QuorateDiskFull",
    expr: "quorate_disk_free_bytes / quorate_disk_size_bytes < 0.05",
    for: "1m",
    severity: "critical",
    summary: "A volume has less than 5 % left: a node that cannot write stops.",
    fires: {
      series: {
        [`quorate_disk_free_bytes{${NODE}}`]: `${GIB / 2}x20`,
        [`quorate_disk_size_bytes{${NODE}}`]: `${20 * GIB}x20`,
      },
      at: "3m",
      labels: OF_NODE,
    },
    silent: {
      series: {
        [`quorate_disk_free_bytes{${NODE}}`]: `${2 * GIB}x20`,
        [`quorate_disk_size_bytes{${NODE}}`]: `${20 * GIB}x20`,
      },
      at: "3m",
    },
  },
  {
    name: "QuorateJournalSlow",
    expr: 'pod:quorate_fsync_seconds:p99_rate5m{log="journal"} > 0.1',
    for: "5m",
    severity: "warning",
    summary: "Syncing the journal takes more than 100 ms: every signature waits for it.",
    fires: {
      series: {
        [`quorate_fsync_seconds_bucket{${NODE},log="journal",le="0.1"}`]: "0x80",
        [`quorate_fsync_seconds_bucket{${NODE},log="journal",le="0.5"}`]: "0+10x80",
        [`quorate_fsync_seconds_bucket{${NODE},log="journal",le="+Inf"}`]: "0+10x80",
      },
      at: "15m",
      labels: { ...OF_SET, pod: "dev-0", log: "journal" },
    },
    silent: {
      series: {
        [`quorate_fsync_seconds_bucket{${NODE},log="journal",le="0.1"}`]: "0+10x30 0+10x50",
        [`quorate_fsync_seconds_bucket{${NODE},log="journal",le="+Inf"}`]: "0+10x30 0+10x50",
        [`quorate_fsync_seconds_bucket{${NODE},log="chain",le="0.1"}`]: "0x80",
        [`quorate_fsync_seconds_bucket{${NODE},log="chain",le="+Inf"}`]: "0+10x80",
      },
      at: "15m",
    },
  },
  {
    name: "QuorateCertificateExpiring",
    expr: "quorate_certificate_expiry_timestamp_seconds - time() < 14 * 86400",
    for: "10m",
    severity: "warning",
    summary: "A TLS certificate ends within 14 days.",
    fires: {
      series: { [`quorate_certificate_expiry_timestamp_seconds{${NODE}}`]: "86400x60" },
      at: "13m",
      labels: OF_NODE,
    },
    silent: {
      series: { [`quorate_certificate_expiry_timestamp_seconds{${NODE}}`]: "253402300799x60" },
      at: "13m",
    },
  },
  {
    name: "QuorateSnapshotOld",
    expr:
      "quorate_certified_height - quorate_snapshot_height > 3 * quorate_snapshot_interval_blocks " +
      "and quorate_snapshot_interval_blocks > 0",
    for: "10m",
    severity: "warning",
    summary: "A node's newest snapshot is more than three intervals old.",
    fires: {
      series: {
        [`quorate_certified_height{${NODE}}`]: "5000+10x80",
        [`quorate_snapshot_height{${NODE}}`]: "1000x80",
        [`quorate_snapshot_interval_blocks{${NODE}}`]: "1000x80",
      },
      at: "15m",
      labels: OF_NODE,
    },
    silent: {
      series: {
        [`quorate_certified_height{${NODE}}`]: "2000+10x80",
        [`quorate_snapshot_height{${NODE}}`]: "1000x80",
        [`quorate_snapshot_interval_blocks{${NODE}}`]: "1000x80",
        [`quorate_certified_height{${OTHER}}`]: "5000x80",
        [`quorate_snapshot_height{${OTHER}}`]: "0x80",
        [`quorate_snapshot_interval_blocks{${OTHER}}`]: "0x80",
      },
      at: "15m",
    },
  },
  {
    name: "QuorateDoorShut",
    expr: "sum by (namespace, set, reason) (rate(quorate_clients_refused_total[5m])) > 10",
    for: "10m",
    severity: "info",
    summary: "More than ten calls of clients a second find the door shut.",
    fires: {
      series: { [`quorate_clients_refused_total{${NODE},reason="rate"}`]: "0+300x100" },
      at: "20m",
      labels: { ...OF_SET, reason: "rate" },
    },
    silent: {
      series: { [`quorate_clients_refused_total{${NODE},reason="rate"}`]: "0+30x100" },
      at: "20m",
    },
  },
];
