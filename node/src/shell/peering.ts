import type { PeerMessage, PeerStatus } from "../consensus/types.ts";
import type { Digest, Height, Millis, PublicKey } from "../kernel/scalars.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import { honestPowerMin } from "../kernel/threshold.ts";
import { powerOf, totalPower, type ValidatorSet } from "../kernel/validator-set.ts";
import type { PeerPin } from "../replica/types.ts";
import { LastSeen } from "./burn-guard.ts";
import { type PeerAddress, PeerClient } from "./grpc/peer-client.ts";
import { PeerServer } from "./grpc/peer-server.ts";
import type { Identity } from "./grpc/pinned-tls.ts";
import type { SnapshotSource } from "./grpc/snapshot-service.ts";
import type { Log } from "./log.ts";
import type { NodeMetrics } from "./metrics.ts";

export interface PeeringOptions {
  readonly identity: Identity;
  readonly listen: string;
  readonly chainId: Digest;
  readonly self: { readonly key: PublicKey; readonly networkKey: PublicKey };
  /** Where to find the chain when nobody of its genesis set is left. */
  readonly bootstrap: readonly PeerAddress[];
  readonly log: Log;
  readonly metrics: NodeMetrics;
  readonly now: () => Millis;
  readonly status: () => PeerStatus;
  /** False where the message was refused: forged, or more than the peer may have waiting. */
  readonly receive: (from: PublicKey, message: PeerMessage) => boolean;
  /** A message of this member arrived. */
  readonly heard: (member: PublicKey) => void;
  readonly echoed: (from: PublicKey) => void;
  readonly snapshots: SnapshotSource;
  readonly fail: (error: unknown) => void;
}

/** Both directions to all peers, and who may be one (rules TLS and LISTENERS). */
export class Peering {
  readonly #options: PeeringOptions;
  readonly #lastSeen = new LastSeen();
  readonly #heights = new Map<PublicKey, Height>();
  readonly #client: PeerClient;
  #server: PeerServer | undefined;
  #keyOf = new Map<PublicKey, PublicKey>();
  #pins: readonly PeerPin[] = [];
  #repinning: Promise<void> = Promise.resolve();

  constructor(options: PeeringOptions) {
    this.#options = options;
    const { identity, chainId, now, metrics, log } = options;
    this.#client = new PeerClient({
      identity,
      chainId,
      now,
      receive: (from, message) => this.#receive(from, message),
      echoed: options.echoed,
      observe: (event) => {
        const peer = event.peer.networkKey;
        if (event.kind === "malformed") {
          metrics.messagesMalformed.inc({ peer });
          log.debug("peer sent a malformed message", { peer, field: event.field, fix: event.fix });
          return;
        }
        if (event.kind === "refused") {
          metrics.messagesRefused.inc({ peer });
          return;
        }
        metrics.peerConnected.set({ peer }, event.kind === "connected" ? 1 : 0);
        log.debug(`peer ${event.kind}`, { peer, address: event.peer.address });
      },
    });
  }

  /** Listens and subscribes. Returns the port of the peer listener. */
  async start(pins: readonly PeerPin[]): Promise<number> {
    const { identity, listen, chainId, metrics, log, snapshots, now } = this.#options;
    this.#remember(pins);
    const { server, port } = await PeerServer.start(
      {
        identity,
        listen,
        chainId,
        snapshots,
        now,
        echo: (networkKey) => this.#echo(networkKey),
        observe: (event) => {
          if (event.kind !== "refused") return;
          metrics.peersRefused.inc({ code: event.code });
          log.debug("peer refused", { code: event.code, networkKey: event.networkKey });
        },
      },
      this.#networkKeys(),
    );
    this.#server = server;
    await this.#client.follow(this.addresses());
    return port;
  }

  /** The chain's set or spares changed. Changes are made one after the other. */
  repin(pins: readonly PeerPin[]): void {
    this.#remember(pins);
    this.#repinning = this.#repinning
      .then(async () => {
        await this.#server?.repin(this.#networkKeys());
        await this.#client.follow(this.addresses());
      })
      .catch((error: unknown) => this.#options.fail(error));
  }

  broadcast(message: PeerMessage): void {
    this.#server?.broadcast(message);
  }

  send(to: PublicKey, message: PeerMessage): void {
    this.#server?.send(to, message);
  }

  isConnected(networkKey: PublicKey): boolean {
    return this.#client.isConnected(networkKey);
  }

  queueDepth(): { readonly waiting: number; readonly dropped: number } {
    return this.#server?.queueDepth() ?? { waiting: 0, dropped: 0 };
  }

  /** Highest height that members with at least f+1 of the power claim to have committed. */
  claimedHeight(set: ValidatorSet): Height {
    const claims = set.members.map(({ key, networkKey }) => {
      return { key, height: this.#heights.get(networkKey) ?? 0 };
    });
    claims.sort((left, right) => right.height - left.height);
    const needed = honestPowerMin(totalPower(set));
    const keys: PublicKey[] = [];
    for (const { key, height } of claims) {
      keys.push(key);
      if (powerOf(set, keys) >= needed) return height;
    }
    return 0;
  }

  stop(): void {
    this.#client.stop();
    this.#server?.stop();
  }

  #receive(from: PublicKey, message: PeerMessage): boolean {
    const { metrics, heard, receive } = this.#options;
    metrics.messages.inc({ kind: message.body.kind });
    const author = this.#keyOf.get(from);
    if (author !== undefined) {
      this.#lastSeen.note(author, message.body);
      heard(author);
    }
    this.#heights.set(from, message.status.committedHeight);
    return receive(from, message);
  }

  /** What the subscriber's own key was last seen to sign, for its comparison (rule BURN). */
  #echo(networkKey: PublicKey): PeerMessage[] {
    const author = this.#keyOf.get(networkKey);
    if (author === undefined) return [];
    const status = this.#options.status();
    const body = (signed: SignedStatement) => ({ kind: "statement", signed }) as const;
    return this.#lastSeen.by(author).map((signed) => ({ status, body: body(signed) }));
  }

  #remember(pins: readonly PeerPin[]): void {
    const others = pins.filter(({ networkKey }) => networkKey !== this.#options.self.networkKey);
    this.#pins = others;
    this.#keyOf = new Map(others.map(({ key, networkKey }) => [networkKey, key]));
    this.#lastSeen.keep(new Set(others.map(({ key }) => key)));
    const { peerConnected } = this.#options.metrics;
    peerConnected.reset();
    for (const peer of this.#networkKeys()) {
      peerConnected.set({ peer }, this.#client.isConnected(peer) ? 1 : 0);
    }
    for (const peer of [...this.#heights.keys()]) {
      if (!this.#keyOf.has(peer)) this.#heights.delete(peer);
    }
  }

  #networkKeys(): PublicKey[] {
    return this.#pins.map(({ networkKey }) => networkKey);
  }

  /** Where pinned peers, and those of the configuration, listen. */
  addresses(): PeerAddress[] {
    const pinned = new Set(this.#networkKeys());
    const extra = this.#options.bootstrap.filter(
      ({ networkKey }) => !pinned.has(networkKey) && networkKey !== this.#options.self.networkKey,
    );
    return [...this.#pins.map(({ networkKey, address }) => ({ networkKey, address })), ...extra];
  }
}
