import type { EpochProof, ResultCertificate } from "../kernel/certificates.ts";
import type { Digest, Height, Millis, PublicKey } from "../kernel/scalars.ts";
import type { AttestedResult, SignedStatement, Statement } from "../kernel/statements.ts";
import type { TimerName } from "./inputs.ts";
import type { TimerCause } from "./round-timer.ts";
import type { SafetyData } from "./safety-data.ts";
import type { Split } from "./split-groups.ts";
import type { ChainRecord, PeerMessage, SignedBatch, SignedBlock } from "./types.ts";

/**
 * What the core asks of its shell, in order. The barrier is at `sign`, the one thing that can't be
 * taken back: every earlier `store` is durable before a signature exists, and the core sends a
 * statement only after its `signed` input. A `store` alone delays nothing.
 */
export type Effect =
  /** Append to the chain log. Resume: none; durable before any later `sign` is made. */
  | { readonly kind: "store"; readonly record: ChainRecord }
  /**
   * Journal (epoch, kind, index, digest, safety) durably, sign, resume with input `signed`. The
   * signer refuses a second digest under one index, and returns the stored bytes for the same.
   */
  | { readonly kind: "sign"; readonly statement: Statement; readonly safety: SafetyData }
  | { readonly kind: "broadcast"; readonly message: PeerMessage }
  /** `to` is the network key of a peer; a message for a peer that is not connected is dropped. */
  | { readonly kind: "send"; readonly to: PublicKey; readonly message: PeerMessage }
  /** Replaces the timer of that name. Resume with input `timer`. */
  | { readonly kind: "set-timer"; readonly timer: TimerName; readonly at: Millis }
  | { readonly kind: "cancel-timer"; readonly timer: TimerName }
  /** Execute a committed block whose batches are all here. Resume with input `executed`. */
  | {
      readonly kind: "execute";
      readonly block: SignedBlock;
      /** In the order of the block's cut. */
      readonly batches: readonly SignedBatch[];
      /** What this block leaves of the order: a leaf of the state (ordering.ts). */
      readonly ordering: Uint8Array;
    }
  /**
   * A quorum attested a result; in order of height, each height at most once, gaps are possible.
   */
  | { readonly kind: "certified"; readonly certificate: ResultCertificate }
  /** Two signed statements that one honest key never makes. Resume: none. */
  | {
      readonly kind: "misconduct";
      readonly first: SignedStatement;
      readonly second: SignedStatement;
    }
  /** E6: a signed vote, and the canonical bytes of the block that it names. Resume: none. */
  | { readonly kind: "invalid-vote"; readonly vote: SignedStatement; readonly block: Uint8Array }
  | { readonly kind: "epoch-started"; readonly proof: EpochProof }
  /** History older than what is held in memory; resume with input `history`. */
  | { readonly kind: "load-history"; readonly to: PublicKey; readonly fromHeight: Height }
  /** This node's own result differs from a quorum's: stop signing, keep the disk, say why. */
  | {
      readonly kind: "halt";
      readonly reason: string;
      /** Where a quorum came to another result of the same height. */
      readonly differs?: {
        readonly own: AttestedResult;
        readonly certificate: ResultCertificate;
      };
    }
  /**
   * SPLIT: what was executed here is void. Every earlier `store` is made durable, then the process
   * ends and starts anew; it signs nothing more until then.
   */
  | { readonly kind: "restart"; readonly reason: string }
  /** For logs and metrics only. */
  | { readonly kind: "observe"; readonly event: ConsensusEvent };

export type ConsensusEvent =
  | { readonly kind: "round-entered"; readonly round: number; readonly by: "qc" | "tc" | "epoch" }
  | { readonly kind: "round-timed-out"; readonly round: number; readonly leader: PublicKey }
  /** T of the rounds from now on (rule PACE); both within the bounds of round-timer.ts. */
  | {
      readonly kind: "timer-changed";
      readonly previousMs: Millis;
      readonly nextMs: Millis;
      readonly cause: TimerCause;
    }
  | { readonly kind: "committed"; readonly height: Height; readonly transactions: number }
  | {
      readonly kind: "sign-of-life";
      readonly author: PublicKey;
      readonly statement: Statement["kind"];
    }
  /** Its attestation says another result than the quorum's; once for each member and height. */
  | { readonly kind: "wrong-root"; readonly author: PublicKey; readonly height: Height }
  /** It signed a block that no honest member signs; comes again if the block does. */
  | {
      readonly kind: "invalid-proposal";
      readonly author: PublicKey;
      readonly blockId: Digest;
      readonly code: string;
    }
  /** SPLIT: no result of the height can reach a quorum; and: one did after all. */
  | { readonly kind: "split"; readonly split: Split }
  | { readonly kind: "split-over"; readonly height: Height }
  | {
      readonly kind: "dropped";
      readonly from: PublicKey;
      readonly code: string;
      readonly field: string;
    };
