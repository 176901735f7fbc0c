import {
  type ClientReadableStream,
  type ClientUnaryCall,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { fromHex } from "@quorate/node/kernel/bytes";
import type { EpochProof, ResultCertificate } from "@quorate/node/kernel/certificates";
import type { Digest, Epoch, Height, PublicKey } from "@quorate/node/kernel/scalars";
import { ConnectLimit } from "@quorate/proto/connect-limit";
import type { CertifiedReceipt } from "@quorate/proto/ledger/v1/ledger";
import {
  type GetEpochProofsResponse,
  type GetEvidenceResponse,
  type GetReceiptsResponse,
  type GetStateResponse,
  type GetStatusResponse,
  type GetTransactionResponse,
  QueryServiceClient,
  type SubmitResponse,
  TransactionState,
} from "@quorate/proto/query/v1/query";
import type { ClosableCredentials } from "./closable-credentials.ts";
import {
  DoorRefusalError,
  isNodeError,
  type NodeError,
  type NodeName,
  NodeUnavailableError,
} from "./errors.ts";
import {
  certificateFromWire,
  epochProofFromWire,
  hex32,
  listProofFromWire,
  present,
  protocolFromWire,
  safeNumber,
  splitFromWire,
  treeProofFromWire,
} from "./from-wire.ts";
import { nodeError } from "./grpc-errors.ts";
import { pinnedCredentials } from "./pins.ts";
import type {
  CallLimits,
  ClaimedBlock,
  ClaimedReceipt,
  ClaimedReceipts,
  ClaimedState,
  ClaimedStatus,
  QueryNode,
  SubmitStreamCall,
  SubmitStreamEvents,
} from "./query-node.ts";
import { openSubmitStream } from "./submit-stream.ts";

const CHANNEL_OPTIONS = {
  "grpc.enable_http_proxy": 0,
  // Servers are known by key; a name keeps TLS from sending an IP address as one (RFC 6066).
  "grpc.ssl_target_name_override": "node.quorate",
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
  // A stream from a machine that is gone ends, however little it used to say.
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.use_local_subchannel_pool": 1,
  // Receipts and batches of one block; a block holds at most 64 KiB of each lane's batch.
  "grpc.max_receive_message_length": 64 * 1024 * 1024,
} as const;

const STREAM_ENDED = { code: "NODE_UNAVAILABLE", field: "node", fix: "it ended the stream" };

/** A unary method of the generated client, with its deadline in place. */
type Start<T> = (
  client: QueryServiceClient,
  deadline: { readonly deadline: Date },
  callback: (error: ServiceError | null, response: T) => void,
) => ClientUnaryCall;

/** Opens no connection before the first call. */
export function openGrpcNode(endpoint: string, networkKeys: readonly PublicKey[]): QueryNode {
  return new GrpcNode(endpoint, networkKeys);
}

class GrpcNode implements QueryNode {
  readonly #endpoint: string;
  #networkKey: PublicKey | undefined;
  #pins: readonly PublicKey[];
  #client: Promise<QueryServiceClient> | undefined;
  readonly #limit = new ConnectLimit();
  /** Of the connections made so far: closed ones may still serve running calls. */
  readonly #credentials = new Set<ClosableCredentials>();
  #tls:
    | { readonly pins: readonly PublicKey[]; readonly credentials: ClosableCredentials }
    | undefined;
  /** Pins changed and the connection is of no use: make a new one. */
  #isOutdated = false;
  #isClosed = false;

  constructor(endpoint: string, networkKeys: readonly PublicKey[]) {
    this.#endpoint = endpoint;
    this.#pins = networkKeys;
  }

  get name(): NodeName {
    return { endpoint: this.#endpoint, networkKey: this.#networkKey };
  }

  pin(networkKeys: readonly PublicKey[]): void {
    const isSame = networkKeys.join() === this.#pins.join();
    this.#pins = networkKeys;
    if (!isSame) this.#isOutdated = true;
  }

  close(): void {
    this.#isClosed = true;
    this.#drop();
    for (const credentials of this.#credentials) credentials.closeSockets();
  }

  async submit(transaction: Uint8Array, limits: CallLimits): Promise<ClaimedReceipt> {
    const request = { transaction: Buffer.from(transaction) };
    return this.#call(
      (client, options, done) => client.submit(request, new Metadata(), options, done),
      ({ receipt }: SubmitResponse) => receiptFromWire(present(receipt, "receipt")),
      limits,
    );
  }

  async submitStream(events: SubmitStreamEvents): Promise<SubmitStreamCall> {
    const client = await this.#connected();
    return openSubmitStream(client.submitStream(), events, (error) =>
      error === undefined
        ? new NodeUnavailableError(STREAM_ENDED, this.name)
        : this.#nodeErrorOf(error),
    );
  }

  async transaction(id: Digest, limits: CallLimits): Promise<ClaimedReceipt> {
    const request = { transaction: Buffer.from(fromHex(id)) };
    return this.#call(
      (client, options, done) => client.getTransaction(request, new Metadata(), options, done),
      ({ state, receipt }: GetTransactionResponse) => {
        if (state === TransactionState.TRANSACTION_STATE_CERTIFIED) {
          return receiptFromWire(present(receipt, "receipt"));
        }
        if (state === TransactionState.TRANSACTION_STATE_UNKNOWN) {
          const fix = "no such transaction was executed within the nodes' memory; check the id";
          const refusal = { code: "TRANSACTION_UNKNOWN", field: "transaction", fix };
          throw new DoorRefusalError(refusal, this.name);
        }
        const fix = "it is not certified yet; ask again";
        const refusal = { code: "TRANSACTION_PENDING", field: "transaction", fix };
        throw new NodeUnavailableError(refusal, this.name);
      },
      limits,
    );
  }

  async state(key: string, limits: CallLimits): Promise<ClaimedState> {
    return this.#call(
      (client, options, done) => client.getState({ key }, new Metadata(), options, done),
      ({ found, value, proof, certificate }: GetStateResponse) => ({
        value: found ? plain(value) : undefined,
        proof: treeProofFromWire(proof, "proof"),
        certificate: certificateFromWire(certificate, "certificate"),
      }),
      limits,
    );
  }

  async epochProofs(from: Epoch, limits: CallLimits): Promise<readonly EpochProof[]> {
    const request = { fromEpoch: BigInt(from) };
    return this.#call(
      (client, options, done) => client.getEpochProofs(request, new Metadata(), options, done),
      ({ proofs }: GetEpochProofsResponse) =>
        proofs.map((proof, at) => epochProofFromWire(proof, `proofs[${at}]`)),
      limits,
    );
  }

  async receipts(height: Height, limits: CallLimits): Promise<ClaimedReceipts> {
    const request = { height: BigInt(height) };
    return this.#call(
      (client, options, done) => client.getReceipts(request, new Metadata(), options, done),
      ({ leaves, certificate }: GetReceiptsResponse) => {
        if (certificate === undefined) {
          const fix = `it holds no certificate of height ${height}; ask for another height`;
          const refusal = { code: "HEIGHT_NOT_CERTIFIED", field: "height", fix };
          throw new NodeUnavailableError(refusal, this.name);
        }
        return {
          leaves: leaves.map(plain),
          certificate: certificateFromWire(certificate, "certificate"),
        };
      },
      limits,
    );
  }

  async evidence(limits: CallLimits): Promise<readonly Uint8Array[]> {
    return this.#call(
      (client, options, done) => client.getEvidence({}, new Metadata(), options, done),
      ({ transactions }: GetEvidenceResponse) => transactions.map(plain),
      limits,
    );
  }

  async status(limits: CallLimits): Promise<ClaimedStatus> {
    return this.#call(
      (client, options, done) => client.getStatus({}, new Metadata(), options, done),
      (response: GetStatusResponse) => {
        const status = present(response.status, "status");
        return {
          chainId: hex32(status.genesisHash, "status.genesisHash"),
          epoch: safeNumber(status.epoch, "status.epoch"),
          executedHeight: safeNumber(status.height, "status.height"),
          certifiedHeight: safeNumber(status.certified?.height ?? 0n, "status.certified.height"),
          spares: status.spares.map((spare, at) => hex32(spare.key, `status.spares[${at}].key`)),
          protocol: status.protocol && protocolFromWire(status.protocol),
          split: status.split && splitFromWire(status.split),
        };
      },
      limits,
    );
  }

  async *blocks(from: Height, to: Height, signal: AbortSignal): AsyncGenerator<ClaimedBlock> {
    const request = { fromHeight: BigInt(from), toHeight: BigInt(to) };
    const stream = this.#stream((client) => client.getBlocks(request), signal);
    for await (const { block: message } of stream) {
      yield this.#decode(() => {
        const block = present(message, "block");
        return {
          height: safeNumber(block.height, "block.height"),
          block: plain(present(block.block, "block.block").block),
          batches: block.batches.map(({ batch }) => plain(batch)),
          certificate:
            block.certificate && certificateFromWire(block.certificate, "block.certificate"),
        };
      });
    }
  }

  async *certificates(signal: AbortSignal): AsyncGenerator<ResultCertificate> {
    const stream = this.#stream((client) => client.watchCertificates({}), signal);
    for await (const { certificate } of stream) {
      yield this.#decode(() => certificateFromWire(certificate, "certificate"));
    }
  }

  async #call<T, R>(
    start: Start<T>,
    decode: (response: T) => R,
    { timeoutMs, signal }: CallLimits,
  ): Promise<R> {
    const client = await this.#connected();
    try {
      const response = await new Promise<T>((resolve, reject) => {
        signal.throwIfAborted();
        const cancel = (): void => call.cancel();
        const options = { deadline: new Date(Date.now() + timeoutMs) };
        const call = start(client, options, (error, value) => {
          signal.removeEventListener("abort", cancel);
          if (error === null) resolve(value);
          else reject(error);
        });
        signal.addEventListener("abort", cancel, { once: true });
      });
      return decode(response);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async *#stream<T>(
    start: (client: QueryServiceClient) => ClientReadableStream<T>,
    signal: AbortSignal,
  ): AsyncGenerator<T> {
    const client = await this.#connected();
    const call = start(client);
    const cancel = (): void => call.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    try {
      if (signal.aborted) return;
      for await (const message of call) yield message;
    } catch (error) {
      throw this.#failed(error);
    } finally {
      signal.removeEventListener("abort", cancel);
      // The reader may have left in the middle: what still comes is nobody's.
      call.on("error", () => undefined);
      call.cancel();
    }
  }

  #decode<R>(decode: () => R): R {
    try {
      return decode();
    } catch (error) {
      throw nodeError(error, this.name);
    }
  }

  #nodeErrorOf(error: unknown): NodeError {
    const failed = this.#failed(error);
    if (isNodeError(failed)) return failed;
    throw failed;
  }

  /** What a failed call throws. */
  #failed(error: unknown): Error {
    if (isNodeError(error)) return error;
    // Another node may have taken the address over: the next call connects anew if the pins moved.
    if (this.#isOutdated) this.#drop();
    return nodeError(error, this.name);
  }

  async #connected(): Promise<QueryServiceClient> {
    if (this.#isClosed) {
      const refusal = { code: "NODE_CLOSED", field: "client", fix: "connect again" };
      throw new NodeUnavailableError(refusal, this.name);
    }
    if (this.#isOutdated && this.#networkKey === undefined) this.#drop();
    this.#client ??= this.#watched(this.#open());
    return this.#client;
  }

  async #open(): Promise<QueryServiceClient> {
    const pins = this.#pins;
    if (this.#tls?.pins !== pins) {
      const credentials = await pinnedCredentials(pins, (networkKey) => {
        this.#networkKey = networkKey;
      });
      this.#tls = { pins, credentials };
      this.#credentials.add(credentials);
    }
    const { credentials } = this.#tls;
    if (this.#isClosed) credentials.closeSockets();
    return new QueryServiceClient(this.#endpoint, credentials, CHANNEL_OPTIONS);
  }

  /** Where it does not connect in time its waiting calls fail, and the next call connects anew. */
  #watched(opening: Promise<QueryServiceClient>): Promise<QueryServiceClient> {
    const drop = (): void => {
      if (this.#client === opening) this.#drop();
    };
    // Where none came to be the callers see the error.
    opening.then((client) => this.#limit.watch(client, drop)).catch(() => undefined);
    return opening;
  }

  /** Running calls end as they may; the next call opens a new connection. */
  #drop(): void {
    const dropped = this.#client;
    this.#client = undefined;
    this.#isOutdated = false;
    dropped?.then(
      (client) => client.close(),
      // A client that never came to be needs no closing; its callers saw the error.
      () => undefined,
    );
  }
}

function receiptFromWire(message: CertifiedReceipt): ClaimedReceipt {
  return {
    advice: { fix: message.fix, outcomeFixes: message.outcomeFixes },
    leaf: plain(message.receipt),
    proof: listProofFromWire(message.proof, "receipt.proof"),
    certificate: certificateFromWire(message.certificate, "receipt.certificate"),
  };
}

/** Bytes of their own: slices of a Buffer would keep, and share, the whole message. */
function plain(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes);
}
