import type { EpochProof } from "../../kernel/certificates.ts";
import { DecodeError } from "../../kernel/codec.ts";
import type { Height, PublicKey } from "../../kernel/scalars.ts";
import type { ValidatorSet } from "../../kernel/validator-set.ts";
import type { ReplicaBase } from "../../replica/types.ts";
import { decodeSnapshotHead, SNAPSHOT_RING, type SnapshotHead } from "../disk/snapshot-store.ts";
import { FatalError } from "../fatal-error.ts";
import { ChunkFetch } from "./chunk-fetch.ts";
import { ChunkPlan } from "./chunk-plan.ts";
import {
  inSteps,
  openLoader,
  SnapshotRefused,
  unreadableState,
  verifyHead,
} from "./snapshot-load.ts";
import type { Offer, SnapshotPeer, StateSyncPorts } from "./sync-ports.ts";
import type { TrustedEpochs } from "./trusted-epochs.ts";

export interface Survey {
  readonly offers: ReadonlyMap<SnapshotPeer, Offer>;
  /** Newest height that somebody offers; undefined: nobody has a snapshot. */
  readonly newest: Height | undefined;
}

/** A peer that offers and does not give so often counts for nothing for a while. */
const BROKEN_MAX = 3;
const HEIGHTS_MAX = 2 * SNAPSHOT_RING;

/** A ring is small: nobody has us ask for a thousand heights. */
function newestFew(heights: readonly Height[]): readonly Height[] {
  return heights.toSorted((left, right) => right - left).slice(0, HEIGHTS_MAX);
}

function holdersOf(offers: Survey["offers"], height: Height): readonly SnapshotPeer[] {
  return [...offers].flatMap(([peer, { heights }]) => (heights.includes(height) ? [peer] : []));
}

/**
 * From genesis to a certified state without a block replayed: the ends of epochs prove today's set,
 * its quorum's certificate proves the manifest, and the manifest proves each chunk, whoever sent
 * it. A peer whose word does not verify is asked for nothing more; the others are asked in its
 * place.
 */
export class StateSync {
  readonly #ports: StateSyncPorts;
  readonly #liars = new Set<PublicKey>();
  /** How often a peer offered a snapshot and then did not give it. */
  readonly #broken = new Map<PublicKey, number>();
  /** States up to this height are of epochs before the checkpoint's. */
  #tooOld: Height = 0;

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
    const kept = [...offers].filter(([{ key }]) => !this.#isEmpty(key));
    const heights = kept.flatMap(([, offer]) => {
      return offer.heights.filter((height) => height > this.#tooOld);
    });
    // Who broke its word may have been busy: it is asked again when nobody else has anything.
    if (heights.length === 0) this.#broken.clear();
    const newest = heights.length === 0 ? undefined : Math.max(...heights);
    return { offers, newest };
  }

  /** Its offers came to nothing, again and again: they hold nobody up. */
  #isEmpty(key: PublicKey): boolean {
    return (this.#broken.get(key) ?? 0) >= BROKEN_MAX;
  }

  #broke({ key }: SnapshotPeer): void {
    this.#broken.set(key, (this.#broken.get(key) ?? 0) + 1);
  }

  /** The state above `own`, or undefined while nobody gives a snapshot above it. */
  async fetch(own: Height): Promise<ReplicaBase | undefined> {
    const { offers } = await this.survey();
    const { epochs } = this.#ports.trust;
    // Whoever proves epochs below the checkpoint alone may be leading this node away.
    if (epochs.isBelowCheckpoint) return undefined;
    const heights = [...offers.values()].flatMap((offer) => offer.heights);
    const wanted = [...new Set(heights)]
      .filter((height) => height > Math.max(own, this.#tooOld))
      .toSorted((left, right) => right - left);
    for (const height of wanted) {
      const holders = holdersOf(offers, height);
      for (const source of holders) {
        const { key } = source;
        if (this.#liars.has(key) || this.#isEmpty(key) || this.#ports.signal.aborted) continue;
        const head = await this.#head(source, height);
        const isNewest = height === wanted[0];
        const base = head && (await this.#loaded(head, { holders, source, isNewest }));
        if (base !== undefined) return base;
        this.#broke(source);
      }
    }
    return undefined;
  }

  /** Who offers this height now: a peer may have been a block or a snapshot behind the others. */
  async #holders(height: Height): Promise<readonly SnapshotPeer[]> {
    return holdersOf((await this.survey()).offers, height);
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

  /**
   * Undefined where it does not answer. Epochs are asked for until it has no more. Below the
   * checkpoint each peer is followed by itself, and believed when it has come there: keys of a set
   * of long ago cannot bar the way by ends of epochs of their own.
   */
  async #ask(peer: SnapshotPeer): Promise<Offer | undefined> {
    const { epochs } = this.#ports.trust;
    const road = epochs.isBelowCheckpoint ? epochs.fork() : epochs;
    try {
      for (;;) {
        const offer = await peer.offer(road.newest.epoch);
        const fresh = offer.proofs.filter(({ nextSet }) => nextSet.epoch > road.newest.epoch);
        for (const proof of fresh) {
          if (!(await this.#follow(peer, road, proof))) return undefined;
        }
        if (fresh.length === 0) return { ...offer, heights: newestFew(offer.heights) };
      }
    } catch (error) {
      this.#noAnswer(peer, error);
      return undefined;
    }
  }

  /** False where the proof does not verify; once on firm ground, what led there is kept. */
  async #follow(peer: SnapshotPeer, road: TrustedEpochs, proof: EpochProof): Promise<boolean> {
    const { epochs } = this.#ports.trust;
    // Another peer's answer may have brought it meanwhile.
    if (proof.nextSet.epoch > road.newest.epoch) {
      const added = road.add(proof);
      if (!added.ok) {
        this.#lied(peer.key, added.error.code);
        return false;
      }
    }
    if (road.isBelowCheckpoint) return true;
    for (const proven of road === epochs ? [proof] : road.proofs) {
      if (road !== epochs && proven.nextSet.epoch > epochs.newest.epoch) epochs.add(proven);
      await this.#ports.keepProof(proven);
    }
    return true;
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
      const isThere = verified.ok && head.manifest.height === height;
      if (isThere && !this.#ports.trust.epochs.mayBegin(head.certificate.result.epoch)) {
        this.#tooOld = Math.max(this.#tooOld, height);
        return undefined;
      }
      if (isThere) return head;
      const code = verified.ok ? "HEIGHT_MISMATCH" : verified.error.code;
      // It may be a step ahead of the ends of epochs that it has shown.
      if (code !== "EPOCH_UNPROVEN") this.#lied(peer.key, code);
    } catch (error) {
      this.#noAnswer(peer, error);
    }
    return undefined;
  }

  /** An old state that this binary does not know any more is no reason to give up on the chain. */
  async #loaded(
    head: SnapshotHead,
    from: {
      readonly holders: readonly SnapshotPeer[];
      readonly source: SnapshotPeer;
      readonly isNewest: boolean;
    },
  ): Promise<ReplicaBase | undefined> {
    try {
      return await this.#load(head, from.holders, from.source);
    } catch (error) {
      if (from.isNewest || !(error instanceof FatalError)) throw error;
      if (error.code !== "PROTOCOL_UNSUPPORTED") throw error;
      this.#noAnswer(from.source, error);
      return undefined;
    }
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
      if ((await inSteps(loader.addSteps(index, chunk))).ok) have.add(index);
      await pause();
    });
    const missing = head.manifest.chunks.flatMap(({ kind }, index) => {
      return kind === "empty" || have.has(index) ? [] : [index];
    });
    const { height } = head.manifest;
    log.info("state sync", { height, missing: missing.length, known: have.size });
    const fetched = new ChunkFetch(
      { ...this.#ports, head, loader, writer },
      new ChunkPlan(missing),
    );
    const isWhole = await fetched.run(
      holders.filter(({ key }) => !this.#liars.has(key)),
      () => this.#holders(height),
      (peer, code) => this.#lied(peer.key, code),
      source,
    );
    if (!isWhole) {
      await writer.suspend();
      return undefined;
    }
    const state = await inSteps(loader.finishSteps());
    if (!state.ok) {
      await writer.suspend();
      throw unreadableState(height, state.error) ?? new SnapshotRefused(state.error);
    }
    await writer.finish();
    log.info("state sync: the state is loaded and stored", { height });
    const { certificate, block } = head;
    return { certificate, block, epochProofs: trust.epochs.proofs, ledger: state.value };
  }
}
