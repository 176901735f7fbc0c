import type { KubeObject } from "@quorate/runtime/objects";

/** What the operator may do by itself. */
export type Mode = "Observe" | "Approve" | "Auto";

/** Where evidence of silence may come from; kinds count by origin, not by path (rule S7). */
export type SignalKind = "Chain" | "Peers" | "Kubernetes";

export interface OwnerSpec {
  /** For people; unique in the set. */
  readonly name: string;
  /** Ed25519 key that is kept off the cluster, 64 hex characters. */
  readonly key: string;
  /** Ed25519 public key of the sponsor, 64 hex characters; its private key is in the Secret. */
  readonly sponsorKey: string;
  /** Secret in the set's namespace with the sponsor's private key, PKCS8 PEM. */
  readonly sponsorSecretRef: { readonly name: string; readonly key: string };
  /** Micro-USD at genesis, decimal. */
  readonly treasury: string;
}

/** One signature of an owner's key that endorses a spare (rule RATE). */
export interface EndorsementSpec {
  /** Consensus key of the spare, 64 hex characters. */
  readonly key: string;
  /** Over the owner's registration bytes of node/spec/encoding.md, 128 hex characters. */
  readonly signature: string;
}

export interface ValidatorSetSpec {
  /** Seats at birth. Immutable: n >= 3f+1 and at least 4. Growing is for owners to sign. */
  readonly replicas: number;
  /** Spares that are kept registered and in sync. */
  readonly spares: number;
  /** Tolerated faults. Immutable; replicas >= 3f+1. */
  readonly faultTolerance: number;
  readonly mode: Mode;
  /** Nothing is written to the chain or to pods while it is true; status still tells. */
  readonly paused: boolean;
  readonly image: string;
  /** Seats and spares belong to the owners in turn, by ordinal. Immutable. */
  readonly owners: readonly OwnerSpec[];
  readonly endorsements: readonly EndorsementSpec[];
  readonly genesis: {
    /** ConfigMap whose `template.json` has everything of a genesis but time, owners and seats. */
    readonly templateRef: { readonly name: string };
    /** Power and bond of each seat, micro-USD, decimal. Below W/3 each: equal powers, n >= 4. */
    readonly seatPower: string;
  };
  /**
   * Names the living chain that the set joins: its nodes become spares, and the ConfigMap
   * `<set>-genesis` with these exact bytes must be there. Absent: the set founds a chain.
   */
  readonly genesisHash?: string;
  /** Price sources: entries of `prices` of the node's configuration for all nodes. */
  readonly prices: {
    /** ConfigMap mounted at `prices/`; its `sources.json` holds `{default: [...], <ordinal>: []}`. */
    readonly sourcesRef?: { readonly name: string };
  };
  readonly storage: { readonly size: string; readonly storageClassName?: string };
  readonly resources?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly placement: {
    /** A failure domain: no value of this node label may hold more than f (S8). */
    readonly topologyKey: string;
    readonly nodeSelector?: Readonly<Record<string, string>>;
  };
  readonly healing: {
    /** Kinds that are used; silence needs two of them, the chain among them. */
    readonly signals: readonly SignalKind[];
    /** Seconds between two observations. */
    readonly intervalSeconds: number;
    /** Seconds between two rotations of the operator, beside the chain's own cool-down (S15). */
    readonly cooldownSeconds: number;
    /** Rotations in 24 h; the next one waits for a person (S15). */
    readonly dailyBudget: number;
  };
  /** Named: its failure is blindness, and a direct scrape does not replace it (S9). */
  readonly prometheus?: {
    /** http(s) base address. */
    readonly url: string;
    /** Secret in the namespace with `ca.crt` and/or `token`. */
    readonly secretRef?: { readonly name: string };
    /** Scrape interval; a sample older than three is stale. */
    readonly scrapeIntervalSeconds: number;
  };
  /** Age beyond which the checkpoint in status is no longer trusted (VERIFIED-READ). */
  readonly trustPeriodHours: number;
  /** A person's checkpoint: canonical bytes of a validator set in hex, verified out of band. */
  readonly checkpoint?: { readonly epoch: number; readonly setHash: string };
  /** Retain: volumes, keys and genesis outlive the set. Delete needs the word. */
  readonly deletionPolicy: "Retain" | "Delete";
}

export type ConditionType =
  | "Ready"
  | "Reconciling"
  | "Stalled"
  | "SignalsTrusted"
  | "QuorumSafe"
  | "RotationInProgress"
  | "Held";

export interface Condition {
  readonly type: ConditionType;
  readonly status: "True" | "False" | "Unknown";
  /** CamelCase, of the closed list in conditions.ts. */
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration: number;
}

export type MemberRole = "Founder" | "Voter" | "Spare" | "Joining" | "Leaving" | "Left";

/** One node of the set: its pod, volume, service and configuration share the name. */
export interface MemberStatus {
  /** `<set>-<ordinal>`; an ordinal is never used twice. */
  readonly name: string;
  readonly role: MemberRole;
  readonly owner: string;
  /** 64 hex characters; empty before the node was asked. */
  readonly consensusKey: string;
  readonly networkKey: string;
  /** Micro-USD, decimal; "0" if it has no seat. */
  readonly power: string;
  /** Kubernetes node and failure domain of the pod. */
  readonly node: string;
  readonly zone: string;
  /** Milliseconds since its last sign of life in the chain's count; absent for non-members. */
  readonly silentMs?: number;
  /** Suspicions and refusals about this member, CamelCase. */
  readonly reasons: readonly string[];
}

export interface FaultBudget {
  /** All in micro-USD of power, decimal. */
  readonly total: string;
  readonly quorum: string;
  /** Power that may fail: total - quorum. */
  readonly f: string;
  /** Union of unreachable, leaving and draining (S1). */
  readonly used: string;
  readonly free: string;
}

export interface ValidatorSetStatus {
  readonly observedGeneration: number;
  readonly conditions: readonly Condition[];
  readonly birth: { readonly phase: "Keys" | "Genesis" | "Alive"; readonly asked: number };
  /** Hash of the pinned genesis, 64 hex characters; empty before. */
  readonly genesisHash: string;
  readonly chain: {
    readonly epoch: number;
    readonly height: number;
    readonly setHash: string;
    /** Block time of the newest verified header, RFC 3339. */
    readonly time: string;
  };
  /** Newest verified set, canonical bytes in hex: where the next pass starts (VERIFIED-READ). */
  readonly checkpoint: { readonly epoch: number; readonly set: string; readonly time: string };
  readonly faultBudget: FaultBudget;
  readonly members: readonly MemberStatus[];
  /** Next ordinal; never falls. */
  readonly nextOrdinal: number;
  readonly voters: number;
  readonly spares: number;
  readonly lastDecision: {
    readonly verdict: string;
    readonly rules: readonly string[];
    readonly message: string;
    readonly at: string;
  };
  /** Label selector of the pods, for `kubectl scale` and autoscalers. */
  readonly selector: string;
}

export interface ValidatorSet extends KubeObject {
  readonly kind: "ValidatorSet";
  readonly spec: ValidatorSetSpec;
  readonly status?: ValidatorSetStatus;
}

/** Why a seat changes hands (rule CAUSE). */
export type RotationCause = "Silence" | "Misconduct" | "Owner";

export type RotationPhase =
  /** Decided; in Approve mode it waits here for a person. */
  | "Planned"
  /** Intent is written, the transaction may be on its way (S16). */
  | "Submitted"
  /** First commit of the new epoch was verified. */
  | "Effective"
  /** The leaver's pod is gone and a new spare is registered. */
  | "Replaced"
  | "Refused"
  | "Expired";

export interface ValidatorRotationSpec {
  /** Name of the ValidatorSet in the same namespace. */
  readonly set: string;
  readonly cause: RotationCause;
  /** Consensus key whose seat is vacated, 64 hex characters. */
  readonly member: string;
  /** Compare and set: the set that the plan was computed from, 64 hex characters. */
  readonly setHash: string;
  /** Cause Owner: the owner's signature and its nonce, as `quorate rotate` prints them. */
  readonly ownerSignature?: { readonly nonce: number; readonly signature: string };
}

export interface ValidatorRotationStatus {
  readonly phase: RotationPhase;
  /** Operator, Chain (it swapped by itself) or Person. */
  readonly initiator: "Operator" | "Chain" | "Person";
  /** SHA-256 of the canonical plan: what an approval names. */
  readonly planHash: string;
  /** Approve mode: until when an approval counts, RFC 3339. */
  readonly expiresAt?: string;
  /** Id of the transaction, 64 hex characters. */
  readonly transaction?: string;
  readonly newcomer?: string;
  readonly setHashAfter?: string;
  readonly epoch?: number;
  readonly heights?: { readonly submitted?: number; readonly committed?: number };
  /** Rules that were asked and what they said. */
  readonly rules: readonly string[];
  readonly message: string;
  readonly times: Readonly<Partial<Record<RotationPhase, string>>>;
}

/** `<set>-e<epoch in which it was decided>-<first 8 of the member's key>`. */
export interface ValidatorRotation extends KubeObject {
  readonly kind: "ValidatorRotation";
  readonly spec: ValidatorRotationSpec;
  readonly status?: ValidatorRotationStatus;
}
