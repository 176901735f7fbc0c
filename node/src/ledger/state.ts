import type { PersistentMap } from "../kernel/persistent-map.ts";
import type {
  Digest,
  Epoch,
  Height,
  MicroUsd,
  Millis,
  Power,
  PublicKey,
  Round,
} from "../kernel/scalars.ts";
import type { ValidatorSet } from "../kernel/validator-set.ts";
import type { MarginState } from "../margin/state.ts";
import type { Genesis } from "./genesis-file.ts";
import type { StateTree } from "./state-tree.ts";
import type { SessionScope, SwapRecord } from "./types.ts";

/** Consensus key, network key, where it listens, whose it is, what it has at stake. */
export interface Candidate {
  readonly owner: PublicKey;
  readonly key: PublicKey;
  readonly networkKey: PublicKey;
  /** host:port of the peer listener. */
  readonly address: string;
  readonly bond: MicroUsd;
  /** Height of the key's registration; 0 at genesis. */
  readonly registeredAt: Height;
  /** The part of the bond that the sponsor key placed (rule SPONSOR): 0 for bonds of genesis. */
  readonly sponsored: MicroUsd;
}

/** A place in the set (rule SEAT). */
export interface Seat extends Candidate {
  readonly power: Power;
  readonly muted: boolean;
  /**
   * How often it was muted, each time within `newcomerSpanMs` of the last, and when last (RATE).
   */
  readonly mutes: number;
  readonly mutedAtMs: Millis;
  /** Ledger clock when it was seated. */
  readonly seatedAtMs: Millis;
  /** False for a newcomer that the vacated seat's owner had not endorsed (rule RATE). */
  readonly endorsed: boolean;
  /** E9: newest offence as (epoch, index), and until when its reports do not count. */
  readonly reportOffence: { readonly epoch: Epoch; readonly index: number } | undefined;
  readonly reportsJailedUntilMs: Millis;
}

export interface Spare extends Candidate {
  /** Number of the registration, counted over the chain: the order of PICK. */
  readonly order: number;
  readonly registeredMs: Millis;
  /** By its owner's signature (rule RATE). */
  readonly endorsed: boolean;
  /** Newest height whose certified root it attested (rule FIT); 0 if none. */
  readonly attested: Height;
}

/** Out by silence until the term is over (rule RETURN). */
export interface Jailed extends Candidate {
  readonly untilMs: Millis;
  /** Of the seat that it left. */
  readonly power: Power;
}

/** A bond on its way back to its owner's treasury: still slashable. */
export interface Unbonding {
  readonly owner: PublicKey;
  readonly key: PublicKey;
  readonly amount: MicroUsd;
  /** The sponsor's part, as the bond carried it: given back to the sponsor's limit. */
  readonly sponsored: MicroUsd;
  readonly releaseMs: Millis;
  /** Of the seat that it left; 0 for a spare. */
  readonly power: Power;
}

export interface Owner {
  readonly key: PublicKey;
  readonly sponsorKey: PublicKey;
  readonly treasury: MicroUsd;
  /** Bonds placed by the sponsor key and not yet returned (rule SPONSOR). */
  readonly sponsored: MicroUsd;
}

/** The last block of an epoch, or the height that a repair goes on from. */
export interface EpochEnd {
  /** Ledger clock, ms. */
  readonly atMs: Millis;
  readonly height: Height;
}

export type EvidenceKind = "E1" | "E2" | "E3" | "E4" | "E5" | "E6" | "E7" | "E8" | "E10";

/** A key that may sign for an account for a time. */
export interface Session {
  /** Of the transaction that opened it. */
  readonly id: Digest;
  readonly key: PublicKey;
  /** Block time from which on it signs nothing. */
  readonly expiresMs: Millis;
  readonly scope: SessionScope;
}

/** A key condemned for misconduct, for ever (rule RETURN). */
export interface Tombstone {
  readonly key: PublicKey;
  readonly evidence: EvidenceKind;
  readonly height: Height;
  readonly proof: Digest;
  /** Ledger clock of the condemnation: offenders within `slashCorrelationMs` weigh together. */
  readonly sinceMs: Millis;
  /** Of its seat, or of the seat that it left; 0 for a spare that never sat. */
  readonly power: Power;
  /** At the condemnation: what shares are taken of. */
  readonly bond: MicroUsd;
  /** In all so far; grows with those condemned after it. */
  readonly slashed: MicroUsd;
}

/**
 * A condemned key that still sits: its swap waits for approval, a spare, or the next epoch (RATE).
 */
export interface Condemned {
  readonly key: PublicKey;
  readonly proof: Digest;
  readonly sinceMs: Millis;
  readonly needsApproval: boolean;
  /** Owners that approved. */
  readonly approvals: readonly PublicKey[];
}

/** The chain's own count of one member's signs of life (rule SILENCE). */
export interface Liveness {
  /** Height and ledger clock of the last sign of any kind, or of the count's start. */
  readonly sinceHeight: Height;
  readonly sinceMs: Millis;
  /** The same for votes, order votes and timeouts alone. */
  readonly votedHeight: Height;
  readonly votedMs: Millis;
  /** Since when its votes came without a longer pause; undefined while they do not. */
  readonly votingSinceMs: Millis | undefined;
  /** Newest heartbeat that counted. */
  readonly heartbeat: Height;
  /** Newest rounds that counted in `roundsEpoch`; 0 if none. */
  readonly roundsEpoch: Epoch;
  readonly voteRound: Round;
  readonly orderVoteRound: Round;
  readonly timeoutRound: Round;
  /** Last absence notice: when it began and until when the count rests; 0 if none. */
  readonly absentFromMs: Millis;
  readonly absentUntilMs: Millis;
  /** Of the running period of rewards: time in which it served. */
  readonly servedMs: Millis;
}

/** Which version of the state machine executes blocks, and which one is to take over (VERSION). */
export interface ProtocolState {
  readonly version: number;
  /** `height` is the first block of the next version. */
  readonly activation: { readonly version: number; readonly height: Height } | undefined;
}

/** A member's newest word about the version of its binary, and the height at which it said so. */
export interface Readiness {
  readonly version: number;
  readonly height: Height;
}

/** What a heartbeat may name: a height, its root, and how old it is. */
export interface BlockMark {
  readonly epoch: Epoch;
  readonly height: Height;
  readonly round: Round;
  readonly timestampMs: Millis;
  readonly clockMs: Millis;
  readonly stateRoot: Digest;
}

/**
 * The whole state after one block. Immutable: a block makes a new one, and those of the last
 * heights stand side by side.
 */
export interface LedgerState {
  readonly genesis: Genesis;
  readonly chainId: Digest;
  /** Every leaf; used nonces are nowhere else. */
  readonly tree: StateTree;
  readonly stateRoot: Digest;

  readonly protocol: ProtocolState;
  readonly readiness: ReadonlyMap<PublicKey, Readiness>;
  readonly height: Height;
  /** Block time of the last block. */
  readonly timestampMs: Millis;
  /** Genesis time plus credited block time: one block adds at most `blockTimeCreditMsMax`. */
  readonly clockMs: Millis;
  /** Recent blocks, oldest first. */
  readonly marks: readonly BlockMark[];

  /** The set that the next block belongs to. */
  readonly set: ValidatorSet;
  readonly setHash: Digest;
  /** Where each past epoch ended, as far back as evidence reaches. */
  readonly epochEnds: ReadonlyMap<Epoch, EpochEnd>;
  /** SPLIT: last good height of each abandoned epoch, by its number; results above are void. */
  readonly voids: ReadonlyMap<string, Height>;
  readonly seats: ReadonlyMap<PublicKey, Seat>;
  readonly spares: ReadonlyMap<PublicKey, Spare>;
  readonly jailed: ReadonlyMap<PublicKey, Jailed>;
  readonly unbonding: ReadonlyMap<PublicKey, Unbonding>;
  readonly tombstones: ReadonlyMap<PublicKey, Tombstone>;
  readonly condemned: ReadonlyMap<PublicKey, Condemned>;
  readonly owners: ReadonlyMap<PublicKey, Owner>;
  /** Every consensus key that ever was on the chain, with its height: none comes twice. */
  readonly knownKeys: ReadonlyMap<PublicKey, Height>;
  /** Rotated by their owners in the last two epochs: they still serve history. */
  readonly leavers: readonly (Candidate & { readonly epoch: Epoch })[];

  readonly liveness: ReadonlyMap<PublicKey, Liveness>;
  /** Height of each proposer's newest block. */
  readonly proposedAt: ReadonlyMap<PublicKey, Height>;
  /** Newest change of the set by silence: a swap, a mute or an unmute (rule RATE). */
  readonly lastSilenceSwapMs: Millis | undefined;
  /** Newest proof against a seat. */
  readonly lastMisconductMs: Millis | undefined;
  readonly registrations: number;
  /** Newest swaps, oldest first; all of them stay in the state tree. */
  readonly swaps: readonly SwapRecord[];

  /** Open sessions of each account, oldest first; expired ones go with the blocks. */
  readonly sessions: PersistentMap<readonly Session[]>;

  readonly depositWindow: { readonly fromMs: Millis; readonly amount: MicroUsd };
  readonly slashedPot: MicroUsd;
  /** What rewards are paid of: from genesis, and the fees of strangers. */
  readonly rewardPot: MicroUsd;
  /** Ledger clock at which the running period of rewards began. */
  readonly rewardsFromMs: Millis;
  /** Went from accounts to treasuries since genesis, less what went back: may be negative. */
  readonly staked: MicroUsd;
  /** Deposits and faucet, withdrawals: all money that came and went since genesis. */
  readonly deposited: MicroUsd;
  readonly withdrawn: MicroUsd;
  readonly genesisMoney: MicroUsd;
  readonly margin: MarginState;
  /** What consensus derives from the chain up to this height; empty at genesis. */
  readonly ordering: Uint8Array;
}

export function freshLiveness(height: Height, clockMs: Millis, heartbeat: Height): Liveness {
  return {
    sinceHeight: height,
    sinceMs: clockMs,
    votedHeight: height,
    votedMs: clockMs,
    votingSinceMs: undefined,
    heartbeat,
    roundsEpoch: 0,
    voteRound: 0,
    orderVoteRound: 0,
    timeoutRound: 0,
    absentFromMs: 0,
    absentUntilMs: 0,
    servedMs: 0,
  };
}
