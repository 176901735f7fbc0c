import { sha256Hex } from "../crypto/sha256.ts";
import { type EpochProof, type ResultCertificate, resultDigest } from "../kernel/certificates.ts";
import { Writer } from "../kernel/codec.ts";
import type { ConsensusParameters } from "../kernel/parameters.ts";
import {
  type Digest,
  type Epoch,
  type Height,
  type Millis,
  type PublicKey,
  type Round,
  ZERO_DIGEST,
} from "../kernel/scalars.ts";
import type { AttestedResult, SignatureScheme, SignedStatement } from "../kernel/statements.ts";
import { type Checkpoint, findMember, type ValidatorSet } from "../kernel/validator-set.ts";
import { type Ballots, NO_BALLOTS, type TimeoutBallot } from "./ballots.ts";
import type { ChainView, LanePosition } from "./chain-view.ts";
import { type Election, leaderOrder } from "./leader-election.ts";
import { type OrderedChain, startOrdering } from "./ordering.ts";
import type { OwnPast } from "./own-past.ts";
import { isGivenUp, NO_REPAIR, type RepairPlan, type RepairState } from "./repair-plan.ts";
import type { RoundTimer } from "./round-timer.ts";
import { freshSafetyData, type SafetyData } from "./safety-data.ts";
import type { Split } from "./split-groups.ts";
import type {
  Batch,
  Block,
  CommitProof,
  OrderCertificate,
  PeerMessage,
  PeerStatus,
  QuorumCertificate,
  SignedBatch,
  SignedBlock,
  TimeoutCertificate,
} from "./types.ts";

export interface ConsensusConfig {
  /** Genesis hash. */
  readonly chainId: Digest;
  readonly self: { readonly key: PublicKey; readonly networkKey: PublicKey };
  readonly parameters: ConsensusParameters;
  readonly scheme: SignatureScheme;
  /** What this node's owner decided about an epoch whose results split (rule SPLIT). */
  readonly repair?: RepairPlan | undefined;
  /** A set that this node's owner verified out of band (weak subjectivity). */
  readonly checkpoint?: Checkpoint | undefined;
  readonly genesisSet: ValidatorSet;
  readonly genesisTimeMs: Millis;
}

/** The last committed block of this epoch, or the epoch's genesis: new blocks descend from it. */
export interface Root {
  readonly id: Digest;
  readonly round: Round;
  readonly height: Height;
  readonly timestampMs: Millis;
  /** When its proposal came: empty blocks are paced from there (rule PACE). */
  readonly receivedAt: Millis;
  readonly view: ChainView;
}

/** A block above the root that is not committed (yet). */
export interface BlockNode {
  readonly signed: SignedBlock;
  readonly receivedAt: Millis;
  /** In the chain log, with its batches. */
  readonly stored: boolean;
  /** Why this node will never vote for it. */
  readonly refused: string | undefined;
}

/** A proven commit that this node has not made yet. */
export interface CommitTarget {
  readonly blockId: Digest;
  readonly round: Round;
  readonly proof: CommitProof;
}

/** This node executed the block that ends the epoch; the quorum's attestations are not here yet. */
export interface HandOver {
  readonly result: AttestedResult;
  readonly nextSet: ValidatorSet;
}

/** Everything that starts afresh with an epoch. */
export interface EpochState {
  /** Permutation of the members for leader election. */
  readonly order: readonly PublicKey[];
  readonly genesisQc: QuorumCertificate;
  readonly safety: SafetyData;
  readonly round: Round;
  readonly enteredAt: Millis;
  readonly roundDueAt: Millis;
  readonly proposeDueAt: Millis | undefined;
  readonly root: Root;
  readonly blocks: ReadonlyMap<Digest, BlockNode>;
  /** Verified certificates of the root and of blocks above it. */
  readonly certified: ReadonlyMap<Digest, QuorumCertificate>;
  readonly highestQc: QuorumCertificate;
  readonly highestTc: TimeoutCertificate | undefined;
  readonly highestOrder: OrderCertificate | undefined;
  /** Newest proof of a commit that still lacks blocks or batches. */
  readonly commitTarget: CommitTarget | undefined;
  /** Ballots of the newest rounds; a small map, because every vote copies it. */
  readonly ballots: ReadonlyMap<Round, Ballots>;
  /** Ballots of older rounds: late votes and evidence. */
  readonly oldBallots: ReadonlyMap<Round, Ballots>;
  readonly elections: readonly Election[];
  readonly storedQcRound: Round;
  readonly storedTcRound: Round;
  readonly orderVotedRound: Round;
  readonly proposedRound: Round;
  readonly draft:
    | { readonly block: Block; readonly id: Digest; readonly bytes: Uint8Array }
    | undefined;
  readonly ownVote: SignedStatement | undefined;
  readonly ownOrderVote: SignedStatement | undefined;
  readonly ownTimeout: TimeoutBallot | undefined;
  /** The certificate that the timeout being signed names. */
  readonly timeoutQc: QuorumCertificate | undefined;
  /** Timed-out rounds since the last commit (R8). */
  readonly failures: number;
  readonly newest: ReadonlyMap<
    PublicKey,
    { readonly signed: SignedStatement; readonly at: Millis }
  >;
  readonly heartbeats: ReadonlyMap<PublicKey, SignedStatement>;
  /** Misconduct already reported: `kind/index/author`. */
  readonly reported: ReadonlySet<string>;
  /** Blocks that break R2 by their rounds, bounded: votes for them are misconduct (E6). */
  readonly invalid: ReadonlyMap<Digest, SignedBlock>;
  readonly handOver: HandOver | undefined;
  /** A verified proof that this epoch ended at a block which is not executed here yet. */
  readonly pendingProof: EpochProof | undefined;
  /** Messages of the next epoch, bounded. */
  readonly future: readonly { readonly from: PublicKey; readonly message: PeerMessage }[];
}

export interface PooledBatch {
  readonly signed: SignedBatch;
  readonly stored: boolean;
  readonly receivedAt: Millis;
}

/** Data lanes outlive epochs. */
export interface LanesState {
  /** Batches that no committed block has ordered. */
  readonly pool: ReadonlyMap<Digest, PooledBatch>;
  /** Newest batch of this node's lane, signed or being signed. */
  readonly own: LanePosition;
  readonly draft:
    | { readonly batch: Batch; readonly digest: Digest; readonly bytes: Uint8Array }
    | undefined;
  readonly queue: readonly Uint8Array[];
  readonly queueBytes: number;
  /** This node's own transactions, ahead of its clients'. */
  readonly duties: readonly Uint8Array[];
  readonly dutyBytes: number;
  readonly cutDueAt: Millis | undefined;
  /** No batch is cut before: the signer refused the last one. */
  readonly refusedUntil: Millis;
}

export interface CommittedEntry {
  readonly signed: SignedBlock;
  readonly batches: readonly SignedBatch[];
  /** Undefined where the block was committed as an ancestor. */
  readonly proof: CommitProof | undefined;
  /** Lanes after this block. */
  readonly lanes: ReadonlyMap<PublicKey, LanePosition>;
}

/** Order, execution, certification: each lags the one before. */
export interface ChainState {
  /** A window of the newest committed blocks, oldest first, heights contiguous. */
  readonly committed: readonly CommittedEntry[];
  /** Height of the first entry; the next height if there is none. */
  readonly baseHeight: Height;
  readonly executed: Height;
  readonly executing: boolean;
  /** After the last block that was given to the ledger, which keeps it as a leaf. */
  readonly ordered: OrderedChain;
  /** This node's results above the certified height (and a few below). */
  readonly results: ReadonlyMap<Height, { readonly result: AttestedResult; readonly at: Millis }>;
  readonly attestations: ReadonlyMap<Height, ReadonlyMap<PublicKey, SignedStatement>>;
  /** Lowest height whose results can't reach a quorum (rule SPLIT). */
  readonly split: Split | undefined;
  /** Certificates that wait for execution, or for a lower height. */
  readonly waiting: ReadonlyMap<Height, ResultCertificate>;
  /** Newest height announced by `certified`. */
  readonly certified: Height;
  /** Certificates of the newest certified heights, to answer peers with. */
  readonly certificates: ReadonlyMap<Height, ResultCertificate>;
  readonly certificateSentAt: Millis;
  /** Element e-1 proves the end of epoch e. */
  readonly epochProofs: readonly EpochProof[];
  /** Certificates from the log, announced again while the chain is executed anew; never changed. */
  readonly replayed: ReadonlyMap<Height, ResultCertificate>;
}

/** A block or batch that is missing here. */
export interface Want {
  readonly request: "block" | "batch";
  readonly author: PublicKey;
  readonly sequence: number;
  readonly askedAt: Millis;
  readonly attempts: number;
  /** Proposers that ordered the batch, first one first: each was asked. */
  readonly namedBy: readonly PublicKey[];
}

export interface SyncState {
  readonly wants: ReadonlyMap<Digest, Want>;
  /** Positions that peers claim and that are ahead of this node; by network key. */
  readonly claims: ReadonlyMap<PublicKey, PeerStatus>;
  readonly asked: { readonly peer: PublicKey; readonly at: Millis } | undefined;
  readonly behindSince: Millis | undefined;
  readonly dueAt: Millis | undefined;
  /** When each peer was last helped (R9): `kind/network key`. */
  readonly helped: ReadonlyMap<string, Millis>;
}

/** The whole state of the core: immutable, changed only by `step`. */
export interface ConsensusState {
  readonly config: ConsensusConfig;
  readonly started: boolean;
  /** Why this node stopped for good; it signs nothing any more. */
  readonly halted: string | undefined;
  /** The set of the current epoch. */
  readonly set: ValidatorSet;
  readonly epoch: EpochState;
  readonly lanes: LanesState;
  readonly chain: ChainState;
  readonly sync: SyncState;
  readonly spares: readonly PublicKey[];
  /** Proposal to certificate of the newest successful rounds (R8). */
  readonly roundTimes: readonly Millis[];
  /** The timer that was last set; undefined before the first. */
  readonly timer: RoundTimer | undefined;
  readonly resendDueAt: Millis;
  readonly repair: RepairState;
  /** What the journal has of epochs that the chain log does not know yet. */
  readonly ownFuture: ReadonlyMap<Epoch, OwnPast>;
}

/** Everything that an epoch starts from. */
export interface EpochStart {
  readonly set: ValidatorSet;
  readonly height: Height;
  readonly timestampMs: Millis;
  readonly lanes: ReadonlyMap<PublicKey, LanePosition>;
  readonly genesisId: Digest;
}

/**
 * Id of the block that epoch `epoch` grows from; `last` is the result that ended the epoch before.
 */
export function epochGenesisId(
  chainId: Digest,
  epoch: Epoch,
  last: AttestedResult | undefined,
): Digest {
  const writer = new Writer().text("quorate/v1/epoch-genesis").hex32(chainId).u64(epoch);
  return sha256Hex(writer.hex32(last === undefined ? ZERO_DIGEST : resultDigest(last)).finish());
}

export function createEpoch(chainId: Digest, start: EpochStart, now: Millis): EpochState {
  const { set, genesisId } = start;
  const { epoch } = set;
  const genesisQc = { epoch, round: 0, blockId: genesisId, qcRound: 0, signatures: [] };
  const view = { lanes: start.lanes, late: new Map(), heartbeats: new Map() };
  const { height, timestampMs } = start;
  return {
    order: leaderOrder(chainId, set),
    genesisQc,
    safety: freshSafetyData(epoch),
    round: 1,
    enteredAt: now,
    roundDueAt: now,
    proposeDueAt: undefined,
    root: { id: genesisId, round: 0, height, timestampMs, receivedAt: now, view },
    blocks: new Map(),
    certified: new Map([[genesisId, genesisQc]]),
    highestQc: genesisQc,
    highestTc: undefined,
    highestOrder: undefined,
    commitTarget: undefined,
    ballots: new Map(),
    oldBallots: new Map(),
    elections: [{ round: 0, failed: new Map() }],
    storedQcRound: 0,
    storedTcRound: 0,
    orderVotedRound: 0,
    proposedRound: 0,
    draft: undefined,
    ownVote: undefined,
    ownOrderVote: undefined,
    ownTimeout: undefined,
    timeoutQc: undefined,
    failures: 0,
    newest: new Map(),
    heartbeats: new Map(),
    reported: new Set(),
    invalid: new Map(),
    handOver: undefined,
    pendingProof: undefined,
    future: [],
  };
}

const EMPTY_SYNC: SyncState = {
  wants: new Map(),
  claims: new Map(),
  asked: undefined,
  behindSince: undefined,
  dueAt: undefined,
  helped: new Map(),
};

const EMPTY_CHAIN: Omit<ChainState, "ordered"> = {
  committed: [],
  baseHeight: 1,
  executed: 0,
  executing: false,
  results: new Map(),
  attestations: new Map(),
  split: undefined,
  waiting: new Map(),
  certified: 0,
  certificates: new Map(),
  certificateSentAt: 0,
  epochProofs: [],
  replayed: new Map(),
};

/** A node that knows nothing but genesis. It acts from input `start` on. */
export function createConsensus(config: ConsensusConfig): ConsensusState {
  const { chainId, genesisSet, genesisTimeMs } = config;
  const start = {
    set: genesisSet,
    height: 0,
    timestampMs: genesisTimeMs,
    lanes: new Map(),
    genesisId: epochGenesisId(chainId, genesisSet.epoch, undefined),
  };
  return {
    config,
    started: false,
    halted: undefined,
    set: genesisSet,
    epoch: createEpoch(chainId, start, 0),
    lanes: {
      pool: new Map(),
      own: { sequence: 0, digest: ZERO_DIGEST },
      draft: undefined,
      queue: [],
      queueBytes: 0,
      duties: [],
      dutyBytes: 0,
      cutDueAt: undefined,
      refusedUntil: 0,
    },
    chain: { ...EMPTY_CHAIN, ordered: startOrdering(chainId, genesisSet, new Map()) },
    sync: EMPTY_SYNC,
    spares: [],
    roundTimes: [],
    timer: undefined,
    resendDueAt: 0,
    repair: NO_REPAIR,
    ownFuture: new Map(),
  };
}

/** What the members said in one round, as far as this node remembers. */
export function ballotsAt({ ballots, oldBallots }: EpochState, round: Round): Ballots {
  return ballots.get(round) ?? oldBallots.get(round) ?? NO_BALLOTS;
}

/**
 * True for a node that holds a seat in the current epoch and has not stopped; an epoch whose
 * results split, or that is given up, gets no signature any more (rule SPLIT).
 */
export function mayVote(state: ConsensusState): boolean {
  if (state.halted !== undefined || state.chain.split !== undefined) return false;
  // Below the checkpoint this node may be on a chain of old keys: it lends that no signature.
  if (state.set.epoch < (state.config.checkpoint?.epoch ?? 0)) return false;
  return !isGivenUp(state) && findMember(state.set, state.config.self.key) !== undefined;
}

/** This node's position, as every message carries it (R9). */
export function peerStatus(state: ConsensusState): PeerStatus {
  return {
    epoch: state.set.epoch,
    round: state.epoch.round,
    qcRound: state.epoch.highestQc.round,
    committedHeight: state.epoch.root.height,
  };
}
