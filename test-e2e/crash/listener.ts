import { type ClientReadableStream, credentials } from "@grpc/grpc-js";
import {
  PeersServiceClient,
  type SubscribeBulkResponse,
  type SubscribeResponse,
} from "@quorate/proto/consensus/v1/consensus";
import { pinnedName } from "../network/grpc-call.ts";
import type { NetworkNode } from "../network/network.ts";
import type { KeyPair } from "../stranger/keys.ts";
import { leaf, trustAnchor } from "../stranger/pins.ts";
import { statementsIn } from "./heard-statements.ts";
import type { StatementRecord } from "./statement-record.ts";

const RETRY_MS = 25;
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
const CHANNEL = {
  "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
  "grpc.max_reconnect_backoff_ms": RETRY_MS,
  "grpc.initial_reconnect_backoff_ms": RETRY_MS,
  "grpc.min_reconnect_backoff_ms": RETRY_MS,
  // Each stream needs a connection of its own, as the peers have it.
  "grpc.use_local_subchannel_pool": 1,
} as const;

type Stream = ClientReadableStream<Partial<SubscribeResponse> & SubscribeBulkResponse>;

interface Heard {
  /** Control streams opened so far: what a killed process said comes through an earlier one. */
  streams: number;
  /** First fresh vote of each control stream, local time in ms. */
  readonly firstVotes: Map<number, number>;
  client: PeersServiceClient;
  bulk: PeersServiceClient;
}

/**
 * Subscribes at validators under a spare's network key and records every signature that passes.
 */
export class Listener {
  readonly #record: StatementRecord;
  readonly #chainId: Buffer;
  readonly #key: KeyPair;
  readonly #heard = new Map<string, Heard>();
  readonly #unread: string[] = [];
  #isStopped = false;

  constructor(key: KeyPair, chainId: string, record: StatementRecord) {
    this.#key = key;
    this.#chainId = Buffer.from(chainId, "hex");
    this.#record = record;
  }

  /** Messages that could not be read: the recorder is blind to them. */
  get unread(): readonly string[] {
    return this.#unread;
  }

  async follow(nodes: readonly NetworkNode[]): Promise<void> {
    const { key, certificate } = await leaf(this.#key);
    for (const { identity, place } of nodes) {
      const anchor = await trustAnchor(identity.networkKey);
      const open = () => {
        const tls = credentials.createSsl(anchor, key, certificate);
        const options = { ...CHANNEL, ...pinnedName(identity.networkKey) };
        return new PeersServiceClient(place.peers, tls, options);
      };
      const heard: Heard = { streams: 0, firstVotes: new Map(), client: open(), bulk: open() };
      this.#heard.set(identity.key, heard);
      this.#subscribe(identity.key, heard);
      this.#subscribeBulk(heard);
    }
  }

  /** Control streams that were opened at the node so far. */
  streams(key: string): number {
    return this.#heard.get(key)?.streams ?? 0;
  }

  /** Local time of the node's first vote on a stream opened after `streams` of them. */
  votedSince(key: string, streams: number): number | undefined {
    for (const [stream, atMs] of this.#heard.get(key)?.firstVotes ?? []) {
      if (stream > streams) return atMs;
    }
    return undefined;
  }

  stop(): void {
    this.#isStopped = true;
    for (const { client, bulk } of this.#heard.values()) {
      client.close();
      bulk.close();
    }
  }

  #subscribe(author: string, heard: Heard): void {
    const stream: Stream = heard.client.subscribe({ genesisHash: this.#chainId });
    heard.streams += 1;
    const number = heard.streams;
    this.#read(
      stream,
      () => this.#subscribe(author, heard),
      (kind, by) => {
        if (kind !== "vote" || by !== author || heard.firstVotes.has(number)) return;
        heard.firstVotes.set(number, performance.now());
      },
    );
  }

  #subscribeBulk(heard: Heard): void {
    const stream: Stream = heard.bulk.subscribeBulk({ genesisHash: this.#chainId });
    this.#read(
      stream,
      () => this.#subscribeBulk(heard),
      () => undefined,
    );
  }

  #read(stream: Stream, again: () => void, fresh: (kind: string, author: string) => void): void {
    stream.on("data", ({ message }: Partial<SubscribeResponse>) => {
      if (message === undefined) return;
      try {
        for (const signed of statementsIn(message)) {
          const isFresh = this.#record.note(signed, "wire");
          if (isFresh) fresh(signed.statement.kind, signed.author);
        }
      } catch (error) {
        this.#unread.push(`${message.body?.$case}: ${String(error)}`);
      }
    });
    let isOver = false;
    const over = (): void => {
      if (isOver || this.#isStopped) return;
      isOver = true;
      setTimeout(() => {
        if (!this.#isStopped) again();
      }, RETRY_MS).unref();
    };
    stream.on("error", over);
    stream.on("end", over);
  }
}
