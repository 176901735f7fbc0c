import type { Parameters } from "@quorate/node/kernel/parameters";
import type { ValidatorSet as ChainSet } from "@quorate/node/kernel/validator-set";
import type { Liveness, ProtocolState } from "@quorate/node/ledger/state";
import type { SwapRecord } from "@quorate/node/ledger/types";
import type { ValidatorRotation, ValidatorSet } from "../api/v1alpha1/types.ts";

/** A pod as the decisions need it. */
export interface PodView {
  readonly name: string;
  readonly member: string;
  readonly uid: string;
  readonly phase: "Pending" | "Running" | "Succeeded" | "Failed" | "Unknown";
  readonly ready: boolean;
  readonly ip: string;
  readonly node: string;
  readonly image: string;
  readonly terminating: boolean;
  readonly restarts: number;
  /** Why its container does not run, as the kubelet says; empty where it runs. */
  readonly waiting: string;
  /** Labels and annotations that the operator sets. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A machine of the cluster. */
export interface NodeView {
  readonly name: string;
  readonly ready: boolean;
  readonly unschedulable: boolean;
  /** A person's taint `node.kubernetes.io/out-of-service`: the machine is off for certain. */
  readonly outOfService?: boolean;
  /** Value of the topology key. */
  readonly zone: string;
}

/** A member as its Service records it. */
export interface MemberView {
  readonly name: string;
  readonly ordinal: number;
  /** Address that is on the chain: ClusterIP and peer port. */
  readonly address: string;
  /** Failure domain that its pod is bound to. */
  readonly zone: string;
  readonly consensusKey: string | undefined;
  readonly networkKey: string | undefined;
  /** Image of its next pod, as its roll-out left it; empty where none is on record. */
  readonly image: string;
  /** Scaled down (annotation): its node does not run; its volume, address and ordinal stay. */
  readonly retired: boolean;
}

/** Chain state that was verified by the light client in this pass. */
export interface ChainView {
  readonly chainId: string;
  readonly parameters: Parameters;
  readonly height: number;
  /** Block time of the newest verified header. */
  readonly timeMs: number;
  /** Milliseconds by our own clock since the verified height last rose. */
  readonly sinceProgressMs: number;
  readonly set: ChainSet;
  readonly setHash: string;
  readonly protocol: ProtocolState;
  /** The chain's count per key, and whether rule SILENCE holds now. */
  readonly liveness: ReadonlyMap<string, ChainLiveness>;
  readonly spares: readonly ChainSpare[];
  /** Of the set's own keys, those that were ever on the chain: none comes there twice. */
  readonly known: ReadonlySet<string>;
  /** Oldest first. */
  readonly swaps: readonly SwapRecord[];
  /**
   * Keys that have left for certain: a proven swap names them as leaver, or they are proven to be
   * jailed or tombstoned, and they are neither members nor spares at this height.
   */
  readonly left?: ReadonlySet<string>;
  /** What is left of the chain's cool-down between silence swaps (RATE), ms of block time. */
  readonly coolDownMs: number;
}

export interface ChainLiveness {
  readonly count: Liveness;
  readonly msSilent: number;
  readonly isSilent: boolean;
  readonly isAbsent: boolean;
  /** The chain has a proof of misconduct against the key. */
  readonly isCondemned: boolean;
}

export interface ChainSpare {
  readonly key: string;
  readonly owner: string;
  readonly fit: boolean;
  readonly endorsed: boolean;
}

/** Why the chain cannot be read, where it cannot. */
export type ChainReading =
  | { readonly kind: "verified"; readonly chain: ChainView }
  | { readonly kind: "unborn" }
  | { readonly kind: "unreachable"; readonly message: string }
  | { readonly kind: "checkpoint-expired"; readonly ageMs: number };

/** What one observer (a validator's /metrics) says; NaN and missing samples are left out. */
export interface PeerSample {
  /** Consensus key of the observer. */
  readonly observer: string;
  /** Age of the sample when the pass read it. */
  readonly ageMs: number;
  readonly certifiedHeight: number | undefined;
  /** Milliseconds since it heard of each member, by key. */
  readonly lastSeenMs: ReadonlyMap<string, number>;
  /** Whether its chain view calls the member silent. */
  readonly silent: ReadonlyMap<string, boolean>;
  readonly equivocations: ReadonlyMap<string, number>;
  readonly wrongRoots: ReadonlyMap<string, number>;
  readonly invalidProposals: ReadonlyMap<string, number>;
  readonly outliers: ReadonlyMap<string, number>;
  /** Accounts that are being liquidated. */
  readonly liquidating: number;
}

/** One path to the peers' view. */
export type PeersReading =
  | {
      readonly kind: "read";
      readonly samples: readonly PeerSample[];
      /** Observers whose words cannot be used, and why; the others are heard. */
      readonly dropped?: readonly DroppedObserver[];
    }
  /** Unreachable, refused, malformed, empty: the reason for people. */
  | { readonly kind: "blind"; readonly reason: BlindReason; readonly message: string };

export interface DroppedObserver {
  /** Consensus key. */
  readonly observer: string;
  readonly reason: string;
}

export type BlindReason =
  | "PrometheusUnreachable"
  | "PrometheusEmpty"
  | "PrometheusStale"
  | "PrometheusMalformed"
  | "ScrapeFailed";

/** A proof of misconduct that a node holds; verified here before it is in an observation. */
export interface VerifiedProof {
  readonly accused: string;
  readonly evidence: "E1" | "E2" | "E3" | "E4" | "E5" | "E6" | "E7" | "E8" | "E10";
  /** Canonical bytes of the transaction. */
  readonly transaction: Uint8Array;
}

/** Everything that one pass knows: a value, read once, changed by nobody. */
export interface Observation {
  readonly nowMs: number;
  readonly set: ValidatorSet;
  readonly rotations: readonly ValidatorRotation[];
  readonly members: readonly MemberView[];
  readonly pods: readonly PodView[];
  readonly nodes: readonly NodeView[];
  readonly genesisHash: string | undefined;
  /** Public key of the operator's control client, 64 hex characters. */
  readonly controlClientKey: string;
  /**
   * `sources.json` of `spec.prices.sourcesRef`: lists by ordinal, and `default`. Undefined where
   * the ConfigMap is named and not there, or is no such JSON: no configuration is made then.
   */
  readonly priceSources: Readonly<Record<string, readonly unknown[]>> | undefined;
  readonly chain: ChainReading;
  /** Absent where the spec names no Prometheus. */
  readonly prometheus: PeersReading | undefined;
  readonly scrape: PeersReading;
  readonly proofs: readonly VerifiedProof[];
  /** The operator's own lease was renewed in time (S10). */
  readonly leaseIsFresh: boolean;
}
