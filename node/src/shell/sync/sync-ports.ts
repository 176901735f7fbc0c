import type { EpochProof } from "../../kernel/certificates.ts";
import type { Epoch, Height, PublicKey } from "../../kernel/scalars.ts";
import type { ValidatorSet } from "../../kernel/validator-set.ts";
import type { SnapshotStore } from "../disk/snapshot-store.ts";
import type { Log } from "../log.ts";
import type { SnapshotTrust } from "./snapshot-load.ts";

export interface Offer {
  readonly proofs: readonly EpochProof[];
  /** Newest first. */
  readonly heights: readonly Height[];
  readonly lowest: Height;
}

/** One peer that is asked; every call may reject, and then says nothing about the peer. */
export interface SnapshotPeer {
  readonly key: PublicKey;
  offer(fromEpoch: Epoch): Promise<Offer>;
  head(height: Height): Promise<Uint8Array>;
  chunk(height: Height, index: number): Promise<Uint8Array>;
}

export interface SyncProgress {
  readonly height: Height;
  readonly chunks: number;
  readonly done: number;
  readonly bytes: number;
}

export interface StateSyncPorts {
  readonly trust: SnapshotTrust;
  readonly snapshots: Pick<SnapshotStore, "resume">;
  /** Everybody who may have a snapshot, with the members of this set. */
  readonly peers: (set: ValidatorSet) => readonly SnapshotPeer[];
  /** A verified end of an epoch, to be kept for ever. */
  readonly keepProof: (proof: EpochProof) => Promise<void>;
  readonly log: Log;
  readonly progress: (progress: SyncProgress) => void;
  /** This peer sent what does not verify. */
  readonly lied: (peer: PublicKey, code: string) => void;
  readonly pause: () => Promise<unknown>;
  readonly signal: AbortSignal;
}
