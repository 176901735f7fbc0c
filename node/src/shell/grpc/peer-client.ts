import { type ChannelCredentials, type ClientReadableStream, Metadata } from "@grpc/grpc-js";
import { ConnectLimit } from "@quorate/proto/connect-limit";
import {
  PeersServiceClient,
  type SubscribeBulkResponse,
  type SubscribeResponse,
} from "@quorate/proto/consensus/v1/consensus";
import type { PeerMessage } from "../../consensus/types.ts";
import type { Digest, Millis, PublicKey } from "../../kernel/scalars.ts";
import { messageFromWire } from "../wire/peer-wire.ts";
import { genesisBytes, MESSAGE_BYTES_MAX, payloadBytes } from "./peer-server.ts";
import { type Identity, pinnedClientCredentials, tlsName } from "./pinned-tls.ts";
import { TokenBucket } from "./token-bucket.ts";

/**
 * Between two attempts to connect. A node that starts again sends its votes on subscriptions that
 * its peers open, so they knock about every 100 ms: it has to vote again within 3 s (rule BURN).
 */
const RECONNECT_MS_MIN = 50;
const RECONNECT_MS_MAX = 150;
/** Between two streams on a connection that stands: the peer refuses this node. */
const REFUSED_MS_MIN = 50;
const REFUSED_MS_MAX = 500;
/** Receive window: a server's is fixed at 64 KiB, a client's is not (ADR 2). */
const WINDOW_BYTES = 8 * 1024 * 1024;
/** What one peer may cost: one token a message and one for every 4 KiB of its payload. */
const PEER_LIMITS = { perSecond: 5_000, burst: 10_000 };
const TOKEN_BYTES = 4_096;
/** A message that was refused costs this much more: a peer in the right has next to none. */
const REFUSED_COST = 100;

export interface PeerAddress {
  readonly networkKey: PublicKey;
  /** host:port */
  readonly address: string;
}

export type PeerClientEvent =
  | { readonly kind: "connected" | "disconnected" | "refused"; readonly peer: PeerAddress }
  /** The peer said something that no honest node says; the rest of the stream goes on. */
  | {
      readonly kind: "malformed";
      readonly peer: PeerAddress;
      readonly field: string;
      readonly fix: string;
    };

export interface PeerClientOptions {
  readonly identity: Identity;
  readonly chainId: Digest;
  readonly now: () => Millis;
  /** False where the message was refused: its sender is charged extra. */
  readonly receive: (from: PublicKey, message: PeerMessage) => boolean;
  /** The peer has sent all it last saw of this node's key (rule BURN). */
  readonly echoed: (from: PublicKey) => void;
  readonly observe: (event: PeerClientEvent) => void;
}

type Response = Partial<SubscribeResponse> & SubscribeBulkResponse;
type Stream = ClientReadableStream<Response>;

/** One subscription at one peer, opened again for as long as the peer is pinned. */
class Subscription {
  readonly #options: PeerClientOptions;
  readonly #peer: PeerAddress;
  readonly #bulk: boolean;
  readonly #bucket: TokenBucket;
  readonly #limit = new ConnectLimit();
  #client: PeersServiceClient | undefined;
  #stream: Stream | undefined;
  #timer: NodeJS.Timeout | undefined;
  #backOffMs = REFUSED_MS_MIN;
  #stopped = false;
  #connected = false;

  constructor(options: PeerClientOptions, peer: PeerAddress, bulk: boolean) {
    this.#options = options;
    this.#peer = peer;
    this.#bulk = bulk;
    this.#bucket = new TokenBucket(PEER_LIMITS, options.now());
  }

  get connected(): boolean {
    return this.#connected;
  }

  async start(): Promise<void> {
    const { identity } = this.#options;
    const credentials = await pinnedClientCredentials(identity, this.#peer.networkKey);
    if (!this.#stopped) this.#connect(credentials);
  }

  #connect(credentials: ChannelCredentials): void {
    const client = new PeersServiceClient(this.#peer.address, credentials, {
      "grpc.ssl_target_name_override": tlsName(this.#peer.networkKey),
      // Control and bulk differ here, so that grpc-js gives each a connection of its own.
      "grpc.primary_user_agent": this.#bulk ? "quorate-bulk" : "quorate-control",
      "grpc.use_local_subchannel_pool": 1,
      "grpc-node.flow_control_window": WINDOW_BYTES,
      "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
      "grpc.initial_reconnect_backoff_ms": RECONNECT_MS_MIN,
      "grpc.min_reconnect_backoff_ms": RECONNECT_MS_MIN,
      "grpc.max_reconnect_backoff_ms": RECONNECT_MS_MAX,
      "grpc.keepalive_time_ms": 2_000,
      "grpc.keepalive_timeout_ms": 2_000,
      "grpc.enable_retries": 0,
      "grpc.service_config_disable_resolution": 1,
    });
    this.#client = client;
    this.#limit.watch(client, () => {
      if (this.#stopped) return;
      this.#close();
      this.#setConnected(false);
      this.#connect(credentials);
    });
    this.#open();
  }

  stop(): void {
    this.#stopped = true;
    this.#close();
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.cancel();
    this.#client?.close();
  }

  #open(): void {
    const client = this.#client;
    if (this.#stopped || client === undefined) return;
    const request = { genesisHash: genesisBytes(this.#options.chainId) };
    // The call waits for the connection, so that it begins as soon as the peer is there.
    const metadata = new Metadata({ waitForReady: true });
    const stream: Stream = this.#bulk
      ? client.subscribeBulk(request, metadata)
      : client.subscribe(request, metadata);
    this.#stream = stream;
    stream.on("data", (response: Response) => this.#onData(stream, response));
    stream.on("error", () => this.#onEnd(stream));
    stream.on("end", () => this.#onEnd(stream));
  }

  #onData(stream: Stream, response: Response): void {
    if (stream !== this.#stream) return;
    const { echoed, now } = this.#options;
    this.#backOffMs = REFUSED_MS_MIN;
    this.#setConnected(true);
    const accepted = response.message === undefined || this.#receive(response.message);
    if (response.echoComplete === true) echoed(this.#peer.networkKey);
    const extra = accepted ? 0 : REFUSED_COST;
    const cost = 1 + extra + payloadBytes(response.message) / TOKEN_BYTES;
    const waitMs = this.#bucket.take(cost, now());
    if (waitMs === 0) return;
    // Backpressure instead of loss: the peer's own queue fills up, not ours.
    stream.pause();
    setTimeout(() => stream.resume(), waitMs).unref();
  }

  #receive(wire: NonNullable<Response["message"]>): boolean {
    const { receive, observe } = this.#options;
    const peer = this.#peer;
    const message = messageFromWire(wire);
    if (!message.ok) {
      observe({ kind: "malformed", peer, ...message.error });
      return false;
    }
    if (receive(peer.networkKey, message.value)) return true;
    observe({ kind: "refused", peer });
    return false;
  }

  #onEnd(stream: Stream): void {
    // An error and an end may both come, and a stream that was left says nothing.
    if (stream !== this.#stream || this.#timer !== undefined) return;
    this.#setConnected(false);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#open();
    }, this.#backOffMs);
    this.#backOffMs = Math.min(this.#backOffMs * 2, REFUSED_MS_MAX);
  }

  #setConnected(connected: boolean): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    if (this.#bulk) return;
    this.#options.observe({ kind: connected ? "connected" : "disconnected", peer: this.#peer });
  }
}

interface Connection {
  readonly peer: PeerAddress;
  readonly subscriptions: readonly Subscription[];
}

/** This node's subscriptions at all of its peers: a control and a bulk connection each. */
export class PeerClient {
  readonly #options: PeerClientOptions;
  readonly #connections = new Map<PublicKey, Connection>();

  constructor(options: PeerClientOptions) {
    this.#options = options;
  }

  /** Opens what is new, moves what has another address, closes what is gone. */
  async follow(peers: readonly PeerAddress[]): Promise<void> {
    const wanted = new Map(peers.map((peer) => [peer.networkKey, peer]));
    for (const [networkKey, { peer }] of this.#connections) {
      if (wanted.get(networkKey)?.address !== peer.address) this.#drop(networkKey);
    }
    const starts: Promise<void>[] = [];
    for (const [networkKey, peer] of wanted) {
      if (this.#connections.has(networkKey)) continue;
      const subscriptions = [false, true].map(
        (bulk) => new Subscription(this.#options, peer, bulk),
      );
      this.#connections.set(networkKey, { peer, subscriptions });
      for (const subscription of subscriptions) starts.push(subscription.start());
    }
    await Promise.all(starts);
  }

  isConnected(networkKey: PublicKey): boolean {
    return this.#connections.get(networkKey)?.subscriptions[0]?.connected ?? false;
  }

  stop(): void {
    for (const networkKey of [...this.#connections.keys()]) this.#drop(networkKey);
  }

  #drop(networkKey: PublicKey): void {
    const connection = this.#connections.get(networkKey);
    this.#connections.delete(networkKey);
    for (const subscription of connection?.subscriptions ?? []) subscription.stop();
    if (connection?.subscriptions[0]?.connected === true) {
      this.#options.observe({ kind: "disconnected", peer: connection.peer });
    }
  }
}
