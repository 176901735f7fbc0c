import type { PublicKey } from "../kernel/scalars.ts";
import type { AttestedResult, SignedStatement, Statement } from "../kernel/statements.ts";
import type { ValidatorSet } from "../kernel/validator-set.ts";
import type { ChainSegment, PeerMessage } from "./types.ts";

export type TimerName = "round" | "propose" | "batch" | "resend" | "sync";

/**
 * Everything that can happen to the consensus core. `now` (local clock, ms) is an argument of step.
 */
export type Input =
  /** A message of a peer. `from` is its network key, which TLS has authenticated. */
  | { readonly kind: "message"; readonly from: PublicKey; readonly message: PeerMessage }
  /** The signer made the signature that an earlier `sign` effect asked for; it is durable. */
  | { readonly kind: "signed"; readonly signed: SignedStatement }
  /**
   * The signer never makes this signature: the journal has another statement in its place, or the
   * ledger can't follow what it says, for that reason.
   */
  | {
      readonly kind: "refused";
      readonly statement: Statement;
      readonly reason?: string | undefined;
    }
  | { readonly kind: "timer"; readonly timer: TimerName }
  /** Clients' transactions for this node's own lane. */
  | { readonly kind: "transactions"; readonly transactions: readonly Uint8Array[] }
  /**
   * This node's own reports, records and proofs: ahead of its clients, in a reserve of their own.
   */
  | { readonly kind: "duties"; readonly transactions: readonly Uint8Array[] }
  /** The ledger executed a committed block (in order, each once per start). */
  | {
      readonly kind: "executed";
      readonly result: AttestedResult;
      /** The set of the next epoch, iff this block ends the epoch. */
      readonly nextSet: ValidatorSet | undefined;
      /** Keys of spares whose heartbeats may ride in blocks. */
      readonly spares: readonly PublicKey[];
    }
  /** A peer asked for history that only the durable log has; the shell loaded it. */
  | {
      readonly kind: "history";
      readonly to: PublicKey;
      readonly segment: ChainSegment;
    }
  /**
   * Once, after recovery: timers, re-execution of what was committed, re-sending of what was
   * signed.
   */
  | { readonly kind: "start" };
