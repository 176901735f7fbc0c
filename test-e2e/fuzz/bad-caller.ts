import { type ChannelCredentials, Client, credentials, Metadata } from "@grpc/grpc-js";
import type { AccountKey } from "@quorate/client/account-key";
import { Bundle } from "@quorate/client/bundle";
import type { QuorateClient } from "@quorate/client/client";
import { clockNonces } from "@quorate/client/nonces";
import { ControlServiceService } from "@quorate/proto/control/v1/control";
import { QueryServiceService } from "@quorate/proto/query/v1/query";
import { pinnedName, within } from "../network/grpc-call.ts";
import type { NetworkNode } from "../network/network.ts";
import type { KeyPair } from "../stranger/keys.ts";
import { leaf, trustAnchor } from "../stranger/pins.ts";
import type { Chance } from "./chance.ts";
import { raw } from "./corpus.ts";
import { damaged, mutated } from "./mutate.ts";

const CALL_MS = 3_000;
const WAITING_MAX = 60;

interface Method {
  readonly path: string;
  readonly responseStream: boolean;
  /** A request that is answered, as bytes. */
  readonly valid: () => Uint8Array;
}

/** Calls of the query listener by a stranger, and of control by the operator's own key. */
export class BadCaller {
  readonly #chance: Chance;
  readonly #clients: Client[] = [];
  #waiting = 0;
  #sent = 0;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  get sent(): number {
    return this.#sent;
  }

  /** Returns a function that makes one call. */
  async query(node: NetworkNode, client: QuorateClient, account: AccountKey) {
    const anchor = await trustAnchor(node.identity.networkKey);
    const channel = this.#channel(node, node.place.query, credentials.createSsl(anchor));
    const methods = queryMethods(client, account, this.#chance);
    return () => this.#call(channel, this.#chance.pick(methods));
  }

  /** Returns a function that makes one call. */
  async control(node: NetworkNode, operator: KeyPair) {
    const { key, certificate } = await leaf(operator);
    const anchor = await trustAnchor(node.identity.networkKey);
    const tls = credentials.createSsl(anchor, key, certificate);
    const channel = this.#channel(node, node.place.control, tls);
    return () => this.#call(channel, this.#chance.pick(CONTROL_METHODS));
  }

  stop(): void {
    for (const client of this.#clients) client.close();
  }

  #channel(node: NetworkNode, address: string, tls: ChannelCredentials): Client {
    const client = new Client(address, tls, pinnedName(node.identity.networkKey));
    this.#clients.push(client);
    return client;
  }

  #call(client: Client, method: Method): void {
    if (this.#waiting >= WAITING_MAX) return;
    this.#waiting += 1;
    this.#sent += 1;
    const chance = this.#chance;
    const valid = method.valid();
    const bytes = chance.below(6) === 0 ? valid : mutated(valid, valid, chance);
    const path = chance.below(30) === 0 ? `${method.path}X` : method.path;
    const over = (): void => {
      this.#waiting -= 1;
    };
    const request = Buffer.from(bytes);
    if (!method.responseStream) {
      const call = client.makeUnaryRequest(
        path,
        raw,
        raw,
        request,
        new Metadata(),
        within(CALL_MS),
        over,
      );
      if (chance.below(8) === 0) setTimeout(() => call.cancel(), chance.below(100));
      return;
    }
    const stream = client.makeServerStreamRequest(path, raw, raw, request, within(CALL_MS));
    stream.on("data", () => undefined);
    stream.on("error", () => undefined);
    stream.on("close", over);
    if (chance.below(2) === 0) setTimeout(() => stream.cancel(), chance.below(500));
  }
}

const some = (count: number): Buffer => Buffer.alloc(count, 7);

function queryMethods(client: QuorateClient, account: AccountKey, chance: Chance): Method[] {
  const { bundleActionsMax: actionsMax } = client.genesis.parameters.margin;
  const nonces = clockNonces();
  const bundle = (): Uint8Array => {
    const signed = new Bundle({ chainId: client.chainId, account, nonces, actionsMax });
    for (let clientId = chance.below(4); clientId >= 0; clientId -= 1) {
      signed.place({ market: 0, clientId, side: "buy", size: 1n, price: 100_000n });
    }
    const { bytes } = signed.sign();
    return chance.below(2) === 0 ? bytes : damaged(bytes, chance);
  };
  const service = QueryServiceService;
  const height = (): bigint => BigInt(chance.below(Math.max(2, client.newestHeight + 2)));
  const unary = { responseStream: false };
  return [
    {
      ...{ ...unary, path: service.submit.path },
      valid: () => service.submit.requestSerialize({ transaction: Buffer.from(bundle()) }),
    },
    {
      ...{ ...unary, path: service.getTransaction.path },
      valid: () => service.getTransaction.requestSerialize({ transaction: some(32) }),
    },
    {
      ...{ ...unary, path: service.getState.path },
      valid: () =>
        service.getState.requestSerialize({ key: chance.pick(["set", "chain", "fund"]) }),
    },
    {
      ...{ ...unary, path: service.getAccount.path },
      valid: () =>
        service.getAccount.requestSerialize({ account: Buffer.from(account.publicKey, "hex") }),
    },
    {
      ...{ ...unary, path: service.getEpochProofs.path },
      valid: () => service.getEpochProofs.requestSerialize({ fromEpoch: height() }),
    },
    {
      ...{ path: service.getBlocks.path, responseStream: true },
      valid: () => service.getBlocks.requestSerialize({ fromHeight: height(), toHeight: height() }),
    },
    {
      ...{ ...unary, path: service.getReceipts.path },
      valid: () => service.getReceipts.requestSerialize({ height: height() }),
    },
    { path: service.watchCertificates.path, responseStream: true, valid: () => some(0) },
    { ...unary, path: service.getMarkets.path, valid: () => some(0) },
    { ...unary, path: service.getEvidence.path, valid: () => some(0) },
    { ...unary, path: service.getStatus.path, valid: () => some(0) },
  ];
}

const CONTROL_METHODS: readonly Method[] = [
  {
    path: ControlServiceService.getIdentity.path,
    responseStream: false,
    valid: () =>
      ControlServiceService.getIdentity.requestSerialize({
        setUid: "fuzz",
        podUid: "fuzz",
        token: "00".repeat(16),
      }),
  },
  { path: ControlServiceService.getStatus.path, responseStream: false, valid: () => some(0) },
  {
    path: ControlServiceService.signRegistration.path,
    responseStream: false,
    valid: () =>
      ControlServiceService.signRegistration.requestSerialize({
        owner: some(32),
        address: "127.0.0.1:1",
        bond: "1",
      }),
  },
];
