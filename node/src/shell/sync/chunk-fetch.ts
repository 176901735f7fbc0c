import { setTimeout as sleep } from "node:timers/promises";
import type { Millis } from "../../kernel/scalars.ts";
import type { LedgerLoader } from "../../ledger/ledger-loader.ts";
import type { SnapshotHead, SnapshotWriter } from "../disk/snapshot-store.ts";
import type { FatalError } from "../fatal-error.ts";
import type { ChunkPlan } from "./chunk-plan.ts";
import { inSteps, unreadableState } from "./snapshot-load.ts";
import type { SnapshotPeer, StateSyncPorts } from "./sync-ports.ts";

const RETRY_MS: Millis = 500;
const PROGRESS_MS: Millis = 5_000;
/** While chunks come, others are asked so often whether they have this snapshot by now. */
const RECRUIT_MS: Millis = 1_000;

interface FetchPorts extends StateSyncPorts {
  readonly head: SnapshotHead;
  readonly loader: LedgerLoader;
  readonly writer: SnapshotWriter;
}

/** The chunks of one snapshot, from several peers at once. */
export class ChunkFetch {
  readonly #ports: FetchPorts;
  readonly #plan: ChunkPlan;
  readonly #refusals = new Map<SnapshotPeer, string>();
  #writing: Promise<void> = Promise.resolve();
  readonly #all: number;
  readonly #recruits: Promise<void>[] = [];
  #failure: unknown;
  #isFalse = false;
  #unreadable: FatalError | undefined;
  #bytes = 0;
  #shownAt = 0;

  constructor(ports: FetchPorts, plan: ChunkPlan) {
    this.#ports = ports;
    this.#plan = plan;
    this.#all = ports.head.manifest.chunks.filter(({ kind }) => kind !== "empty").length;
  }

  /**
   * True when every chunk is here and verified. Of a manifest only the hashes are bound by the
   * root: where a chunk is right and its declaration is not, the source of the manifest is the
   * liar.
   */
  async run(
    peers: readonly SnapshotPeer[],
    holders: () => Promise<readonly SnapshotPeer[]>,
    lied: (peer: SnapshotPeer, code: string) => void,
    source: SnapshotPeer,
  ): Promise<boolean> {
    const served = new AbortController();
    this.#recruit(new Set(peers), holders, served.signal).catch((error: unknown) => {
      this.#failure = error;
    });
    await this.#serveAll(peers);
    // A question that is still open is not waited for.
    served.abort();
    await Promise.all(this.#recruits);
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#unreadable !== undefined) throw this.#unreadable;
    for (const [peer, code] of this.#refusals) lied(peer, code);
    if (this.#isFalse) lied(source, "MANIFEST_FALSE");
    return this.#plan.missing === 0;
  }

  async #serveAll(peers: readonly SnapshotPeer[]): Promise<void> {
    await Promise.all(peers.flatMap((peer) => [0, 1, 2, 3].map(() => this.#serve(peer))));
  }

  /** Who did not answer at first, or had no such snapshot yet, helps as soon as it can. */
  async #recruit(
    known: Set<SnapshotPeer>,
    holders: () => Promise<readonly SnapshotPeer[]>,
    served: AbortSignal,
  ): Promise<void> {
    while (!served.aborted) {
      await sleep(RECRUIT_MS, undefined, { signal: served }).catch(() => undefined);
      if (served.aborted) return;
      const fresh = (await holders()).filter((peer) => !known.has(peer));
      if (served.aborted) return;
      for (const peer of fresh) known.add(peer);
      this.#recruits.push(this.#serveAll(fresh));
    }
  }

  async #serve(peer: SnapshotPeer): Promise<void> {
    const { signal, head } = this.#ports;
    let failures = 0;
    const isOver = (): boolean => this.#isFalse || this.#unreadable !== undefined;
    const goesOn = (): boolean => this.#plan.missing > 0 && !isOver() && !signal.aborted;
    while (goesOn() && !this.#plan.isDropped(peer.key)) {
      const index = this.#plan.next(peer.key);
      if (index === undefined) {
        await sleep(RETRY_MS / 10);
        continue;
      }
      try {
        await this.#take(peer, index, await peer.chunk(head.manifest.height, index));
        failures = 0;
      } catch {
        this.#plan.failed(peer.key, index);
        failures += 1;
        // It is gone, or has pruned the snapshot: the others go on.
        if (failures > 10) return;
        await sleep(RETRY_MS);
      }
      await this.#ports.pause();
    }
  }

  async #take(peer: SnapshotPeer, index: number, chunk: Uint8Array): Promise<void> {
    const added = await inSteps(this.#ports.loader.addSteps(index, chunk));
    if (!added.ok && added.error.code === "MANIFEST_FALSE") {
      this.#isFalse = true;
      return;
    }
    // Its hash was right.
    const { height } = this.#ports.head.manifest;
    this.#unreadable ??= added.ok ? undefined : unreadableState(height, added.error);
    if (this.#unreadable !== undefined) return;
    if (!added.ok) {
      this.#refusals.set(peer, added.error.code);
      this.#plan.drop(peer.key);
      return;
    }
    if (!this.#plan.got(index)) return;
    this.#bytes += chunk.length;
    this.#writing = this.#writing.then(() => this.#ports.writer.add(index, chunk));
    this.#show();
  }

  #show(): void {
    const { head, progress, log } = this.#ports;
    const { height } = head.manifest;
    const all = this.#all;
    const done = all - this.#plan.missing;
    progress({ height, chunks: all, done, bytes: this.#bytes });
    const now = performance.now();
    if (now - this.#shownAt < PROGRESS_MS && done < all) return;
    this.#shownAt = now;
    log.info("state sync", { height, done, chunks: all, bytes: this.#bytes });
  }
}
