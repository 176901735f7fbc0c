import { Metadata, type ServiceError } from "@grpc/grpc-js";
import { PeersServiceClient } from "@quorate/proto/consensus/v1/consensus";
import type { Digest, Epoch, Height, Millis, PublicKey } from "../../kernel/scalars.ts";
import type { Offer, SnapshotPeer } from "../sync/sync-ports.ts";
import { epochProofFromWire } from "../wire/ledger-wire.ts";
import type { PeerAddress } from "./peer-client.ts";
import { genesisBytes, MESSAGE_BYTES_MAX } from "./peer-server.ts";
import { type Identity, pinnedClientCredentials, tlsName } from "./pinned-tls.ts";

/** A peer that has not answered by then is asked again, or another one is. */
const CALL_MS: Millis = 10_000;
const WINDOW_BYTES = 8 * 1024 * 1024;

type Reply<R> = (error: ServiceError | null, response: R) => void;
type Method<Q, R> = (
  request: Q,
  metadata: Metadata,
  options: { readonly deadline: number },
  reply: Reply<R>,
) => unknown;

/** One peer as state sync asks it, on a connection of its own. */
export class GrpcSnapshotPeer implements SnapshotPeer {
  readonly key: PublicKey;
  readonly #genesisHash: Buffer;
  readonly #client: PeersServiceClient;

  private constructor(key: PublicKey, genesisHash: Buffer, client: PeersServiceClient) {
    this.key = key;
    this.#genesisHash = genesisHash;
    this.#client = client;
  }

  static async connect(
    identity: Identity,
    chainId: Digest,
    { networkKey, address }: PeerAddress,
  ): Promise<GrpcSnapshotPeer> {
    const credentials = await pinnedClientCredentials(identity, networkKey);
    const client = new PeersServiceClient(address, credentials, {
      "grpc.ssl_target_name_override": tlsName(networkKey),
      "grpc.primary_user_agent": "quorate-snapshots",
      "grpc.use_local_subchannel_pool": 1,
      "grpc-node.flow_control_window": WINDOW_BYTES,
      "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
      "grpc.enable_retries": 0,
      "grpc.service_config_disable_resolution": 1,
    });
    return new GrpcSnapshotPeer(networkKey, genesisBytes(chainId), client);
  }

  close(): void {
    this.#client.close();
  }

  async offer(fromEpoch: Epoch): Promise<Offer> {
    const client = this.#client;
    const request = { genesisHash: this.#genesisHash, fromEpoch: BigInt(fromEpoch) };
    const found = await call(client.offerSnapshots.bind(client), request);
    return {
      proofs: found.epochProofs.map((proof, at) => epochProofFromWire(proof, `proofs[${at}]`)),
      heights: found.heights.map(Number),
      lowest: Number(found.lowestHeight),
    };
  }

  async head(height: Height): Promise<Uint8Array> {
    const client = this.#client;
    const request = { genesisHash: this.#genesisHash, height: BigInt(height) };
    return (await call(client.getSnapshotHead.bind(client), request)).head;
  }

  async chunk(height: Height, index: number): Promise<Uint8Array> {
    const client = this.#client;
    const request = { genesisHash: this.#genesisHash, height: BigInt(height), index };
    return (await call(client.getSnapshotChunk.bind(client), request)).chunk;
  }
}

function call<Q, R>(method: Method<Q, R>, request: Q): Promise<R> {
  return new Promise((resolve, reject) => {
    const deadline = Date.now() + CALL_MS;
    method(request, new Metadata(), { deadline }, (error, response) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
}
