import {
  Client,
  credentials,
  Server,
  type ServerWritableStream,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { PeersServiceService } from "@quorate/proto/consensus/v1/consensus";
import { Pinned } from "../adversary/peers.ts";
import { pinnedName } from "../network/grpc-call.ts";
import type { NetworkNode } from "../network/network.ts";
import { type Leaf, trustAnchor } from "../stranger/pins.ts";
import type { Chance } from "./chance.ts";
import { type Corpus, raw } from "./corpus.ts";
import { mutated } from "./mutate.ts";

/** Between two messages to one subscriber. */
const EVERY_MS = 4;
const REQUEST_MS = 150;
/** SubscribeResponse with echo_complete. */
const ECHO_COMPLETE = Buffer.from([0x10, 0x01]);

type Call = ServerWritableStream<Buffer, Buffer>;

const method = (path: string) => ({
  path,
  requestStream: false,
  responseStream: true,
  requestSerialize: raw,
  requestDeserialize: raw,
  responseSerialize: raw,
  responseDeserialize: raw,
});

/** A member of the set that says nothing but nonsense, at a peer's full rate. */
export class BadMember {
  readonly #leaf: Leaf;
  readonly #corpus: Corpus;
  readonly #chance: Chance;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #clients: Client[] = [];
  #server: Server | undefined;
  #sent = 0;

  constructor(leaf: Leaf, corpus: Corpus, chance: Chance) {
    this.#leaf = leaf;
    this.#corpus = corpus;
    this.#chance = chance;
  }

  get sent(): number {
    return this.#sent;
  }

  /** Answers subscriptions at the member's address; pinned to the others, as they are to it. */
  async listen(address: string, others: readonly NetworkNode[]): Promise<void> {
    const anchors = others.map(({ identity }) => trustAnchor(identity.networkKey));
    const pinned = new Pinned(this.#leaf, await Promise.all(anchors));
    const server = new Server();
    const service: ServiceDefinition = {
      subscribe: method(PeersServiceService.subscribe.path),
      subscribeBulk: method(PeersServiceService.subscribeBulk.path),
    };
    server.addService(service, {
      subscribe: (call: Call) => this.#answer(call),
      subscribeBulk: (call: Call) => this.#answer(call),
    });
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(address, pinned, (error) => (error === null ? resolve() : reject(error)));
    });
    this.#server = server;
  }

  /** Stops answering: open streams end in the middle of whatever they carry. */
  silence(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
  }

  /** Knocks at the others with broken requests, again and again. */
  async knock(others: readonly NetworkNode[]): Promise<void> {
    for (const { identity, place } of others) {
      const anchor = await trustAnchor(identity.networkKey);
      const tls = credentials.createSsl(anchor, this.#leaf.key, this.#leaf.certificate);
      const client = new Client(place.peers, tls, {
        "grpc.use_local_subchannel_pool": 1,
        ...pinnedName(identity.networkKey),
      });
      this.#clients.push(client);
      this.#every(REQUEST_MS, () => this.#request(client));
    }
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const client of this.#clients) client.close();
    this.#server?.forceShutdown();
  }

  #answer(call: Call): void {
    call.write(ECHO_COMPLETE);
    const timer = this.#every(EVERY_MS, () => {
      if (call.cancelled) {
        clearInterval(timer);
        this.#timers.delete(timer);
        return;
      }
      this.#sent += 1;
      const chance = this.#chance;
      // Most are broken; some are true, so that the stream stays worth listening to.
      const valid = this.#corpus.pick(chance);
      const bytes =
        chance.below(8) === 0 ? valid : mutated(valid, this.#corpus.pick(chance), chance);
      if (call.writableLength < 1_000_000) call.write(Buffer.from(bytes));
    });
  }

  #request(client: Client): void {
    const chance = this.#chance;
    const path = chance.pick([
      PeersServiceService.subscribe.path,
      PeersServiceService.subscribeBulk.path,
      "/quorate.consensus.v1.PeersService/Nothing",
    ]);
    const size = chance.pick([0, 1, 33, 34, 35, 5_000, 70_000]);
    const stream = client.makeServerStreamRequest(path, raw, raw, Buffer.from(chance.bytes(size)));
    this.#sent += 1;
    const end = setTimeout(() => stream.cancel(), chance.below(300));
    stream.on("data", () => undefined);
    stream.on("error", () => clearTimeout(end));
  }

  #every(ms: number, act: () => void): NodeJS.Timeout {
    const timer = setInterval(act, ms);
    this.#timers.add(timer);
    return timer;
  }
}
