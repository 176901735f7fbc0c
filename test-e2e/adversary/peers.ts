import {
  type ClientReadableStream,
  credentials,
  status as grpcStatus,
  Server,
  ServerCredentials,
  type ServerWritableStream,
} from "@grpc/grpc-js";
import {
  type PeerMessage,
  PeersServiceClient,
  type PeersServiceServer,
  PeersServiceService,
  type SubscribeBulkRequest,
  type SubscribeBulkResponse,
  type SubscribeRequest,
  type SubscribeResponse,
} from "@quorate/proto/consensus/v1/consensus";
import { hexBytes } from "../stranger/bytes.ts";
import { type Leaf, serverName, trustAnchor } from "../stranger/pins.ts";
import type { Member } from "../stranger/sets.ts";

const RETRY_MS = 300;
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
const CHANNEL = {
  "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
  "grpc.max_reconnect_backoff_ms": RETRY_MS,
  "grpc.initial_reconnect_backoff_ms": RETRY_MS,
  "grpc.min_reconnect_backoff_ms": RETRY_MS,
} as const;

/** Mutual TLS by bare keys, as a peer listener does it; the pins follow the set. */
export class Pinned extends ServerCredentials {
  readonly #leaf: Leaf;

  constructor(leaf: Leaf, anchors: Buffer[]) {
    const { certificate: cert, key } = leaf;
    super(
      { requestCert: true, rejectUnauthorized: true },
      { ca: anchors, cert: [cert], key: [key], minVersion: "TLSv1.3" },
    );
    this.#leaf = leaf;
  }

  pin(anchors: Buffer[]): void {
    const { certificate: cert, key } = this.#leaf;
    this.updateSecureContextOptions({
      ca: anchors,
      cert: [cert],
      key: [key],
      minVersion: "TLSv1.3",
    });
  }

  override _equals(other: ServerCredentials): boolean {
    return other === this;
  }
}

export interface PeersOptions {
  readonly leaf: Leaf;
  readonly chainId: string;
  /** host:port where the validator listened. */
  readonly listen: string;
  readonly receive: (networkKey: string, message: PeerMessage) => void;
  readonly tell: (line: string) => void;
}

type ControlCall = ServerWritableStream<SubscribeRequest, SubscribeResponse>;
type BulkCall = ServerWritableStream<SubscribeBulkRequest, SubscribeBulkResponse>;

const NOTHING = { code: grpcStatus.UNIMPLEMENTED, details: "no snapshots here" };

/** The adversary's reach: its peers' consensus ports, and those who subscribe at its own. */
export class Peers {
  readonly #options: PeersOptions;
  readonly #server = new Server({ "grpc.max_send_message_length": MESSAGE_BYTES_MAX });
  readonly #subscribers = new Map<string, ControlCall>();
  readonly #clients = new Map<string, PeersServiceClient>();
  #credentials: Pinned | undefined;
  #isStopped = false;

  constructor(options: PeersOptions) {
    this.#options = options;
    const service: PeersServiceServer = {
      subscribe: (call) => this.#onSubscribe(call),
      // Batches flow here; the adversary has none.
      subscribeBulk: (call: BulkCall) => void call,
      // It has no snapshots.
      offerSnapshots: (_, reply) => reply(NOTHING, null),
      getSnapshotHead: (_, reply) => reply(NOTHING, null),
      getSnapshotChunk: (_, reply) => reply(NOTHING, null),
    };
    this.#server.addService(PeersServiceService, service);
  }

  /** Network keys of those that listen to the adversary now. */
  get subscribers(): readonly string[] {
    return [...this.#subscribers.keys()].sort();
  }

  async start(members: readonly Member[]): Promise<void> {
    const { leaf, listen } = this.#options;
    const own = new Pinned(leaf, await anchorsOf(members));
    this.#credentials = own;
    await new Promise<void>((resolve, reject) => {
      this.#server.bindAsync(listen, own, (error) => (error === null ? resolve() : reject(error)));
    });
    await this.follow(members);
  }

  /** The set changed: new pins, and a subscription at each member. */
  async follow(members: readonly Member[]): Promise<void> {
    this.#credentials?.pin(await anchorsOf(members));
    for (const member of members) {
      if (!this.#clients.has(member.networkKey)) await this.#connect(member);
    }
  }

  async #connect({ networkKey, address }: Member): Promise<void> {
    const { leaf } = this.#options;
    const anchor = await trustAnchor(networkKey);
    const tls = credentials.createSsl(anchor, leaf.key, leaf.certificate);
    const name = { "grpc.ssl_target_name_override": serverName(networkKey) };
    const client = new PeersServiceClient(address, tls, { ...CHANNEL, ...name });
    this.#clients.set(networkKey, client);
    this.#subscribe(client, networkKey);
  }

  #subscribe(client: PeersServiceClient, networkKey: string): void {
    if (this.#isStopped) return;
    const genesisHash = Buffer.from(hexBytes(this.#options.chainId));
    const stream: ClientReadableStream<SubscribeResponse> = client.subscribe({ genesisHash });
    let isOver = false;
    const again = (): void => {
      if (isOver || this.#isStopped) return;
      isOver = true;
      setTimeout(() => this.#subscribe(client, networkKey), RETRY_MS).unref();
    };
    stream.on("data", ({ message }: SubscribeResponse) => {
      if (message !== undefined) this.#options.receive(networkKey, message);
    });
    stream.on("error", (error) => {
      this.#options.tell(`peer ${networkKey.slice(0, 12)}: ${error.message}`);
      again();
    });
    stream.on("end", again);
  }

  #onSubscribe(call: ControlCall): void {
    const issuer = call.getAuthContext().sslPeerCertificate?.issuer.CN;
    const networkKey = Array.isArray(issuer) ? issuer[0] : issuer;
    if (networkKey === undefined) {
      const error = { code: grpcStatus.PERMISSION_DENIED, details: "no certificate" };
      call.emit("error", error);
      return;
    }
    this.#options.tell(`peer ${networkKey.slice(0, 12)} subscribed`);
    this.#subscribers.get(networkKey)?.end();
    this.#subscribers.set(networkKey, call);
    call.on("cancelled", () => {
      if (this.#subscribers.get(networkKey) === call) this.#subscribers.delete(networkKey);
    });
    // A subscriber waits for this mark before it signs (rule BURN): here nothing was seen of it.
    call.write({ message: undefined, echoComplete: true });
  }

  send(networkKey: string, message: PeerMessage): void {
    this.#subscribers.get(networkKey)?.write({ message, echoComplete: false });
  }

  stop(): void {
    this.#isStopped = true;
    for (const client of this.#clients.values()) client.close();
    this.#server.forceShutdown();
  }
}

async function anchorsOf(members: readonly Member[]): Promise<Buffer[]> {
  return Promise.all(members.map(({ networkKey }) => trustAnchor(networkKey)));
}
