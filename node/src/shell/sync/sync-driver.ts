import { setTimeout as sleep } from "node:timers/promises";
import type { Height, Millis, PublicKey } from "../../kernel/scalars.ts";
import type { ValidatorSet } from "../../kernel/validator-set.ts";
import type { ReplicaBase } from "../../replica/types.ts";
import type { PeerAddress } from "../grpc/peer-client.ts";
import type { Identity } from "../grpc/pinned-tls.ts";
import { GrpcSnapshotPeer } from "../grpc/snapshot-client.ts";
import type { Log } from "../log.ts";
import type { NodeMetrics } from "../metrics.ts";
import type { NodeDisk } from "../node-disk.ts";
import { StateSync, type Survey } from "./state-sync.ts";

/** Between two rounds of questions. */
const ASK_MS: Millis = 500;
/** After the first answer of a chain without snapshots, others have this long to offer one. */
const PATIENCE_MS: Millis = 1_500;
const WATCH_MS: Millis = 1_000;
/** Behind by so much, and without a new block for so long, a node asks whether history is gone. */
const BEHIND_BLOCKS = 64;
const STANDSTILL_MS: Millis = 5_000;
/** How often a node that waits for its checkpoint says so. */
const SAY_MS: Millis = 30_000;
/** One peer that claims to have the next block and never sends it holds nobody up for longer. */
const GIVEN_UP_MS: Millis = 30_000;

export interface SyncDriverOptions {
  readonly disk: Pick<NodeDisk, "trust" | "snapshots" | "epochs" | "isBare" | "isLost">;
  readonly identity: Identity;
  readonly ownNetworkKey: PublicKey;
  readonly bootstrap: readonly PeerAddress[];
  /** Pinned peers of today. */
  readonly pinned: () => readonly PeerAddress[];
  readonly height: () => Height;
  readonly now: () => Millis;
  readonly claimed: () => Height;
  readonly log: Log;
  readonly metrics: NodeMetrics;
  /** The node begins anew from this state. */
  readonly restart: (base: ReplicaBase) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * When a node fetches a snapshot: at its first start, before it asks for any block; and when it is
 * behind and nobody has the blocks that it lacks any more.
 */
export class SyncDriver {
  readonly #options: SyncDriverOptions;
  readonly #stop = new AbortController();
  readonly #peers = new Map<string, Promise<GrpcSnapshotPeer>>();
  readonly #open = new Map<PublicKey, GrpcSnapshotPeer>();
  readonly #sync: StateSync;
  #holds: boolean;

  constructor(options: SyncDriverOptions) {
    this.#options = options;
    const { disk, log, metrics } = options;
    this.#holds = disk.isBare || disk.trust.epochs.isBelowCheckpoint;
    this.#sync = new StateSync({
      trust: disk.trust,
      snapshots: disk.snapshots,
      peers: (set) => this.#reachable(set),
      keepProof: (proof) => disk.epochs.append(proof),
      log,
      progress: ({ chunks, done, bytes }) => {
        metrics.syncChunks.set({ stage: "all" }, chunks);
        metrics.syncChunks.set({ stage: "done" }, done);
        metrics.syncBytes.set(bytes);
      },
      lied: (peer) => metrics.syncLies.inc({ peer }),
      pause: () => new Promise((resolve) => setImmediate(resolve)),
      signal: this.#stop.signal,
    });
  }

  /** While true, the replica is given no message: it must not replay what a snapshot stands for. */
  get holds(): boolean {
    return this.#holds;
  }

  start(): void {
    const { fail } = this.#options;
    this.#run().catch((error: unknown) => {
      if (!this.#stop.signal.aborted) fail(error);
    });
  }

  stop(): void {
    this.#stop.abort();
    for (const peer of this.#open.values()) peer.close();
  }

  async #run(): Promise<void> {
    const { disk } = this.#options;
    if (disk.isBare) this.#warnOfAge();
    await this.#reachCheckpoint();
    if (disk.isBare && (await this.#first())) return;
    this.#holds = false;
    await this.#watch();
  }

  /** Dates stop nobody (rule TLS): a newcomer of an old chain is told what it rests on. */
  #warnOfAge(): void {
    const { disk, log, now } = this.#options;
    const { epochs, genesis } = disk.trust;
    const { genesisTimeMs, parameters } = genesis;
    const newest = epochs.proofs.at(-1)?.certificate.result.timestampMs ?? genesisTimeMs;
    const ageMs = now() - newest;
    if (epochs.checkpoint !== undefined || ageMs < trustPeriodMs(parameters.rotation)) return;
    log.warn(
      "weak subjectivity: bonds of the sets that this node trusts may be free; if not all of its " +
        "bootstrap peers are known to you, write a checkpoint into the configuration",
      { epoch: epochs.newest.epoch, ageMs, fix: "see checkpoint in node/docs/node.md" },
    );
  }

  /** No message is read before somebody has proven the way to the checkpoint's set. */
  async #reachCheckpoint(): Promise<void> {
    const { log, disk } = this.#options;
    const { epochs } = disk.trust;
    let saidAt = Number.NEGATIVE_INFINITY;
    while (epochs.isBelowCheckpoint && !this.#stop.signal.aborted) {
      await this.#survey();
      if (!epochs.isBelowCheckpoint) break;
      if (performance.now() - saidAt > SAY_MS) {
        saidAt = performance.now();
        const proven = { checkpoint: epochs.checkpoint?.epoch, proven: epochs.newest.epoch };
        log.warn("no peer proves the way to the checkpoint's set: nothing is believed yet", {
          ...proven,
          fix: "check that bootstrap names peers of this chain, and that checkpoint is of it",
        });
      }
      await this.#sleep(ASK_MS);
    }
  }

  /** True when a state was fetched; false when the chain has no snapshot yet. */
  async #first(): Promise<boolean> {
    let answeredAt: number | undefined;
    while (!this.#stop.signal.aborted) {
      const { offers, newest } = await this.#survey();
      if (newest !== undefined && (await this.#fetch(0))) return true;
      if (newest === undefined && offers.size > 0) answeredAt ??= performance.now();
      const waitedMs = answeredAt === undefined ? 0 : performance.now() - answeredAt;
      // Without a state that leads on from its snapshot, a node has nothing to go on with.
      if (waitedMs >= PATIENCE_MS && !this.#options.disk.isLost) return false;
      await this.#sleep(ASK_MS);
    }
    return true;
  }

  async #watch(): Promise<void> {
    let height = -1;
    let since = performance.now();
    while (!this.#stop.signal.aborted) {
      await this.#sleep(WATCH_MS);
      const own = this.#options.height();
      if (own !== height) since = performance.now();
      height = own;
      const isBehind = this.#options.claimed() - own > BEHIND_BLOCKS;
      if (!isBehind || performance.now() - since < STANDSTILL_MS) continue;
      const survey = await this.#survey();
      const stoodMs = performance.now() - since;
      if (needsState(survey, own, stoodMs) && (await this.#fetch(own))) return;
    }
  }

  async #survey(): Promise<Survey> {
    await Promise.all(
      this.#addresses(this.#options.disk.trust.epochs.newest).map((each) => {
        return this.#connect(each);
      }),
    );
    return this.#sync.survey();
  }

  async #fetch(own: Height): Promise<boolean> {
    const base = await this.#sync.fetch(own);
    if (base === undefined || this.#stop.signal.aborted) return false;
    this.#options.restart(base);
    return true;
  }

  async #sleep(ms: Millis): Promise<void> {
    const { signal } = this.#stop;
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }

  /** Those of this set that a connection was made for; others by the next survey. */
  #reachable(set: ValidatorSet): readonly GrpcSnapshotPeer[] {
    const keys = this.#addresses(set).map(({ networkKey }) => networkKey);
    return [...new Set(keys)].flatMap((key) => this.#open.get(key) ?? []);
  }

  #addresses(set: ValidatorSet): readonly PeerAddress[] {
    const { bootstrap, pinned, ownNetworkKey } = this.#options;
    const members = set.members.map(({ networkKey, address }) => ({ networkKey, address }));
    return [...members, ...pinned(), ...bootstrap].filter(({ networkKey }) => {
      return networkKey !== ownNetworkKey;
    });
  }

  /** One connection to each address; the newest one of a key is asked. */
  async #connect(peer: PeerAddress): Promise<void> {
    const name = `${peer.networkKey} ${peer.address}`;
    const { identity, disk } = this.#options;
    const { chainId } = disk.trust;
    const known = this.#peers.get(name);
    if (known !== undefined) return;
    const connecting = GrpcSnapshotPeer.connect(identity, chainId, peer);
    this.#peers.set(name, connecting);
    this.#open.get(peer.networkKey)?.close();
    this.#open.set(peer.networkKey, await connecting);
  }
}

/** Two thirds of the time in which bonds unbond: the rest is for evidence to be heard. */
export function trustPeriodMs({ unbondingMs }: { readonly unbondingMs: Millis }): Millis {
  return Math.floor((2 * unbondingMs) / 3);
}

/**
 * Somebody has a state above, and everybody who answered has pruned what this node needs next; or
 * nobody has given it for long, whatever they say.
 */
export function needsState({ offers, newest }: Survey, own: Height, stoodMs: Millis): boolean {
  if (newest === undefined || newest <= own) return false;
  if (stoodMs >= GIVEN_UP_MS) return true;
  return [...offers.values()].every(({ lowest }) => lowest > own + 1);
}
