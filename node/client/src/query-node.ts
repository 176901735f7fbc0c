import type { EpochProof, ResultCertificate } from "@quorate/node/kernel/certificates";
import type { ListProof, ListRangeProof, TreeProof } from "@quorate/node/kernel/merkle";
import type { Refusal } from "@quorate/node/kernel/result";
import type { Digest, Epoch, Height, Millis, PublicKey } from "@quorate/node/kernel/scalars";
import type { NodeError, NodeName } from "./errors.ts";

/** How long one call may take, and what ends it early. */
export interface CallLimits {
  readonly timeoutMs: Millis;
  readonly signal: AbortSignal;
}

/** A receipt as a node hands it out: nothing of it is believed before it is verified. */
export interface ClaimedReceipt {
  /** How to mend a refusal, as this node says it: nothing proves these sentences. */
  readonly advice: { readonly fix: string; readonly outcomeFixes: readonly string[] };
  readonly leaf: Uint8Array;
  readonly proof: ListProof;
  readonly certificate: ResultCertificate;
}

export interface ClaimedState {
  /** Undefined: the node says that the state has no such key. */
  readonly value: Uint8Array | undefined;
  readonly proof: TreeProof;
  readonly certificate: ResultCertificate;
}

/** Receipts and events of one block, as leaves of its receipts root. */
export interface ClaimedReceipts {
  readonly leaves: readonly Uint8Array[];
  readonly certificate: ResultCertificate;
}

/** Receipts that a node says stand next to each other in one certified block. */
export interface ClaimedRun {
  readonly certificate: ResultCertificate;
  /** Of each transaction, as the stream numbered it. */
  readonly numbers: readonly number[];
  readonly leaves: readonly Uint8Array[];
  readonly proof: ListRangeProof;
  /** As in ClaimedReceipt, by number; most have none. */
  readonly advice: ReadonlyMap<number, ClaimedReceipt["advice"]>;
}

/** Transactions that a node did not take into its lane. */
export interface ClaimedRefusals {
  readonly numbers: readonly number[];
  readonly refusal: Refusal;
  /** Undefined: the same bytes are not welcome here later either. */
  readonly retryAfterMs: Millis | undefined;
}

export interface SubmitStreamEvents {
  /** How many may be without an outcome from now on. */
  readonly onCredit: (credit: number) => void;
  readonly onRuns: (runs: readonly ClaimedRun[]) => void;
  readonly onRefusals: (refusals: ClaimedRefusals) => void;
  /** Called once; nothing comes after it. */
  readonly onEnd: (error: NodeError) => void;
}

/** One open call: transactions are numbered from 0 in the order of sending. */
export interface SubmitStreamCall {
  send(transactions: readonly Uint8Array[]): void;
  cancel(): void;
}

/** A block with the batches that its cut names, as canonical bytes. */
export interface ClaimedBlock {
  readonly height: Height;
  readonly block: Uint8Array;
  readonly batches: readonly Uint8Array[];
  readonly certificate: ResultCertificate | undefined;
}

/** What a node says of itself; a rumour, good for showing and for finding a foreign chain. */
export interface ClaimedStatus {
  readonly chainId: Digest;
  readonly epoch: Epoch;
  readonly executedHeight: Height;
  /** 0 before the first. */
  readonly certifiedHeight: Height;
  /** Consensus keys of the spares that it knows: names to ask proofs for. */
  readonly spares: readonly PublicKey[];
  /** Versions of the state machine (rule VERSION); undefined where it says nothing of them. */
  readonly protocol: ClaimedProtocol | undefined;
  /** Members' results of a height that can't reach a quorum (rule SPLIT). */
  readonly split: ClaimedSplit | undefined;
}

export interface ClaimedProtocol {
  readonly version: number;
  readonly next: { readonly version: number; readonly height: Height } | undefined;
  /** Versions in the node's binary. */
  readonly held: readonly number[];
  /** Highest version that each member signalled, in the order of the set. */
  readonly ready: readonly { readonly key: PublicKey; readonly version: number }[];
}

export interface ClaimedSplit {
  readonly height: Height;
  /** Heaviest first. */
  readonly groups: readonly {
    readonly stateRoot: Digest;
    readonly receiptsRoot: Digest;
    readonly members: readonly PublicKey[];
  }[];
  /** First leaf of the state in which the node's own group and another differ; "" until found. */
  readonly firstDifference: string;
}

/**
 * One node's query service in the client's own terms. Failed calls throw NodeUnavailableError or
 * DoorRefusalError; an answer that is not even well-formed throws ProofError.
 */
export interface QueryNode {
  /** The network key is known once a connection was made. */
  readonly name: NodeName;
  submit(transaction: Uint8Array, limits: CallLimits): Promise<ClaimedReceipt>;
  submitStream(events: SubmitStreamEvents): Promise<SubmitStreamCall>;
  transaction(id: Digest, limits: CallLimits): Promise<ClaimedReceipt>;
  state(key: string, limits: CallLimits): Promise<ClaimedState>;
  epochProofs(from: Epoch, limits: CallLimits): Promise<readonly EpochProof[]>;
  receipts(height: Height, limits: CallLimits): Promise<ClaimedReceipts>;
  /** Canonical bytes of misconduct-proof transactions that the node holds. */
  evidence(limits: CallLimits): Promise<readonly Uint8Array[]>;
  status(limits: CallLimits): Promise<ClaimedStatus>;
  blocks(from: Height, to: Height, signal: AbortSignal): AsyncIterable<ClaimedBlock>;
  certificates(signal: AbortSignal): AsyncIterable<ResultCertificate>;
  /** From now on accept these network keys only; running calls end as they may. */
  pin(networkKeys: readonly PublicKey[]): void;
  close(): void;
}
