import type { PeerSample } from "./observation.ts";

/** One value of one time series. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What of a node's /metrics is its view of the others; names in docs/metrics.md. */
export const PEER_METRICS = {
  certifiedHeight: "quorate_certified_height",
  lastSeen: "quorate_member_last_seen_seconds",
  silent: "quorate_member_silent",
  equivocations: "quorate_member_equivocations_total",
  wrongRoots: "quorate_member_wrong_roots_total",
  invalidProposals: "quorate_member_invalid_proposals_total",
  outliers: "quorate_oracle_outliers_total",
  accounts: "quorate_accounts",
} as const;

export const PEER_METRIC_NAMES: ReadonlySet<string> = new Set(Object.values(PEER_METRICS));

function byMember<T>(
  series: readonly Series[],
  name: string,
  read: (value: number) => T,
): ReadonlyMap<string, T> {
  const entries = series
    .filter((one) => one.name === name && one.labels["member"] !== undefined)
    .map(({ labels, value }) => [labels["member"] ?? "", read(value)] as const);
  return new Map(entries);
}

/** What one observer says, from its series; values that are no numbers are left out. */
export function peerSample(
  observer: string,
  ageMs: number,
  allSeries: readonly Series[],
): PeerSample {
  const series = allSeries.filter(({ value }) => Number.isFinite(value));
  const same = (value: number): number => value;
  return {
    observer,
    ageMs,
    certifiedHeight: series.find(({ name }) => name === PEER_METRICS.certifiedHeight)?.value,
    lastSeenMs: byMember(series, PEER_METRICS.lastSeen, (seconds) => seconds * 1_000),
    silent: byMember(series, PEER_METRICS.silent, (value) => value === 1),
    equivocations: byMember(series, PEER_METRICS.equivocations, same),
    wrongRoots: byMember(series, PEER_METRICS.wrongRoots, same),
    invalidProposals: byMember(series, PEER_METRICS.invalidProposals, same),
    outliers: byMember(series, PEER_METRICS.outliers, same),
    liquidating:
      series.find(({ name, labels }) => {
        return name === PEER_METRICS.accounts && labels["stage"] === "liquidating";
      })?.value ?? 0,
  };
}
