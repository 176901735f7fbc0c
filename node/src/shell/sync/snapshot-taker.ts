import { setImmediate as pause } from "node:timers/promises";
import type { ResultCertificate } from "../../kernel/certificates.ts";
import type { Height } from "../../kernel/scalars.ts";
import { describeSteps, encodeChunk } from "../../ledger/snapshot.ts";
import type { LedgerState } from "../../ledger/state.ts";
import { executedBlock } from "../../replica/queries.ts";
import type { ReplicaState } from "../../replica/types.ts";
import type { ChainStore } from "../disk/chain-store.ts";
import { SNAPSHOT_RING, type SnapshotHead, type SnapshotStore } from "../disk/snapshot-store.ts";
import type { Log } from "../log.ts";
import type { NodeMetrics } from "../metrics.ts";
import { inSteps } from "./snapshot-load.ts";

/** A chunk is encoded, hashed and written within one turn of the event loop. */
export const CHUNK_BYTES = 262_144;

export interface SnapshotTakerOptions {
  readonly snapshots: SnapshotStore;
  readonly store: Pick<ChainStore, "rotate" | "prune">;
  readonly state: () => ReplicaState;
  /** Genesis parameter `consensus.snapshotBlocks`. */
  readonly every: number;
  readonly metrics: NodeMetrics;
  readonly log: Log;
  /** The chain log could not be made durable. */
  readonly fail: (error: unknown) => void;
}

/**
 * Takes a snapshot of the state at every certified height that is a multiple of `every`. A state is
 * immutable, so that it is written in slices between the steps of the replica; one at a time.
 */
export class SnapshotTaker {
  readonly #options: SnapshotTakerOptions;
  #taking: Promise<void> | undefined;
  #stopped = false;

  constructor(options: SnapshotTakerOptions) {
    this.#options = options;
    options.metrics.snapshotInterval.set(options.every);
    const [newest] = options.snapshots.heights;
    if (newest !== undefined) options.metrics.snapshotHeight.set(newest);
  }

  certified(certificate: ResultCertificate): void {
    const { height } = certificate.result;
    const { every, snapshots, log, fail } = this.#options;
    if (height % every !== 0 || snapshots.heights.includes(height) || this.#stopped) return;
    const state = this.#options.state();
    const ledger = state.ledgers.get(height);
    const block = executedBlock(state, height)?.block;
    if (this.#taking !== undefined || ledger === undefined || block === undefined) {
      log.warn("no snapshot of this height", { height, busy: this.#taking !== undefined });
      return;
    }
    this.#taking = this.#take({ certificate, block, ledger }).then(
      () => {
        this.#taking = undefined;
      },
      (error: unknown) => {
        this.#taking = undefined;
        fail(error);
      },
    );
  }

  /** What was begun is given up; a file without its name is removed at the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#taking;
  }

  async #take(
    of: Omit<SnapshotHead, "manifest"> & { readonly ledger: LedgerState },
  ): Promise<void> {
    const { store, snapshots, log } = this.#options;
    const { height } = of.certificate.result;
    await store.rotate(height);
    try {
      if (!(await this.#write(of, height))) return;
    } catch (error) {
      // The others of the ring, and the chain log, are as they were.
      this.#options.metrics.snapshotsFailed.inc();
      const reason = error instanceof Error ? error.message : String(error);
      log.error("the snapshot could not be written", { height, reason });
      // On a full disk, what is left of each would take the journal's space.
      await snapshots.discard(height);
      return;
    }
    await snapshots.prune();
    const oldest = snapshots.heights.at(SNAPSHOT_RING - 1);
    if (oldest !== undefined) await store.prune(oldest);
  }

  async #write(
    {
      certificate,
      block,
      ledger,
    }: Omit<SnapshotHead, "manifest"> & { readonly ledger: LedgerState },
    height: Height,
  ): Promise<boolean> {
    const { snapshots, log, metrics } = this.#options;
    const started = performance.now();
    const manifest = await inSteps(describeSteps(ledger, CHUNK_BYTES));
    let slowestMs = 0;
    const scratch = new Uint8Array(CHUNK_BYTES);
    const writer = await snapshots.create({ certificate, block, manifest });
    let bytes = 0;
    try {
      for (const [index, { kind }] of manifest.chunks.entries()) {
        if (this.#stopped) {
          await writer.close();
          return false;
        }
        if (kind === "empty") continue;
        await pause();
        const before = performance.now();
        const chunk = encodeChunk(ledger, manifest, index, scratch);
        bytes += chunk.length;
        const added = writer.add(index, chunk);
        slowestMs = Math.max(slowestMs, performance.now() - before);
        await added;
      }
      await writer.finish();
    } catch (cause) {
      await writer.close();
      throw cause;
    }
    const seconds = (performance.now() - started) / 1_000;
    metrics.snapshotHeight.set(height);
    metrics.snapshotBytes.set(bytes);
    metrics.snapshotSeconds.set(seconds);
    log.info("snapshot taken", { height, bytes, seconds, slowestSliceMs: slowestMs });
    return true;
  }
}
