import {
  Server,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from "@grpc/grpc-js";
import {
  type GetAccountResponse,
  type GetBlocksRequest,
  type GetBlocksResponse,
  type GetEpochProofsResponse,
  type GetReceiptsResponse,
  type GetStateResponse,
  type GetTransactionResponse,
  type QueryServiceServer,
  QueryServiceService,
  type Status,
  type SubmitResponse,
  type WatchCertificatesRequest,
  type WatchCertificatesResponse,
} from "@quorate/proto/query/v1/query";
import type { ResultCertificate } from "../../kernel/certificates.ts";
import { err, ok, type Refusal, type Result, refuse } from "../../kernel/result.ts";
import type { Height } from "../../kernel/scalars.ts";
import {
  epochProofs,
  executedBlock,
  heldProofs,
  receiptLeaves,
  stateProof,
  transactionStatus,
} from "../../replica/queries.ts";
import type { Answer, ReplicaState } from "../../replica/types.ts";
import type { ChainStore } from "../disk/chain-store.ts";
import { Visitor, type VisitorPorts } from "../door/visitor.ts";
import type { Tracing } from "../tracing.ts";
import { counter, decoded, hex32 } from "../wire/fields.ts";
import {
  bufferOf,
  epochProofToWire,
  resultCertificateToWire,
  treeProofToWire,
} from "../wire/ledger-wire.ts";
import { accountToWire, marketsToWire } from "../wire/margin-wire.ts";
import { batchToWire, blockToWire } from "../wire/peer-wire.ts";
import { receiptToWire, transactionStateToWire } from "../wire/receipt-wire.ts";
import { bind, MESSAGE_BYTES_MAX } from "./peer-server.ts";
import { type Identity, publicServerCredentials } from "./pinned-tls.ts";
import { serviceError } from "./refusal.ts";
import type { Submission } from "./submission.ts";
import { SubmitStream, TRANSACTION_BYTES_MAX } from "./submit-stream.ts";

const STATE_KEY_LENGTH_MAX = 256;
/** Of a question, in tokens: what is in memory costs 1. */
const COSTS = { proof: 2, leaves: 4, block: 2 } as const;

/**
 * Anybody may connect: a connection without a call ends after the first time, one that answers no
 * ping after the others together. A client opens another with its next call.
 */
const STRANGER_LIMITS = {
  "grpc.max_connection_idle_ms": 15_000,
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
} as const;

export interface QueryOptions {
  readonly identity: Identity;
  readonly listen: string;
  readonly state: () => ReplicaState;
  readonly store: Pick<ChainStore, "block" | "height">;
  readonly status: () => Status;
  /** Returns what to call if the client goes away. All are taken, or none. */
  readonly submit: (submissions: readonly Submission[]) => Result<() => void, Refusal>;
  readonly tracing: Tracing;
  readonly clients: VisitorPorts;
}

type Unary<Q, R> = (call: ServerUnaryCall<Q, R>, reply: sendUnaryData<R>) => void;
type WatchCall = ServerWritableStream<WatchCertificatesRequest, WatchCertificatesResponse>;
/** What this class needs of a call that stays open. */
interface StayingCall {
  getPeer(): string;
  on(event: string, listener: () => void): unknown;
  emit(event: "error", error: unknown): unknown;
}
type BlocksCall = ServerWritableStream<GetBlocksRequest, GetBlocksResponse>;

/** The query listener: open to everybody, answers with proofs, promises nothing without one. */
export class QueryService {
  readonly #options: QueryOptions;
  readonly #server: Server;
  readonly #watchers = new Set<WatchCall>();

  private constructor(options: QueryOptions) {
    this.#options = options;
    this.#server = new Server({
      "grpc.max_receive_message_length": 256 * 1024,
      "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
      ...STRANGER_LIMITS,
    });
    const service: QueryServiceServer = {
      submit: (call, reply) => this.#submit(call.request.transaction, call, reply),
      submitStream: (call) => {
        const visitor = this.#stays(call);
        if (visitor === undefined) return;
        new SubmitStream(call, {
          submit: (submissions) => options.submit(submissions),
          visitor,
          soon: (callback) => setImmediate(callback),
        });
      },
      getTransaction: this.#answered(1, ({ transaction }) => this.#transaction(transaction)),
      getState: this.#answered(COSTS.proof, ({ key }) => this.#state(key)),
      getAccount: this.#answered(COSTS.proof, ({ account }) => this.#account(account)),
      getMarkets: this.#answered(1, () => ok({ markets: marketsToWire(options.state()) })),
      getEpochProofs: this.#answered(COSTS.proof, ({ fromEpoch }) => this.#epochProofs(fromEpoch)),
      getBlocks: (call) => this.#blocks(call),
      getReceipts: this.#answered(COSTS.leaves, ({ height }) => this.#receipts(height)),
      watchCertificates: (call) => this.#watch(call),
      getEvidence: this.#answered(COSTS.leaves, () => {
        return ok({ transactions: heldProofs(options.state()).map(bufferOf) });
      }),
      getStatus: this.#answered(1, () => ok({ status: options.status() })),
    };
    this.#server.addService(QueryServiceService, service);
  }

  static async start(
    options: QueryOptions,
  ): Promise<{ readonly service: QueryService; readonly port: number }> {
    const service = new QueryService(options);
    const credentials = publicServerCredentials(options.identity);
    const port = await bind(service.#server, options.listen, credentials);
    return { service, port };
  }

  get waiting(): number {
    return this.#options.clients.door.waiting;
  }

  /** A new certificate: to everybody who watches. A watcher that does not read is cut off. */
  certified(certificate: ResultCertificate): void {
    if (this.#watchers.size === 0) return;
    const response = { certificate: resultCertificateToWire(certificate) };
    for (const call of this.#watchers) {
      if (call.writableLength > 1_024) {
        this.#watchers.delete(call);
        const fix = "read the certificates as they come";
        call.emit("error", serviceError({ code: "OVERLOADED", field: "watcher", fix }));
      } else {
        call.write(response);
      }
    }
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  /** Wraps a query that needs no waiting: a value, or a refusal as a gRPC error. */
  #answered<Q, R>(cost: number, query: (request: Q) => Result<R, Refusal>): Unary<Q, R> {
    return (call, reply) => {
      const shut = this.#visitor(call).ask(cost);
      const result = shut === undefined ? query(call.request) : err(shut);
      if (result.ok) reply(null, result.value);
      else reply(serviceError(result.error), null);
    };
  }

  #visitor(call: { getPeer(): string }): Visitor {
    return new Visitor(call.getPeer(), this.#options.clients);
  }

  /** Of a call that stays open; undefined where it was ended at once. */
  #stays(call: StayingCall): Visitor | undefined {
    const visitor = this.#visitor(call);
    const shut = visitor.call();
    if (shut !== undefined) {
      call.emit("error", serviceError(shut));
      return undefined;
    }
    let isHere = true;
    const hangUp = (): void => {
      if (isHere) visitor.hangUp();
      isHere = false;
    };
    for (const event of ["cancelled", "close", "finish", "error"]) call.on(event, hangUp);
    return visitor;
  }

  #submit(
    bytes: Uint8Array,
    call: ServerUnaryCall<unknown, unknown>,
    reply: sendUnaryData<SubmitResponse>,
  ): void {
    const { submit, tracing } = this.#options;
    if (bytes.length === 0 || bytes.length > TRANSACTION_BYTES_MAX) {
      const fix = `send the canonical bytes, at most ${TRANSACTION_BYTES_MAX}`;
      reply(serviceError({ code: "TRANSACTION_LENGTH", field: "transaction", fix }), null);
      return;
    }
    const visitor = this.#visitor(call);
    const shut = visitor.enter([bytes]);
    if (shut !== undefined) {
      reply(serviceError(shut), null);
      return;
    }
    const span = tracing.start("submit", call.metadata);
    const sinceMs = visitor.now();
    let isOpen = true;
    const done = (given: Answer | undefined): boolean => {
      if (!isOpen) return false;
      isOpen = false;
      visitor.leave(bytes, sinceMs, given);
      span.end();
      return true;
    };
    const answer = (given: Answer): void => {
      if (!done(given)) return;
      if (given.kind === "refused") reply(serviceError(given.refusal), null);
      else reply(null, { receipt: receiptToWire(given.receipt) });
    };
    const submitted = submit([{ transaction: new Uint8Array(bytes), answer }]);
    if (!submitted.ok) {
      if (done(undefined)) reply(serviceError(submitted.error), null);
      return;
    }
    call.on("cancelled", () => {
      if (done(undefined)) submitted.value();
    });
  }

  #transaction(bytes: Uint8Array): Result<GetTransactionResponse, Refusal> {
    const id = decoded(() => hex32(bytes, "transaction"));
    if (!id.ok) return id;
    return ok(transactionStateToWire(transactionStatus(this.#options.state(), id.value)));
  }

  #state(key: string): Result<GetStateResponse, Refusal> {
    if (!/^[\x20-\x7e]+$/.test(key) || key.length > STATE_KEY_LENGTH_MAX) {
      return refuse("MALFORMED", "key", "write 1 to 256 characters of printable ASCII");
    }
    const proven = stateProof(this.#options.state(), key);
    if (!proven.ok) return proven;
    const { value, proof, certificate } = proven.value;
    return ok({
      found: value !== undefined,
      value: bufferOf(value ?? new Uint8Array(0)),
      proof: treeProofToWire(proof),
      certificate: resultCertificateToWire(certificate),
    });
  }

  #account(bytes: Uint8Array): Result<GetAccountResponse, Refusal> {
    const key = decoded(() => hex32(bytes, "account"));
    if (!key.ok) return key;
    const leaf = this.#state(`account/${key.value}`);
    if (!leaf.ok) return leaf;
    return ok({ account: accountToWire(this.#options.state(), key.value), leaf: leaf.value });
  }

  #epochProofs(fromEpoch: bigint): Result<GetEpochProofsResponse, Refusal> {
    const from = decoded(() => counter(fromEpoch, "from_epoch"));
    if (!from.ok) return from;
    return ok({
      proofs: epochProofs(this.#options.state(), from.value).map(epochProofToWire),
    });
  }

  #receipts(height: bigint): Result<GetReceiptsResponse, Refusal> {
    const at = decoded(() => counter(height, "height"));
    if (!at.ok) return at;
    const state = this.#options.state();
    const leaves = receiptLeaves(state, at.value);
    if (leaves === undefined) {
      const fix = "ask for a height that this node has executed and still holds";
      return refuse("HEIGHT_NOT_FOUND", "height", fix);
    }
    const certificate = executedBlock(state, at.value)?.certificate;
    return ok({
      leaves: leaves.map(bufferOf),
      certificate: certificate === undefined ? undefined : resultCertificateToWire(certificate),
    });
  }

  #blocks(call: BlocksCall): void {
    const visitor = this.#stays(call);
    if (visitor === undefined) return;
    const range = decoded(() => ({
      from: counter(call.request.fromHeight, "from_height"),
      to: counter(call.request.toHeight, "to_height"),
    }));
    if (!range.ok) {
      call.emit("error", serviceError(range.error));
      return;
    }
    const { from, to } = range.value;
    if (from < 1 || (to !== 0 && to < from)) {
      const fix = "begin at 1 or above, end at or above from_height (0 for the newest)";
      call.emit("error", serviceError({ code: "HEIGHT_RANGE", field: "from_height", fix }));
      return;
    }
    const last = to === 0 ? this.#options.store.height : Math.min(to, this.#options.store.height);
    this.#sendBlocks(call, visitor, { from, last }).catch((error: unknown) => {
      const fix = error instanceof Error ? error.message : String(error);
      call.emit("error", serviceError({ code: "NOT_STARTED", field: "node", fix }));
    });
  }

  async #sendBlocks(
    call: BlocksCall,
    visitor: Visitor,
    { from, last }: { readonly from: Height; readonly last: Height },
  ): Promise<void> {
    for (let height = from; height <= last && !call.cancelled; height += 1) {
      // A long answer is slowed down, not cut off: whoever rebuilds the chain reads all of it.
      for (let shut = visitor.ask(COSTS.block); shut !== undefined && !call.cancelled; ) {
        await visitor.pause(shut.retryAfterMs);
        shut = visitor.ask(COSTS.block);
      }
      const stored = await this.#options.store.block(height);
      if (stored === undefined) break;
      const { block, batches, certificate } = stored;
      const wire = {
        height: BigInt(height),
        block: blockToWire(block),
        batches: batches.map(batchToWire),
        certificate: certificate === undefined ? undefined : resultCertificateToWire(certificate),
      };
      if (!call.write({ block: wire })) await drained(call);
    }
    call.end();
  }

  #watch(call: WatchCall): void {
    if (this.#stays(call) === undefined) return;
    this.#watchers.add(call);
    call.on("cancelled", () => this.#watchers.delete(call));
    const newest = this.#options.state().certified?.certificate;
    if (newest !== undefined) call.write({ certificate: resultCertificateToWire(newest) });
  }
}

function drained(call: BlocksCall): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      call.off("drain", finish);
      call.off("cancelled", finish);
      resolve();
    };
    call.on("drain", finish);
    call.on("cancelled", finish);
  });
}
