import {
  status as grpcStatus,
  Server,
  type ServerWritableStream,
  type ServiceError,
} from "@grpc/grpc-js";
import {
  type PeersServiceServer,
  PeersServiceService,
  type SubscribeBulkRequest,
  type SubscribeBulkResponse,
  type SubscribeRequest,
  type SubscribeResponse,
} from "@quorate/proto/consensus/v1/consensus";
import type { PeerBody, PeerMessage } from "../../consensus/types.ts";
import { fromHex, toHex } from "../../kernel/bytes.ts";
import type { Digest, Millis, PublicKey } from "../../kernel/scalars.ts";
import { listenFailed } from "../fatal-error.ts";
import { messageToWire } from "../wire/peer-wire.ts";
import { Outbox } from "./outbox.ts";
import { type Identity, PinnedServerCredentials, peerNetworkKey } from "./pinned-tls.ts";
import { withSharedResponses } from "./serialize-once.ts";
import { type Authorised, SnapshotService, type SnapshotSource } from "./snapshot-service.ts";

/** Whole messages; a chain segment is cut by its maker to stay below. */
export const MESSAGE_BYTES_MAX = 32 * 1024 * 1024;

const BULK_KINDS: ReadonlySet<PeerBody["kind"]> = new Set(["batch", "chain-response"]);

export function isBulk(kind: PeerBody["kind"]): boolean {
  return BULK_KINDS.has(kind);
}

export interface PeerServerOptions {
  readonly identity: Identity;
  /** host:port */
  readonly listen: string;
  readonly chainId: Digest;
  /** Own statements of the subscriber that this node has seen last (rule BURN). */
  readonly echo: (subscriber: PublicKey) => readonly PeerMessage[];
  /** An unknown key was turned away, or a stream opened or closed: for logs and metrics. */
  readonly observe: (event: PeerServerEvent) => void;
  readonly snapshots: SnapshotSource;
  readonly now: () => Millis;
}

export type PeerServerEvent =
  | { readonly kind: "refused"; readonly networkKey: PublicKey | undefined; readonly code: string }
  | { readonly kind: "subscribed" | "unsubscribed"; readonly networkKey: PublicKey };

type ControlCall = ServerWritableStream<SubscribeRequest, SubscribeResponse>;
type BulkCall = ServerWritableStream<SubscribeBulkRequest, SubscribeBulkResponse>;

interface Subscription {
  readonly outbox: Outbox;
  readonly write: (response: SubscribeResponse & SubscribeBulkResponse) => boolean;
  readonly end: (code: number, problem: string) => void;
}

const CONTROL_LIMITS = { messagesMax: 8_192, bytesMax: 32 * 1024 * 1024 };
const BULK_LIMITS = { messagesMax: 8_192, bytesMax: 64 * 1024 * 1024 };

/** A broadcast is one object for all subscribers. */
const SHARED_RESPONSES: typeof PeersServiceService = {
  ...PeersServiceService,
  subscribe: withSharedResponses(PeersServiceService.subscribe),
  subscribeBulk: withSharedResponses(PeersServiceService.subscribeBulk),
};

/** The peer listener (rule TLS): pinned peers subscribe, and what this node says flows to them. */
export class PeerServer {
  readonly #options: PeerServerOptions;
  readonly #server: Server;
  readonly #control = new Map<PublicKey, Subscription>();
  readonly #bulk = new Map<PublicKey, Subscription>();
  readonly #credentials: PinnedServerCredentials;
  readonly #snapshots: SnapshotService;
  #pins: ReadonlySet<PublicKey>;

  private constructor(
    options: PeerServerOptions,
    pins: ReadonlySet<PublicKey>,
    credentials: PinnedServerCredentials,
  ) {
    this.#options = options;
    this.#pins = pins;
    this.#credentials = credentials;
    this.#snapshots = new SnapshotService({
      source: options.snapshots,
      now: options.now,
      authorise: (call) => this.#check(call, call.request.genesisHash),
    });
    this.#server = new Server({
      "grpc.max_receive_message_length": 64 * 1024,
      "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
      "grpc.keepalive_time_ms": 2_000,
      "grpc.keepalive_timeout_ms": 2_000,
    });
    const service: PeersServiceServer = {
      subscribe: (call) => this.#subscribe(call),
      subscribeBulk: (call) => this.#subscribeBulk(call),
      ...this.#snapshots.handlers,
    };
    this.#server.addService(SHARED_RESPONSES, service);
  }

  static async start(
    options: PeerServerOptions,
    pins: Iterable<PublicKey>,
  ): Promise<{ readonly server: PeerServer; readonly port: number }> {
    const set = new Set(pins);
    const credentials = await PinnedServerCredentials.create(options.identity, set);
    const server = new PeerServer(options, set, credentials);
    const port = await bind(server.#server, options.listen, credentials);
    return { server, port };
  }

  /** Network keys with an open control stream. */
  subscribers(): PublicKey[] {
    return [...this.#control.keys()];
  }

  /**
   * Rule LISTENERS: new pins hold for new connections, and a removed peer's open streams end now.
   */
  async repin(pins: Iterable<PublicKey>): Promise<void> {
    this.#pins = new Set(pins);
    this.#snapshots.keep(this.#pins);
    await this.#credentials.repin(this.#pins);
    for (const subscriptions of [this.#control, this.#bulk]) {
      for (const [networkKey, subscription] of subscriptions) {
        if (this.#pins.has(networkKey)) continue;
        subscriptions.delete(networkKey);
        subscription.end(grpcStatus.PERMISSION_DENIED, "the key was removed from the chain's set");
      }
    }
  }

  broadcast(message: PeerMessage): void {
    const bulk = isBulk(message.body.kind);
    const response = responseOf(message);
    for (const subscription of (bulk ? this.#bulk : this.#control).values()) {
      enqueue(subscription, message.body.kind, response);
    }
  }

  /** Dropped where the peer has no subscription: it asks again. */
  send(to: PublicKey, message: PeerMessage): void {
    const subscription = (isBulk(message.body.kind) ? this.#bulk : this.#control).get(to);
    if (subscription !== undefined) enqueue(subscription, message.body.kind, responseOf(message));
  }

  /** Messages that wait, and messages dropped, over all subscribers: for metrics. */
  queueDepth(): { readonly waiting: number; readonly dropped: number } {
    let waiting = 0;
    let dropped = 0;
    for (const { outbox } of [...this.#control.values(), ...this.#bulk.values()]) {
      waiting += outbox.length;
      dropped += outbox.dropped;
    }
    return { waiting, dropped };
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  #subscribe(call: ControlCall): void {
    const networkKey = this.#authorise(call, call.request.genesisHash);
    if (networkKey === undefined) return;
    const subscription = this.#open(this.#control, networkKey, call, CONTROL_LIMITS);
    for (const message of this.#options.echo(networkKey)) {
      enqueue(subscription, message.body.kind, responseOf(message));
    }
    enqueue(subscription, "statement", { message: undefined, echoComplete: true });
    this.#options.observe({ kind: "subscribed", networkKey });
  }

  #subscribeBulk(call: BulkCall): void {
    const networkKey = this.#authorise(call, call.request.genesisHash);
    if (networkKey !== undefined) this.#open(this.#bulk, networkKey, call, BULK_LIMITS);
  }

  /** Every call is checked again: a connection outlives the removal of its key's pin. */
  #authorise(call: ControlCall | BulkCall, genesisHash: Uint8Array): PublicKey | undefined {
    const checked = this.#check(call, genesisHash);
    if ("peer" in checked) return checked.peer;
    endCall(call, checked.code, checked.details);
    return undefined;
  }

  #check(call: Pick<ControlCall, "getAuthContext">, genesisHash: Uint8Array): Authorised {
    const networkKey = peerNetworkKey(call.getAuthContext()?.sslPeerCertificate);
    if (networkKey === undefined || !this.#pins.has(networkKey)) {
      this.#options.observe({ kind: "refused", networkKey, code: "UNKNOWN_PEER" });
      const details = "the key is not pinned by the chain's set";
      return { code: grpcStatus.PERMISSION_DENIED, details };
    }
    if (toHex(genesisHash) !== this.#options.chainId) {
      this.#options.observe({ kind: "refused", networkKey, code: "FOREIGN_CHAIN" });
      const details = `genesis_hash: this node follows chain ${this.#options.chainId}`;
      return { code: grpcStatus.FAILED_PRECONDITION, details };
    }
    return { peer: networkKey };
  }

  #open(
    subscriptions: Map<PublicKey, Subscription>,
    networkKey: PublicKey,
    call: ControlCall | BulkCall,
    limits: { readonly messagesMax: number; readonly bytesMax: number },
  ): Subscription {
    const outbox = new Outbox(limits);
    const subscription: Subscription = {
      outbox,
      write: (response) => call.write(response),
      end: (code, problem) => endCall(call, code, problem),
    };
    subscriptions.get(networkKey)?.end(grpcStatus.ABORTED, "a newer subscription took its place");
    subscriptions.set(networkKey, subscription);
    call.on("drain", () => outbox.drained());
    call.on("cancelled", () => {
      if (subscriptions.get(networkKey) !== subscription) return;
      subscriptions.delete(networkKey);
      this.#options.observe({ kind: "unsubscribed", networkKey });
    });
    return subscription;
  }
}

function responseOf(message: PeerMessage): SubscribeResponse {
  return { message: messageToWire(message), echoComplete: false };
}

/** Only for limits: the canonical payload counts, everything else is taken as a constant. */
export function payloadBytes(message: SubscribeResponse["message"]): number {
  const body = message?.body;
  switch (body?.$case) {
    case "proposal":
    case "blockResponse":
      return 1_024 + body.value.block.length;
    case "batch":
      return 1_024 + body.value.batch.length;
    case "chainResponse": {
      const blocks = body.value.blocks.reduce((sum, { block }) => sum + block.length, 0);
      return body.value.batches.reduce((sum, { batch }) => sum + batch.length, 1_024 + blocks);
    }
    default:
      return 1_024;
  }
}

function enqueue(
  subscription: Subscription,
  kind: PeerBody["kind"],
  response: SubscribeResponse,
): void {
  const write = (): boolean => subscription.write(response);
  subscription.outbox.push({ kind, bytes: payloadBytes(response.message), write });
}

function endCall(call: ControlCall | BulkCall, code: number, details: string): void {
  const error: Partial<ServiceError> = { code, details };
  call.emit("error", error);
}

/** Binds a gRPC server to host:port. Throws FatalError LISTEN_FAILED. */
export function bind(
  server: Server,
  address: string,
  credentials: Parameters<Server["bindAsync"]>[1],
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(listenFailed(address, error));
    });
  });
}

/** Bytes of a chain's hash as the subscription carries them. */
export function genesisBytes(chainId: Digest): Buffer {
  return Buffer.from(fromHex(chainId));
}
