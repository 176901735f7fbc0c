import { setTimeout as sleep } from "node:timers/promises";
import type { EpochProof } from "../../kernel/certificates.ts";
import { DecodeError } from "../../kernel/codec.ts";
import type { Epoch, Height, Millis, PublicKey } from "../../kernel/scalars.ts";
import type { ValidatorSet } from "../../kernel/validator-set.ts";
import type { LedgerLoader } from "../../ledger/ledger-loader.ts";
import type { ReplicaBase } from "../../replica/types.ts";
import {
  decodeSnapshotHead,
  type SnapshotHead,
  type SnapshotStore,
  type SnapshotWriter,
} from "../disk/snapshot-store.ts";
import type { Log } from "../log.ts";
import { ChunkPlan } from "./chunk-plan.ts";
import { finishLoad, openLoader, type SnapshotTrust, verifyHead } from "./snapshot-load.ts";

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

export interface Survey {
  readonly offers: ReadonlyMap<SnapshotPeer, Offer>;
  /** Newest height that somebody offers; undefined: nobody has a snapshot. */
  readonly newest: Height | undefined;
}

const RETRY_MS: Millis = 500;
const PROGRESS_MS: Millis = 5_000;

/**
 * From genesis to a certified state without a block replayed: the ends of epochs prove today's set,
 * its quorum's certificate proves the manifest, and the manifest proves each chunk, whoever sent
 * it. A peer whose word does not verify is asked for nothing more; the others are asked in its
 * place.
 */
export class StateSync {
  readonly #ports: StateSyncPorts;
  readonly #liars = new Set<PublicKey>();

  constructor(ports: StateSyncPorts) {
    this.#ports = ports;
  }

  /** Asks everybody once; verified ends of epochs are kept. */
  async survey(): Promise<Survey> {
    const { epochs } = this.#ports.trust;
    const offers = new Map<SnapshotPeer, Offer>();
    const asked = new Set<PublicKey>();
    for (let more = true; more; ) {
      const { newest } = epochs;
      const peers = this.#honest(newest).filter(({ key }) => !asked.has(key));
      for (const { key } of peers) asked.add(key);
      await Promise.all(
        peers.map(async (peer) => {
          const offer = await this.#ask(peer);
          if (offer !== undefined) offers.set(peer, offer);
        }),
      );
      // A newer set may name peers that were unknown before.
      more = epochs.newest !== newest;
    }
    const heights = [...offers.values()].flatMap((offer) => offer.heights);
    const newest = heights.length === 0 ? undefined : Math.max(...heights);
    return { offers, newest };
  }

  /** The state above `own`, or undefined while nobody gives a snapshot above it. */
  async fetch(own: Height): Promise<ReplicaBase | undefined> {
    const { offers } = await this.survey();
    const heights = [...offers.values()].flatMap((offer) => offer.heights);
    const wanted = [...new Set(heights)]
      .filter((height) => height > own)
      .toSorted((left, right) => right - left);
    for (const height of wanted) {
      const holders = [...offers].flatMap(([peer, offer]) => {
        return offer.heights.includes(height) ? [peer] : [];
      });
      for (const source of holders) {
        if (this.#liars.has(source.key) || this.#ports.signal.aborted) continue;
        const head = await this.#head(source, height);
        if (head === undefined) continue;
        const base = await this.#load(head, holders, source);
        if (base !== undefined) return base;
      }
    }
    return undefined;
  }

  #honest(set: ValidatorSet): readonly SnapshotPeer[] {
    return this.#ports.peers(set).filter(({ key }) => !this.#liars.has(key));
  }

  #lied(peer: PublicKey, code: string): void {
    if (this.#liars.has(peer)) return;
    this.#liars.add(peer);
    this.#ports.lied(peer, code);
    this.#ports.log.warn("state sync: peer is asked for nothing more", { peer, code });
  }

  /** Undefined where it does not answer. Epochs are asked for until it has no more. */
  async #ask(peer: SnapshotPeer): Promise<Offer | undefined> {
    const { epochs } = this.#ports.trust;
    try {
      for (;;) {
        const offer = await peer.offer(epochs.newest.epoch);
        const fresh = offer.proofs.filter(({ nextSet }) => nextSet.epoch > epochs.newest.epoch);
        for (const proof of fresh) {
          // Another peer's answer may have brought it meanwhile.
          if (proof.nextSet.epoch <= epochs.newest.epoch) continue;
          const added = epochs.add(proof);
          if (!added.ok) {
            this.#lied(peer.key, added.error.code);
            return undefined;
          }
          await this.#ports.keepProof(proof);
        }
        if (fresh.length === 0) return offer;
      }
    } catch (error) {
      this.#noAnswer(peer, error);
      return undefined;
    }
  }

  #noAnswer({ key }: SnapshotPeer, error: unknown): void {
    if (error instanceof DecodeError) this.#lied(key, "MALFORMED");
    const reason = error instanceof Error ? error.message : String(error);
    this.#ports.log.debug("state sync: no answer", { peer: key, reason });
  }

  async #head(peer: SnapshotPeer, height: Height): Promise<SnapshotHead | undefined> {
    try {
      const head = decodeSnapshotHead(await peer.head(height));
      const verified = verifyHead(this.#ports.trust, head);
      if (verified.ok && head.manifest.height === height) return head;
      this.#lied(peer.key, verified.ok ? "HEIGHT_MISMATCH" : verified.error.code);
    } catch (error) {
      this.#noAnswer(peer, error);
    }
    return undefined;
  }

  async #load(
    head: SnapshotHead,
    holders: readonly SnapshotPeer[],
    source: SnapshotPeer,
  ): Promise<ReplicaBase | undefined> {
    const { trust, snapshots, pause, log } = this.#ports;
    const loader = openLoader(trust, head);
    const have = new Set<number>();
    const writer = await snapshots.resume(head, async (index, chunk) => {
      if (loader.add(index, chunk).ok) have.add(index);
      await pause();
    });
    const missing = head.manifest.chunks.flatMap(({ kind }, index) => {
      return kind === "empty" || have.has(index) ? [] : [index];
    });
    const { height } = head.manifest;
    log.info("state sync", { height, missing: missing.length, known: have.size });
    const fetched = new Fetch({ ...this.#ports, head, loader, writer }, new ChunkPlan(missing));
    const isWhole = await fetched.run(
      holders.filter(({ key }) => !this.#liars.has(key)),
      (peer, code) => this.#lied(peer.key, code),
      source,
    );
    if (!isWhole) {
      await writer.suspend();
      return undefined;
    }
    const state = await finishLoad(loader);
    if (!state.ok) {
      this.#lied(source.key, state.error.code);
      return undefined;
    }
    await writer.finish();
    log.info("state sync: the state is loaded and stored", { height });
    const { certificate, block } = head;
    return { certificate, block, epochProofs: trust.epochs.proofs, ledger: state.value };
  }
}

interface FetchPorts extends StateSyncPorts {
  readonly head: SnapshotHead;
  readonly loader: LedgerLoader;
  readonly writer: SnapshotWriter;
}

/** The chunks of one snapshot, from several peers at once. */
class Fetch {
  readonly #ports: FetchPorts;
  readonly #plan: ChunkPlan;
  readonly #refusals = new Map<SnapshotPeer, string>();
  #writing: Promise<void> = Promise.resolve();
  #isFalse = false;
  #bytes = 0;
  #shownAt = 0;

  constructor(ports: FetchPorts, plan: ChunkPlan) {
    this.#ports = ports;
    this.#plan = plan;
  }

  /**
   * True when every chunk is here and verified. Of a manifest only the hashes are bound by the
   * root: where a chunk is right and its declaration is not, the source of the manifest is the
   * liar.
   */
  async run(
    peers: readonly SnapshotPeer[],
    lied: (peer: SnapshotPeer, code: string) => void,
    source: SnapshotPeer,
  ): Promise<boolean> {
    await Promise.all(peers.flatMap((peer) => [0, 1, 2, 3].map(() => this.#serve(peer))));
    await this.#writing;
    for (const [peer, code] of this.#refusals) lied(peer, code);
    if (this.#isFalse) lied(source, "MANIFEST_FALSE");
    return this.#plan.missing === 0;
  }

  async #serve(peer: SnapshotPeer): Promise<void> {
    const { signal, head } = this.#ports;
    let failures = 0;
    const goesOn = (): boolean => this.#plan.missing > 0 && !this.#isFalse && !signal.aborted;
    while (goesOn() && !this.#plan.isDropped(peer.key)) {
      const index = this.#plan.next(peer.key);
      if (index === undefined) {
        await sleep(RETRY_MS / 10);
        continue;
      }
      try {
        this.#take(peer, index, await peer.chunk(head.manifest.height, index));
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

  #take(peer: SnapshotPeer, index: number, chunk: Uint8Array): void {
    const added = this.#ports.loader.add(index, chunk);
    if (!added.ok && added.error.code === "MANIFEST_FALSE") {
      this.#isFalse = true;
      return;
    }
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
    const { height, chunks } = head.manifest;
    const all = chunks.filter(({ kind }) => kind !== "empty").length;
    const done = all - this.#plan.missing;
    progress({ height, chunks: all, done, bytes: this.#bytes });
    const now = performance.now();
    if (now - this.#shownAt < PROGRESS_MS && done < all) return;
    this.#shownAt = now;
    log.info("state sync", { height, done, chunks: all, bytes: this.#bytes });
  }
}
