import type { ResultCertificate } from "../../kernel/certificates.ts";
import type { ReplicaState } from "../../replica/types.ts";
import { encodeSnapshotHead } from "../disk/snapshot-store.ts";
import type { SnapshotSource } from "../grpc/snapshot-service.ts";
import type { NodeDisk } from "../node-disk.ts";
import { SnapshotTaker } from "./snapshot-taker.ts";
import { SyncDriver, type SyncDriverOptions } from "./sync-driver.ts";

export interface NodeSnapshotsOptions extends Omit<SyncDriverOptions, "disk" | "height"> {
  readonly disk: NodeDisk;
  readonly state: () => ReplicaState;
  /** Genesis parameter `consensus.snapshotBlocks`. */
  readonly every: number;
}

/** What peers are given. */
export function snapshotSource({ snapshots, store, epochs }: NodeDisk): SnapshotSource {
  return {
    epochProofs: () => epochs.proofs,
    heights: () => snapshots.served,
    lowest: () => store.lowest,
    head: (height) => {
      const head = snapshots.head(height);
      return head && encodeSnapshotHead(head);
    },
    chunk: (height, index) => snapshots.chunk(height, index),
  };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** A node's snapshots: taken, read back for peers, and fetched where this node lacks a state. */
export class NodeSnapshots {
  readonly #options: NodeSnapshotsOptions;
  readonly #taker: SnapshotTaker;
  readonly #driver: SyncDriver;

  constructor(options: NodeSnapshotsOptions) {
    this.#options = options;
    const { disk, state, every, metrics, log, fail } = options;
    const { snapshots, store } = disk;
    this.#taker = new SnapshotTaker({ snapshots, store, state, every, metrics, log, fail });
    this.#driver = new SyncDriver({ ...options, height: () => state().executedHeight });
  }

  /** While true, the replica is given no message: it must not replay what a snapshot stands for. */
  get holds(): boolean {
    return this.#driver.holds;
  }

  start(): void {
    this.#driver.start();
    this.#readOlder().catch(this.#options.fail);
  }

  certified(certificate: ResultCertificate): void {
    this.#taker.certified(certificate);
  }

  async stop(): Promise<void> {
    this.#driver.stop();
    await this.#taker.stop();
  }

  /** What the start did not need: older history and snapshots, for peers that ask. */
  async #readOlder(): Promise<void> {
    const { disk, log } = this.#options;
    await disk.snapshots.readOthers(pause, (height, reason) => {
      log.error("snapshot is not served: it is not whole", { height, reason });
    });
    await disk.store.indexOlder(pause);
  }
}
