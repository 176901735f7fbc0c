import type { Refusal, Result } from "../kernel/result.ts";
import type { Digest, Round } from "../kernel/scalars.ts";
import type { AttestedResult } from "../kernel/statements.ts";
import type { Genesis } from "./genesis-file.ts";
import type { SnapshotManifest } from "./snapshot-manifest.ts";
import type { LedgerState } from "./state.ts";

/** What a loader trusts: the genesis, and a result with its quorum's certificate. */
export interface LoaderContext {
  readonly genesis: Genesis;
  readonly chainId: Digest;
  /** Verified against `certified`. */
  readonly manifest: SnapshotManifest;
  readonly certified: AttestedResult;
  /** The block of that height: its hash is in the result. */
  readonly block: { readonly round: Round };
}

/** Takes chunks in any order, one at a time, so that the caller can yield between them. */
export interface LedgerLoader {
  /** A chunk that was taken before is taken again without effect; empty chunks need not come. */
  add(index: number, bytes: Uint8Array): Result<void, Refusal>;
  /** The state, once all chunks are there. */
  finish(): Result<LedgerState, Refusal>;
}
