import type { AuthorSignature, EpochProof, ResultCertificate } from "../kernel/certificates.ts";
import type {
  Digest,
  Epoch,
  Height,
  Millis,
  PublicKey,
  Round,
  Signature,
} from "../kernel/scalars.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import type { TreeNode, TreePath } from "../kernel/tree-node.ts";

/**
 * A quorum of votes for one block (Jolteon's QC). The epoch's genesis QC has round 0 and no
 * signatures.
 */
export interface QuorumCertificate {
  readonly epoch: Epoch;
  readonly round: Round;
  readonly blockId: Digest;
  /** `qcRound` of the votes: round of the certificate inside that block. */
  readonly qcRound: Round;
  readonly signatures: readonly AuthorSignature[];
}

/** A quorum of timeouts of one round. */
export interface TimeoutCertificate {
  readonly epoch: Epoch;
  readonly round: Round;
  readonly timeouts: readonly (AuthorSignature & { readonly hqcRound: Round })[];
  /** The certificate of the highest `hqcRound` above (only one full QC travels). */
  readonly highestQc: QuorumCertificate;
}

/** A quorum of order votes: commits the block and its ancestors (R5). */
export interface OrderCertificate {
  readonly epoch: Epoch;
  readonly round: Round;
  readonly blockId: Digest;
  readonly signatures: readonly AuthorSignature[];
}

/** Reference to a batch of a lane: the lane is its author's key. */
export interface BatchReference {
  readonly author: PublicKey;
  readonly sequence: number;
  readonly digest: Digest;
}

/** Transactions of one validator's lane; `digest` covers everything but the signature. */
export interface Batch {
  readonly author: PublicKey;
  /** 1, 2, 3 ... for the life of the key. */
  readonly sequence: number;
  readonly previous: Digest;
  readonly transactions: readonly Uint8Array[];
}

export interface SignedBatch {
  readonly batch: Batch;
  /** Canonical bytes as cut by the author: these are hashed, never a re-encoding. */
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  readonly signature: Signature;
}

export interface Block {
  readonly epoch: Epoch;
  readonly round: Round;
  readonly height: Height;
  readonly proposer: PublicKey;
  /** Block time, above the parent's. */
  readonly timestampMs: Millis;
  /** Certificate of the parent: `qc.blockId` is the parent's id. */
  readonly qc: QuorumCertificate;
  /** Present iff round != qc.round + 1: the proposer entered by timeout. */
  readonly tc: TimeoutCertificate | undefined;
  /** New batches of all lanes, contiguous per lane above what the parent chain has. */
  readonly cut: readonly BatchReference[];
  /**
   * Signed statements of members (votes, order votes, timeouts) and heartbeats (members, spares).
   */
  readonly signsOfLife: readonly SignedStatement[];
}

export interface SignedBlock {
  readonly block: Block;
  readonly id: Digest;
  /** Canonical bytes as received: these are hashed, never a re-encoding. */
  readonly bytes: Uint8Array;
  /** Proposer's signature of the proposal statement. */
  readonly signature: Signature;
}

/**
 * Why a block is committed: an order certificate on it, a child certified in the next round, or a
 * quorum that attested its result (the only one left for a block that ends its epoch, because its
 * successors in that epoch are void).
 */
export type CommitProof =
  | { readonly kind: "order"; readonly certificate: OrderCertificate }
  | { readonly kind: "two-chain"; readonly child: SignedBlock; readonly qc: QuorumCertificate }
  | { readonly kind: "attested"; readonly certificate: ResultCertificate };

/** Committed blocks of one epoch, oldest first, with what proves the last one and fills them. */
export interface ChainSegment {
  readonly epoch: Epoch;
  readonly blocks: readonly SignedBlock[];
  readonly batches: readonly SignedBatch[];
  readonly proof: CommitProof;
  /** Present where the segment ends the epoch. */
  readonly epochProof: EpochProof | undefined;
}

/** Rides on every message, so that a peer behind is sent what it lacks (R9). Claims, not proofs. */
export interface PeerStatus {
  readonly epoch: Epoch;
  readonly round: Round;
  readonly qcRound: Round;
  readonly committedHeight: Height;
}

export type PeerBody =
  | { readonly kind: "proposal"; readonly block: SignedBlock }
  | { readonly kind: "statement"; readonly signed: SignedStatement }
  /** An order vote travels with the QC it rests on, a timeout with its highest QC (and last TC). */
  | {
      readonly kind: "order-vote";
      readonly signed: SignedStatement;
      readonly qc: QuorumCertificate;
    }
  | {
      readonly kind: "timeout";
      readonly signed: SignedStatement;
      readonly highestQc: QuorumCertificate;
      readonly lastTc: TimeoutCertificate | undefined;
    }
  | {
      readonly kind: "certificates";
      readonly qc: QuorumCertificate | undefined;
      readonly tc: TimeoutCertificate | undefined;
      readonly order: OrderCertificate | undefined;
    }
  | { readonly kind: "batch"; readonly batch: SignedBatch }
  | { readonly kind: "block-request"; readonly epoch: Epoch; readonly blockId: Digest }
  | { readonly kind: "block-response"; readonly block: SignedBlock }
  | { readonly kind: "batch-request"; readonly references: readonly BatchReference[] }
  | { readonly kind: "chain-request"; readonly fromHeight: Height }
  | { readonly kind: "chain-response"; readonly segment: ChainSegment }
  | { readonly kind: "epoch-proof"; readonly proof: EpochProof }
  | { readonly kind: "result-certificate"; readonly certificate: ResultCertificate }
  /** SPLIT: what stands at a path of the state tree of a height whose results split. */
  | { readonly kind: "state-request"; readonly height: Height; readonly path: TreePath }
  | {
      readonly kind: "state-response";
      readonly height: Height;
      readonly path: TreePath;
      readonly node: TreeNode;
    };

/** What travels between peers; the sender is known from its pinned network key. */
export interface PeerMessage {
  readonly status: PeerStatus;
  readonly body: PeerBody;
}

/** A record of the durable chain log; replayed in order at start. */
export type ChainRecord =
  | { readonly kind: "block"; readonly block: SignedBlock }
  | { readonly kind: "batch"; readonly batch: SignedBatch }
  | { readonly kind: "qc"; readonly qc: QuorumCertificate }
  /** The certificate by which a round was entered that was then timed out. */
  | { readonly kind: "tc"; readonly tc: TimeoutCertificate }
  | { readonly kind: "committed"; readonly height: Height; readonly proof: CommitProof }
  | { readonly kind: "certified"; readonly certificate: ResultCertificate }
  | { readonly kind: "epoch"; readonly proof: EpochProof };
