import { Client, credentials } from "@grpc/grpc-js";
import { PeersServiceService } from "@quorate/proto/consensus/v1/consensus";
import { pinnedName } from "../network/grpc-call.ts";
import type { NetworkNode } from "../network/network.ts";
import type { Leaf } from "../stranger/pins.ts";
import { trustAnchor } from "../stranger/pins.ts";
import type { Chance } from "./chance.ts";
import { fieldsOf } from "./mutate.ts";

/** Messages of one kind that are kept: the newest. */
const KEPT = 48;
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
/** `PeerMessage` inside a subscription's answer. */
const MESSAGE_FIELD = 1;

export const raw = (bytes: Buffer): Buffer => bytes;

/** Real answers to subscriptions, byte for byte, by what they carry. */
export class Corpus {
  readonly #kinds = new Map<number, Uint8Array[]>();
  readonly #clients: Client[] = [];

  get size(): number {
    return [...this.#kinds.values()].reduce((sum, kept) => sum + kept.length, 0);
  }

  /** Field numbers of the bodies that were recorded. */
  get kinds(): readonly number[] {
    return [...this.#kinds.keys()].toSorted((left, right) => left - right);
  }

  /** Records what the node says to the holder of the leaf, from now on. */
  async record(node: NetworkNode, leaf: Leaf, chainId: string): Promise<void> {
    const anchor = await trustAnchor(node.identity.networkKey);
    // SubscribeRequest: field 1, 32 bytes.
    const request = Buffer.concat([Buffer.from([0x0a, 32]), Buffer.from(chainId, "hex")]);
    for (const { path } of [PeersServiceService.subscribe, PeersServiceService.subscribeBulk]) {
      const tls = credentials.createSsl(anchor, leaf.key, leaf.certificate);
      const client = new Client(node.place.peers, tls, {
        "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
        "grpc.use_local_subchannel_pool": 1,
        ...pinnedName(node.identity.networkKey),
      });
      this.#clients.push(client);
      const stream = client.makeServerStreamRequest(path, raw, raw, request);
      stream.on("data", (bytes: Buffer) => this.#take(bytes));
      // The recording ends with the node, or with `stop`.
      stream.on("error", () => client.close());
    }
  }

  stop(): void {
    for (const client of this.#clients) client.close();
  }

  pick(chance: Chance): Uint8Array {
    const kept = this.#kinds.get(chance.pick(this.kinds)) ?? [];
    return chance.pick(kept);
  }

  #take(bytes: Buffer): void {
    const message = fieldsOf(bytes)?.find(({ number }) => number === MESSAGE_FIELD);
    const body = fieldsOf(message?.value ?? new Uint8Array(0))?.at(-1)?.number ?? 0;
    const kept = this.#kinds.get(body) ?? [];
    kept.push(Uint8Array.from(bytes));
    if (kept.length > KEPT) kept.shift();
    this.#kinds.set(body, kept);
  }
}
