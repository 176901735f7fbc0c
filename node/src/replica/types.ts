import type { Effect } from "../consensus/effects.ts";
import type { Input, TimerName } from "../consensus/inputs.ts";
import type { RepairPlan } from "../consensus/repair-plan.ts";
import type { JournalRecord } from "../consensus/safety-data.ts";
import type { ConsensusState } from "../consensus/state.ts";
import type { ChainRecord, SignedBatch, SignedBlock } from "../consensus/types.ts";
import type { EpochProof, ResultCertificate } from "../kernel/certificates.ts";
import type { DigestMap } from "../kernel/digest-map.ts";
import type { Refusal } from "../kernel/result.ts";
import type { Digest, Height, Millis, PublicKey } from "../kernel/scalars.ts";
import type { SignatureScheme, SignedStatement } from "../kernel/statements.ts";
import type { Checkpoint } from "../kernel/validator-set.ts";
import type { Genesis } from "../ledger/genesis-file.ts";
import type { Protocols } from "../ledger/protocol.ts";
import type { LedgerState } from "../ledger/state.ts";
import type { ExecutionResult } from "../ledger/types.ts";
import type { Ticks } from "../margin/types.ts";
import type { Execute } from "./re-execution.ts";

/** What one process is: its keys, its chain, and how signatures are checked. */
export interface ReplicaConfig {
  /** Genesis hash. */
  readonly chainId: Digest;
  readonly genesis: Genesis;
  readonly self: { readonly key: PublicKey; readonly networkKey: PublicKey };
  readonly scheme: SignatureScheme;
  /** Versions of the state machine in this binary (rule VERSION). */
  readonly protocols: Protocols;
  /**
   * What executes blocks, `executeBlock` where nothing is given: whoever runs many replicas in one
   * process may execute for all of them.
   */
  readonly execute?: Execute;
  /** What the owner decided about an epoch whose results split (rule SPLIT). */
  readonly repair?: RepairPlan | undefined;
  /** A set that the owner verified out of band: no other one of its epoch is followed. */
  readonly checkpoint?: Checkpoint | undefined;
}

/** A snapshot that was verified against its certificate: where a replica starts from. */
export interface ReplicaBase {
  readonly certificate: ResultCertificate;
  readonly block: SignedBlock;
  /** Ends of epochs since genesis, at least of all up to this height. */
  readonly epochProofs: readonly EpochProof[];
  readonly ledger: LedgerState;
}

/** What the shell read back from disk: the journal, and the chain log in order. */
export interface Recovered {
  readonly journal: readonly JournalRecord[];
  readonly chain: readonly ChainRecord[];
  /** None: the chain log begins at genesis. */
  readonly base?: ReplicaBase | undefined;
}

/** Chosen by the shell, unique while the process lives; names the client's call that waits. */
export type RequestId = number;

/** `duties` drives heartbeats, silence records and proofs of misconduct. */
export type ReplicaTimer = TimerName | "duties";

/** Everything that can happen to a replica. `now` (local clock, ms) is an argument of the step. */
export type ReplicaInput =
  | Exclude<Input, { readonly kind: "timer" | "transactions" | "duties" | "executed" }>
  | { readonly kind: "timer"; readonly timer: ReplicaTimer }
  /** Clients' transactions; each has exactly one effect `answer`, unless the process ends. */
  | { readonly kind: "submit"; readonly submissions: readonly Submission[] }
  /** The client no longer waits: the transaction stays queued, the answer is dropped. */
  | { readonly kind: "abandon"; readonly request: RequestId; readonly transaction: Digest }
  /** The price source's index price for a slot (floor((now - genesis time) / oracleSlotMs)). */
  | {
      readonly kind: "price";
      readonly market: number;
      readonly slot: number;
      readonly price: Ticks;
    };

export interface Submission {
  readonly request: RequestId;
  readonly transaction: Uint8Array;
}

/**
 * What its holder can verify alone: the receipt's place among the leaves of receiptsRoot, from
 * which `receiptProof` or `listRangeProof` make the path, and the quorum's certificate of that
 * root.
 */
export interface CertifiedReceipt {
  readonly height: Height;
  readonly position: number;
  readonly execution: ExecutionResult;
  readonly certificate: ResultCertificate;
}

export type Answer =
  | { readonly kind: "certified"; readonly receipt: CertifiedReceipt }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** A peer that may connect: pinned network key, and where it listens. */
export interface PeerPin {
  readonly key: PublicKey;
  readonly networkKey: PublicKey;
  /** host:port of the peer listener. */
  readonly address: string;
}

/**
 * What the replica asks of its shell, in order, with the barrier that consensus/effects.ts names.
 */
export type ReplicaEffect =
  | Exclude<
      Effect,
      { readonly kind: "set-timer" | "cancel-timer" | "execute" | "misconduct" | "invalid-vote" }
    >
  /** Replaces the timer of that name. Resume with input `timer`. */
  | { readonly kind: "set-timer"; readonly timer: ReplicaTimer; readonly at: Millis }
  | { readonly kind: "cancel-timer"; readonly timer: ReplicaTimer }
  | { readonly kind: "answer"; readonly request: RequestId; readonly answer: Answer }
  /** Members, spares and leavers that still serve history: everyone else is cut off (LISTENERS). */
  | { readonly kind: "pins-changed"; readonly pins: readonly PeerPin[] }
  /**
   * VERSION: the next block needs a version that this binary lacks. Nothing of it was executed, and
   * nothing is signed any more: the process ends by name.
   */
  | {
      readonly kind: "protocol-unsupported";
      readonly height: Height;
      readonly needed: number;
      readonly held: readonly number[];
    }
  /** One committed block was executed: for metrics, logs and watchers. */
  | { readonly kind: "executed"; readonly execution: ExecutionResult }
  /** SPLIT: the first leaf in which this node's group and another differ. For metrics and logs. */
  | { readonly kind: "difference-found"; readonly height: Height; readonly leaf: string }
  /** Evidence was found; the replica submits it by itself later (CAUSE). For metrics and logs. */
  | {
      readonly kind: "misconduct-found";
      readonly first: SignedStatement;
      /** Undefined for a vote that its own block convicts (E6). */
      readonly second: SignedStatement | undefined;
    };

export interface ReplicaStep {
  readonly state: ReplicaState;
  readonly effects: readonly ReplicaEffect[];
}

/** One executed block, as kept for receipts and queries. */
export interface ExecutedBlock {
  readonly block: SignedBlock;
  /** In the order of the block's cut. */
  readonly batches: readonly SignedBatch[];
  readonly execution: ExecutionResult;
}

/** Where a transaction was executed: the newest place, until one that settles it. */
export interface TransactionPlace {
  readonly height: Height;
  /** Position of its receipt in the block. */
  readonly position: number;
  /** Executed for good: the same bytes cannot be executed again. A refusal settles nothing. */
  readonly settled: boolean;
}

/** A transaction in this node's own lane that has no receipt yet. */
export interface QueuedTransaction {
  readonly requests: readonly RequestId[];
  readonly queuedAtMs: Millis;
  /** Height of a refusal before it was queued again; 0 if none. */
  readonly refusedAt: Height;
}

/** A duty of CAUSE: to be submitted when due, unless the chain has it by then. */
export interface PendingProof {
  readonly accused: PublicKey;
  readonly transaction: Uint8Array;
  readonly dueAtMs: Millis;
}

/** SPLIT: the search for the first leaf, in order of key hashes, in which two groups differ. */
export interface Difference {
  readonly height: Height;
  /** Members of the other group, asked one after the other. */
  readonly peers: readonly PublicKey[];
  readonly asked: number;
  /** So far the two states differ in the node at this path, which has this hash over there. */
  readonly path: string;
  readonly expected: Digest;
  /** Name of the leaf, or `sha256:<key hash>`; `receipts` where the states are equal. */
  readonly leaf: string | undefined;
}

/** Immutable: a step returns a new state and never changes its argument. */
export interface ReplicaState {
  readonly config: ReplicaConfig;
  readonly consensus: ConsensusState;
  /** State after the newest executed block. */
  readonly ledger: LedgerState;
  readonly executedHeight: Height;
  /** Newest states by height: the ones between the certified and the executed height. */
  readonly ledgers: ReadonlyMap<Height, LedgerState>;
  /** Newest executed blocks, by `heightKey`. */
  readonly executed: DigestMap<ExecutedBlock>;
  /** Lowest height in `executed`, and the receipts held in it. */
  readonly executedFrom: Height;
  readonly receiptsHeld: number;
  /** Certificates seen, by `heightKey`; those of the window of `executed`, or not executed yet. */
  readonly certificates: DigestMap<ResultCertificate>;
  /** Newest certificate whose state is held: what proofs are served at. */
  readonly certified: CertifiedState | undefined;
  /** Proof of every hand-over since genesis, oldest first. */
  readonly epochProofs: readonly EpochProof[];
  readonly spares: readonly PublicKey[];
  readonly places: Places;
  readonly queued: DigestMap<QueuedTransaction>;
  /** Heights whose receipts own clients wait for. */
  readonly awaited: readonly Height[];
  readonly pendingProofs: readonly PendingProof[];
  /** Own proofs against keys that the chain has condemned since, newest last. */
  readonly settledProofs: readonly Uint8Array[];
  /** When each duty transaction was last put into the own lane, by its id. */
  readonly dutySubmissions: ReadonlyMap<Digest, Millis>;
  /** Newest oracle slot signed, by market. */
  readonly oracleSlots: ReadonlyMap<number, number>;
  /** Last pins told to the shell, as one comparable text. */
  readonly pinsText: string;
  /** The search for the leaf in which two groups differ (rule SPLIT). */
  readonly difference: Difference | undefined;
  /** What peers that search were answered: the newest height of each, and how often. */
  readonly stateAnswers: ReadonlyMap<
    PublicKey,
    { readonly height: Height; readonly count: number }
  >;
  /** Set once the core asked to stop: this node signs and answers nothing further. */
  readonly halted: string | undefined;
}

export interface CertifiedState {
  readonly certificate: ResultCertificate;
  readonly ledger: LedgerState;
}

/** Two generations, so that the oldest half is forgotten at once and the index stays bounded. */
export interface Places {
  readonly newer: DigestMap<TransactionPlace>;
  readonly older: DigestMap<TransactionPlace>;
}
