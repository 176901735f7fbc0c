import type { ListTree } from "../kernel/merkle.ts";
import type {
  Digest,
  Epoch,
  Height,
  MicroUsd,
  Millis,
  Power,
  PublicKey,
  Signature,
} from "../kernel/scalars.ts";
import type { AttestedResult, SignedStatement } from "../kernel/statements.ts";
import type { ValidatorSet } from "../kernel/validator-set.ts";
import type {
  ActionOutcome,
  Lots,
  MarginAction,
  MarginEvent,
  MarketAct,
  MarketId,
} from "../margin/types.ts";

/**
 * Possession of both keys and the owner's sponsor's money: what puts a spare on the chain
 * (SPONSOR).
 */
export interface SpareRegistration {
  readonly owner: PublicKey;
  readonly key: PublicKey;
  readonly networkKey: PublicKey;
  /** host:port of the peer listener. */
  readonly address: string;
  readonly bond: MicroUsd;
}

/** What a session's key may do. Withdrawals, stakes and sessions are never in it. */
export interface SessionScope {
  readonly place: boolean;
  readonly cancel: boolean;
  /** Ascending; empty: all markets. */
  readonly markets: readonly number[];
  /** Bounds of one order, in lots and in micro-USD (size x price); 0: none of the session's own. */
  readonly orderLotsMax: Lots;
  readonly orderNotionalMax: MicroUsd;
}

/** What a resize does to the set. */
export type ResizeChange =
  /** The registered spare of this key takes a new seat with this power. */
  | { readonly kind: "grow"; readonly key: PublicKey; readonly power: Power }
  /** The seat of this key ends, and its bond unbonds. */
  | { readonly kind: "shrink"; readonly key: PublicKey };

/** The canonical transactions; layouts in node/spec/encoding.md. */
export type Transaction =
  /** Orders, cancels and withdrawals of one account under one signature. */
  | {
      readonly kind: "bundle";
      readonly account: PublicKey;
      /** Unique per account within a sliding window of 1,024: resubmission is idempotent. */
      readonly nonce: number;
      readonly actions: readonly MarginAction[];
      readonly signature: Signature;
    }
  /** Statement `oracle-report` by a member of the epoch. */
  | { readonly kind: "oracle-report"; readonly report: SignedStatement }
  /** "This member is silent": the chain's own count decides. Compare and set by `setHash`. */
  | { readonly kind: "silence-record"; readonly member: PublicKey; readonly setHash: Digest }
  /**
   * Two statements of one key; build it with `misconductProof`, so that one pair has one encoding.
   * It names its chain, so that a foreign chain's proof is refused by name (EVIDENCE).
   */
  | {
      readonly kind: "misconduct-proof";
      readonly chainId: Digest;
      readonly first: SignedStatement;
      readonly second: SignedStatement;
    }
  /**
   * E6: a vote with the bytes of the block that it names, whose rounds break rule R2. It needs no
   * second signature: the block's id is the digest of its bytes.
   */
  | {
      readonly kind: "invalid-vote-proof";
      readonly chainId: Digest;
      readonly vote: SignedStatement;
      /** Canonical bytes of the block, as voted for. */
      readonly block: Uint8Array;
    }
  /** Cause (c): the seat's owner rotates its own key. */
  | {
      readonly kind: "owner-rotation";
      readonly member: PublicKey;
      readonly setHash: Digest;
      readonly nonce: number;
      readonly signature: Signature;
    }
  | {
      readonly kind: "register-spare";
      readonly registration: SpareRegistration;
      /** Statement `endorsement` of the registration digest by the consensus key. */
      readonly possession: SignedStatement;
      /** By the network key over the registration digest. */
      readonly networkSignature: Signature;
      /** By the owner's sponsor key over the registration digest: it moves the bond. */
      readonly sponsorSignature: Signature;
      /** By the owner's key: an endorsed spare needs no age (RATE). Empty: not endorsed. */
      readonly ownerSignature: Signature | undefined;
    }
  /** RETURN: after its jail term a key may be a spare again; signed by its owner. */
  | {
      readonly kind: "return-spare";
      readonly key: PublicKey;
      readonly nonce: number;
      readonly signature: Signature;
    }
  /** A spare or a jailed key goes for good and its bond unbonds; signed by its owner. */
  | {
      readonly kind: "exit-spare";
      readonly key: PublicKey;
      readonly nonce: number;
      readonly signature: Signature;
    }
  /** From an owner's treasury to an account; signed by the owner. */
  | {
      readonly kind: "treasury-withdraw";
      readonly owner: PublicKey;
      readonly account: PublicKey;
      readonly amount: MicroUsd;
      readonly nonce: number;
      readonly signature: Signature;
    }
  /** Absence notice: statement `endorsement` of absenceDigest(untilMs). */
  | { readonly kind: "absence"; readonly untilMs: Millis; readonly endorsement: SignedStatement }
  /** VERSION: the highest version in the member's binary; endorsement of readinessDigest. */
  | {
      readonly kind: "readiness";
      readonly version: number;
      readonly endorsement: SignedStatement;
    }
  /**
   * RATE: lets a second misconduct swap go ahead. `signer` is an owner: the seat's own suffices,
   * other owners count with the power of their seats until they are a quorum.
   */
  | {
      readonly kind: "approve-swap";
      readonly member: PublicKey;
      readonly signer: PublicKey;
      readonly signature: Signature;
    }
  /** MINT: only where genesis is marked dev. */
  | {
      readonly kind: "faucet";
      readonly account: PublicKey;
      readonly amount: MicroUsd;
      readonly nonce: number;
    }
  /** MINT: a quorum of the genesis custodians deposits, capped per window. */
  | {
      readonly kind: "custodian-deposit";
      readonly account: PublicKey;
      readonly amount: MicroUsd;
      readonly nonce: number;
      readonly signatures: readonly { readonly author: PublicKey; readonly signature: Signature }[];
    }
  /**
   * The account lets another key sign for it: until `expiresMs` of block time, within `scope`. The
   * session's name is the id of this transaction, which no second one can have.
   */
  | {
      readonly kind: "session";
      readonly account: PublicKey;
      /** Of the account, in one scope with those of its bundles. */
      readonly nonce: number;
      readonly key: PublicKey;
      readonly expiresMs: Millis;
      readonly scope: SessionScope;
      readonly signature: Signature;
    }
  /** Orders and cancels under one signature of the session's key. */
  | {
      readonly kind: "session-bundle";
      readonly account: PublicKey;
      readonly session: Digest;
      /** Of the session: sessions do not contend. */
      readonly nonce: number;
      readonly actions: readonly MarginAction[];
      readonly signature: Signature;
    }
  /** Ends a session at once. It needs no nonce: a session ends only once. */
  | {
      readonly kind: "revoke-session";
      readonly account: PublicKey;
      readonly session: Digest;
      readonly by: "account" | "session";
      readonly signature: Signature;
    }
  /**
   * SWAP: one seat more or one less, by a quorum of the owners. The set hash names epoch and set,
   * so that the signatures die with the epoch; within it they may be sent again until they take
   * effect.
   */
  | {
      readonly kind: "resize";
      readonly setHash: Digest;
      readonly change: ResizeChange;
      /** By owners of seats, sorted by author, each once. */
      readonly signatures: readonly { readonly author: PublicKey; readonly signature: Signature }[];
    }
  /**
   * PARAMETERS: what a quorum of the owners decides about a market: a restriction at once, all else
   * after the timelock.
   */
  | {
      readonly kind: "market-terms";
      readonly market: MarketId;
      readonly act: MarketAct;
      /** Of the market. */
      readonly nonce: number;
      /** Block time at which the signatures end. */
      readonly untilMs: Millis;
      /** By owners of seats, sorted by author, each once. */
      readonly signatures: readonly { readonly author: PublicKey; readonly signature: Signature }[];
    }
  /** Opaque bytes under a key, for measuring: only where a dev genesis has `keyValue`. Unsigned. */
  | { readonly kind: "put"; readonly key: Uint8Array; readonly value: Uint8Array };

/** One committed block as the ledger executes it. */
export interface ExecutableBlock {
  readonly epoch: Epoch;
  readonly round: number;
  readonly height: Height;
  readonly blockId: Digest;
  readonly timestampMs: Millis;
  readonly proposer: PublicKey;
  /**
   * Authors of the votes in the block's certificate, and of timeouts in its timeout certificate.
   */
  readonly voters: readonly PublicKey[];
  readonly signsOfLife: readonly SignedStatement[];
  /** Lanes in the block's cut, rotated by height (FAIR), each transaction with its lane. */
  readonly transactions: readonly { readonly lane: PublicKey; readonly bytes: Uint8Array }[];
  /** What consensus derives from the chain up to this block; bytes of its own (leaf `ordering`). */
  readonly ordering: Uint8Array;
}

/** Outcome of one transaction; a leaf of the receipts root. */
export interface Receipt {
  /** sha256 of the transaction's bytes. */
  readonly transaction: Digest;
  /** Stable code: "OK" or the refusal's. */
  readonly code: string;
  /** For refusals: which field, and what to do; `fix` is advice and in no leaf. */
  readonly field: string;
  readonly fix: string;
  /** For bundles: one per action. */
  readonly outcomes: readonly ActionOutcome[];
}

/**
 * What changed the set, and why; kept for ever under key `swap/<epoch>` (RETURN: reason recorded).
 */
export interface SwapRecord {
  /** Epoch that starts by it. */
  readonly epoch: Epoch;
  readonly height: Height;
  /**
   * "mute" and "unmute" keep the member: the epoch changes with the same set. "grow" adds a seat,
   * and "shrink" ends one.
   */
  readonly cause: "silence" | "misconduct" | "owner" | "mute" | "unmute" | "grow" | "shrink";
  /** Undefined where the set grows. */
  readonly leaver: PublicKey | undefined;
  /** Undefined where the member stays, or leaves without a newcomer. */
  readonly newcomer: PublicKey | undefined;
  /** Digest of the transaction that caused it. */
  readonly proof: Digest;
  /** Height at which the newcomer's key was registered; 0 if at genesis. */
  readonly newcomerRegisteredAt: Height;
  readonly power: Power;
}

export type LedgerEvent =
  | { readonly kind: "swap"; readonly swap: SwapRecord }
  | {
      readonly kind: "slashed";
      readonly key: PublicKey;
      readonly evidence: "E1" | "E2" | "E3" | "E4" | "E5" | "E6" | "E7" | "E8" | "E9" | "E10";
      readonly amount: MicroUsd;
      readonly seated: boolean;
    }
  | { readonly kind: "jailed"; readonly key: PublicKey; readonly untilMs: Millis }
  | { readonly kind: "spare-registered"; readonly key: PublicKey; readonly owner: PublicKey }
  /** From the reward pot to the treasury of the seat's owner, for one period. */
  | {
      readonly kind: "reward";
      readonly key: PublicKey;
      readonly owner: PublicKey;
      readonly amount: MicroUsd;
    }
  | { readonly kind: "margin"; readonly event: MarginEvent }
  /** VERSION: `height` is the first block of the version. */
  | {
      readonly kind: "protocol";
      readonly step: ProtocolStep;
      readonly version: number;
      readonly height: Height;
    };

/** An activation is fixed by a quorum's readiness, withdrawn for want of it, or it happens. */
export type ProtocolStep = "scheduled" | "withdrawn" | "active";

export interface ExecutionResult {
  readonly result: AttestedResult;
  readonly receipts: readonly Receipt[];
  readonly events: readonly LedgerEvent[];
  /** Leaves under receiptsRoot (receipts in order, then events) with their hashes. */
  readonly tree: ListTree;
  readonly nextSet: ValidatorSet | undefined;
}
