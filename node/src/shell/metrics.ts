import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

const LATENCY_BUCKETS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30];
const FSYNC_BUCKETS = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1];
const STEP_BUCKETS = [0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5];

type Metrics = ReturnType<typeof chainMetrics> &
  ReturnType<typeof memberMetrics> &
  ReturnType<typeof peerMetrics> &
  ReturnType<typeof marginMetrics> &
  ReturnType<typeof snapshotMetrics> &
  ReturnType<typeof processMetrics>;

export type NodeMetrics = Metrics & { readonly registry: Registry };

/**
 * Every metric of the process; docs/metrics.md, generated from here, is the catalogue. Labels are
 * public keys, market numbers and fixed words: nothing secret, nothing a client chooses.
 */
export function createMetrics(): NodeMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    ...chainMetrics(registry),
    ...memberMetrics(registry),
    ...peerMetrics(registry),
    ...marginMetrics(registry),
    ...snapshotMetrics(registry),
    ...processMetrics(registry),
  };
}

type Names<L extends string> = readonly L[];

function gauge<L extends string = never>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: Names<L> = [],
): Gauge<L> {
  return new Gauge<L>({ name, help, labelNames: [...labelNames], registers: [registry] });
}

function counter<L extends string = never>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: Names<L> = [],
): Counter<L> {
  return new Counter<L>({ name, help, labelNames: [...labelNames], registers: [registry] });
}

interface HistogramOptions<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly buckets: number[];
  readonly labelNames?: Names<L>;
}

function histogram<L extends string = never>(
  registry: Registry,
  { name, help, buckets, labelNames = [] }: HistogramOptions<L>,
): Histogram<L> {
  const registers = [registry];
  return new Histogram<L>({ name, help, buckets, labelNames: [...labelNames], registers });
}

function chainMetrics(r: Registry) {
  return {
    committedHeight: gauge(r, "quorate_committed_height", "Newest committed height."),
    executedHeight: gauge(r, "quorate_executed_height", "Newest executed height."),
    certifiedHeight: gauge(r, "quorate_certified_height", "Newest certified height."),
    certifiedTime: gauge(
      r,
      "quorate_certified_timestamp_seconds",
      "Block time of the newest certified height, Unix time; 0 before the first.",
    ),
    epoch: gauge(r, "quorate_epoch", "Current epoch."),
    splitHeight: gauge(r, "quorate_split_height", "Height whose results split; 0 if none."),
    protocolVersion: gauge(r, "quorate_protocol_version", "Active protocol version."),
    protocolHeld: gauge(r, "quorate_protocol_held", "Newest protocol version in this binary."),
    activationHeight: gauge(
      r,
      "quorate_protocol_activation_height",
      "First height of the next protocol version; 0 where none is fixed.",
    ),
    round: gauge(r, "quorate_round", "Current round."),
    roundsTimedOut: counter(r, "quorate_rounds_timed_out_total", "Rounds that timed out here."),
    roundTimeout: gauge(
      r,
      "quorate_round_timeout_seconds",
      "Round timer T since its last change; 0 before the first.",
    ),
    roundTimeoutChanges: counter(
      r,
      "quorate_round_timeout_changes_total",
      "Changes of the round timer by cause.",
      ["cause"],
    ),
    commitLatency: histogram(r, {
      name: "quorate_commit_latency_seconds",
      help: "From the proposer's stamp to execution here.",
      buckets: LATENCY_BUCKETS,
    }),
    certificateLatency: histogram(r, {
      name: "quorate_certificate_latency_seconds",
      help: "From the proposer's stamp to the result certificate here.",
      buckets: LATENCY_BUCKETS,
    }),
    transactions: counter(r, "quorate_transactions_total", "Executed transactions by outcome.", [
      "outcome",
    ]),
    swaps: counter(r, "quorate_swaps_total", "Changes of the set by cause.", ["cause"]),
    signing: gauge(r, "quorate_signing", "1 if this node may sign, else 0."),
    burnt: gauge(r, "quorate_burnt", "1 if this node's key is burnt (rule BURN), else 0."),
    signatures: counter(r, "quorate_signatures_total", "Signatures made by kind.", ["kind"]),
    signaturesRefused: counter(
      r,
      "quorate_signatures_refused_total",
      "Requests under an index that another digest holds, by kind.",
      ["kind"],
    ),
  };
}

function memberMetrics(r: Registry) {
  const member = ["member"] as const;
  return {
    memberLastSeen: gauge(
      r,
      "quorate_member_last_seen_seconds",
      "Since a message of the member arrived here; since the start if none did.",
      member,
    ),
    memberSilent: gauge(
      r,
      "quorate_member_silent",
      "1 if the chain's count says that the member is silent, else 0.",
      member,
    ),
    memberSilentBlocks: gauge(
      r,
      "quorate_member_silent_blocks",
      "Blocks since the member's last included sign of life.",
      member,
    ),
    memberSilentSeconds: gauge(
      r,
      "quorate_member_silent_seconds",
      "Block time since the member's last included sign of life.",
      member,
    ),
    memberEquivocations: counter(
      r,
      "quorate_member_equivocations_total",
      "Pairs of conflicting signatures of the member that this node found.",
      member,
    ),
    memberWrongRoots: counter(
      r,
      "quorate_member_wrong_roots_total",
      "Heights for which the member attested another result than the quorum.",
      member,
    ),
    memberInvalidProposals: counter(
      r,
      "quorate_member_invalid_proposals_total",
      "Blocks signed by the member that no honest member signs.",
      member,
    ),
    pendingProofs: gauge(
      r,
      "quorate_pending_proofs",
      "Proofs of misconduct held here that the chain does not have yet.",
    ),
    memberPower: gauge(
      r,
      "quorate_member_power_micro_usd",
      "Voting power of the member in this epoch.",
      member,
    ),
  };
}

function peerMetrics(r: Registry) {
  return {
    peerConnected: gauge(
      r,
      "quorate_peer_connected",
      "1 if this node's control subscription at the peer is open, else 0.",
      ["peer"],
    ),
    peersRefused: counter(
      r,
      "quorate_peers_refused_total",
      "Calls of peers that were turned away after the TLS handshake, by code.",
      ["code"],
    ),
    messages: counter(r, "quorate_messages_total", "Messages of peers by kind.", ["kind"]),
    messagesRefused: counter(
      r,
      "quorate_messages_refused_total",
      "Messages with a forged signature of this node, or above a peer's bound, by network key.",
      ["peer"],
    ),
    messagesMalformed: counter(
      r,
      "quorate_messages_malformed_total",
      "Messages of peers that did not decode, by network key.",
      ["peer"],
    ),
    clientsRefused: counter(
      r,
      "quorate_clients_refused_total",
      "Calls and transactions of clients that found the door shut, by reason.",
      ["reason"],
    ),
    messagesDropped: counter(
      r,
      "quorate_messages_dropped_total",
      "Messages of peers that consensus refused, by code.",
      ["code"],
    ),
  };
}

function marginMetrics(r: Registry) {
  const market = ["market"] as const;
  return {
    oracleFresh: gauge(r, "quorate_oracle_fresh", "1 if the index price is fresh, else 0.", market),
    indexPrice: gauge(r, "quorate_index_price_ticks", "Index price.", market),
    oracleOutliers: counter(
      r,
      "quorate_oracle_outliers_total",
      "Reports far from the median, by their author.",
      ["member"],
    ),
    ownPrice: gauge(
      r,
      "quorate_own_price_ticks",
      "Price that this node's source shows; 0 while it shows none.",
      market,
    ),
    accounts: gauge(r, "quorate_accounts", "Accounts that are not healthy, by stage.", ["stage"]),
    liquidations: counter(r, "quorate_liquidations_total", "Liquidation orders."),
    deficit: counter(
      r,
      "quorate_deficit_micro_usd_total",
      "Deficits paid, by who paid: fund or cut.",
      ["paid_by"],
    ),
    fund: gauge(r, "quorate_insurance_fund_micro_usd", "Insurance fund."),
    openInterest: gauge(r, "quorate_open_interest_lots", "Sum of the long positions.", market),
    marketMode: gauge(
      r,
      "quorate_market_mode",
      "What owners let be traded: 0 everything, 1 only what reduces a position, 2 nothing.",
      market,
    ),
    fundingRate: gauge(
      r,
      "quorate_funding_rate_ppm",
      "Last funding rate, of notional; above 0 longs pay shorts.",
      market,
    ),
  };
}

function snapshotMetrics(r: Registry) {
  return {
    snapshotHeight: gauge(r, "quorate_snapshot_height", "Height of the newest own snapshot."),
    snapshotInterval: gauge(
      r,
      "quorate_snapshot_interval_blocks",
      "Blocks between two snapshots; 0 where none are taken.",
    ),
    snapshotBytes: gauge(r, "quorate_snapshot_bytes", "Size of the newest own snapshot."),
    snapshotSeconds: gauge(r, "quorate_snapshot_seconds", "How long it took to write."),
    snapshotsFailed: counter(
      r,
      "quorate_snapshots_failed_total",
      "Snapshots that could not be written.",
    ),
    syncChunks: gauge(
      r,
      "quorate_sync_chunks",
      "Chunks of the snapshot that state sync fetches, by stage: all or done.",
      ["stage"],
    ),
    syncBytes: gauge(r, "quorate_sync_bytes", "What state sync has fetched since it began."),
    syncLies: counter(
      r,
      "quorate_sync_lies_total",
      "Peers whose snapshot did not verify, by network key.",
      ["peer"],
    ),
  };
}

function processMetrics(r: Registry) {
  return {
    diskFree: gauge(
      r,
      "quorate_disk_free_bytes",
      "Free space of the volume that holds journal and chain log.",
    ),
    diskSize: gauge(r, "quorate_disk_size_bytes", "Size of that volume."),
    certificateExpiry: gauge(
      r,
      "quorate_certificate_expiry_timestamp_seconds",
      "When this process's TLS certificate ends, Unix time.",
    ),
    inputQueue: gauge(r, "quorate_input_queue_length", "Inputs that wait for the replica."),
    outboxQueue: gauge(r, "quorate_outbox_messages", "Messages that wait for slow subscribers."),
    outboxDropped: gauge(
      r,
      "quorate_outbox_dropped",
      "Messages dropped for the subscribers that are connected now.",
    ),
    laneQueue: gauge(r, "quorate_lane_transactions", "Own transactions without a receipt."),
    waitingCalls: gauge(r, "quorate_waiting_submissions", "Submit calls that wait for a receipt."),
    fsync: histogram(r, {
      name: "quorate_fsync_seconds",
      help: "Writing and syncing one group, by log: chain or journal.",
      buckets: FSYNC_BUCKETS,
      labelNames: ["log"] as const,
    }),
    step: histogram(r, {
      name: "quorate_step_seconds",
      help: "One step of the replica, by input.",
      buckets: STEP_BUCKETS,
      labelNames: ["input"] as const,
    }),
    eventLoopLag: gauge(
      r,
      "quorate_event_loop_lag_seconds",
      "99th percentile of the event loop's delay since the last scrape.",
    ),
  };
}
