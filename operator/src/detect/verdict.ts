import type { TrustReason } from "../api/v1alpha1/conditions.ts";

/** What is wrong with a member, and how sure that is. */
export type VerdictKind =
  | "Silence"
  | "Misconduct"
  | "WrongRoot"
  | "InvalidProposals"
  | "OracleOutlier"
  | "Crashed"
  | "Unreachable";

/**
 * One finding about one member; suspected by one kind of signal, confirmed by what its rule asks.
 */
export interface Verdict {
  readonly kind: VerdictKind;
  /** Consensus key. */
  readonly member: string;
  readonly certainty: "Suspected" | "Confirmed";
  /** Which kinds of signal say so, with their numbers, for people. */
  readonly signals: readonly {
    readonly kind: "Chain" | "Peers" | "Kubernetes";
    readonly says: string;
  }[];
  /** Misconduct only: canonical bytes of the proof's transaction. */
  readonly proof?: Uint8Array;
}

/** Whether the sources can be believed at all (S9). */
export interface SignalTrust {
  readonly trusted: boolean;
  /** CamelCase, of the closed list. */
  readonly reason: TrustReason;
  readonly message: string;
}

export interface Findings {
  readonly verdicts: readonly Verdict[];
  readonly trust: SignalTrust;
}
