import type { EpochProof, ResultCertificate } from "../kernel/certificates.ts";
import type { TreeProof } from "../kernel/merkle.ts";
import type { Refusal, Result } from "../kernel/result.ts";
import type { Digest, Epoch, Height, PublicKey, Round } from "../kernel/scalars.ts";
import type { AttestedResult } from "../kernel/statements.ts";
import type { ValidatorSet } from "../kernel/validator-set.ts";
import type { livenessView, seatsView, sparesView, swapsView } from "../ledger/views.ts";
import type { CertifiedReceipt, ExecutedBlock, ReplicaState } from "./types.ts";

export type TransactionStatus =
  | { readonly kind: "unknown" }
  | { readonly kind: "queued" }
  | { readonly kind: "executed"; readonly height: Height; readonly code: string }
  | { readonly kind: "certified"; readonly receipt: CertifiedReceipt };

export interface ProvenState {
  readonly value: Uint8Array | undefined;
  readonly proof: TreeProof;
  readonly certificate: ResultCertificate;
}

export interface ReplicaStatus {
  readonly chainId: Digest;
  readonly self: PublicKey;
  readonly role: "member" | "spare" | "observer";
  readonly epoch: Epoch;
  readonly round: Round;
  /** Newest executed height. */
  readonly height: Height;
  readonly certified: AttestedResult | undefined;
  readonly set: ValidatorSet;
  readonly seats: ReturnType<typeof seatsView>;
  readonly spares: ReturnType<typeof sparesView>;
  readonly swaps: ReturnType<typeof swapsView>;
  readonly liveness: ReturnType<typeof livenessView>;
  /** Transactions in the own lane that have no receipt yet. */
  readonly queued: number;
}

/** Refusals: STATE_NOT_CERTIFIED (nothing certified yet, or its state is not held any more). */
export declare function stateProof(state: ReplicaState, key: string): Result<ProvenState, Refusal>;
export declare function transactionStatus(state: ReplicaState, id: Digest): TransactionStatus;
/** Proofs of the hand-overs from `fromEpoch` on, oldest first. */
export declare function epochProofs(state: ReplicaState, fromEpoch: Epoch): readonly EpochProof[];
/** Undefined where the block is older than the window: then the shell reads its chain log. */
export declare function executedBlock(
  state: ReplicaState,
  height: Height,
): ExecutedBlock | undefined;
/** All leaves of the block's receiptsRoot: receipts in order, then events in order. */
export declare function receiptLeaves(
  state: ReplicaState,
  height: Height,
): readonly Uint8Array[] | undefined;
export declare function replicaStatus(state: ReplicaState): ReplicaStatus;
