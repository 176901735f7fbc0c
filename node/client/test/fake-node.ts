import {
  Metadata,
  Server,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { toHex } from "@quorate/node/kernel/bytes";
import type { EpochProof, ResultCertificate } from "@quorate/node/kernel/certificates";
import type { Refusal } from "@quorate/node/kernel/result";
import {
  type ProtocolStatus,
  type QueryServiceServer,
  QueryServiceService,
  Role,
  type SplitStatus,
  type SubmitStreamRequest,
  type SubmitStreamResponse,
  TransactionState,
} from "@quorate/proto/query/v1/query";
import type { ClaimedBlock, ClaimedReceipt, ClaimedRun, ClaimedState } from "../src/query-node.ts";
import { type FakeChain, testSeed } from "./fake-chain.ts";
import { serverCredentials } from "./tls-server.ts";
import {
  blockToWire,
  bytesOf,
  certificateToWire,
  epochProofToWire,
  receiptToWire,
  runToWire,
  treeProofToWire,
} from "./to-wire.ts";

/** How a node departs from the truth; what is not given stays honest. */
export interface Lies {
  readonly receipt?: (honest: ClaimedReceipt) => ClaimedReceipt;
  readonly run?: (honest: ClaimedRun) => ClaimedRun;
  readonly credit?: number;
  /** Refuses the next message of a stream; 0 ms: for good. */
  readonly refuseOnce?: (Refusal & { readonly retryAfterMs: number }) | undefined;
  readonly state?: (honest: ClaimedState) => ClaimedState;
  readonly epochProofs?: (honest: readonly EpochProof[]) => readonly EpochProof[];
  readonly leaves?: (honest: readonly Uint8Array[]) => readonly Uint8Array[];
  readonly leavesCertificate?: (honest: ResultCertificate) => ResultCertificate;
  readonly blocks?: (honest: readonly ClaimedBlock[]) => readonly ClaimedBlock[];
  /** Held proofs; the fake chain itself has none. */
  readonly evidence?: readonly Uint8Array[];
  readonly chainId?: string;
  /** What it says of versions and of a split; nothing by itself. */
  readonly protocol?: ProtocolStatus;
  readonly split?: SplitStatus;
  /** Refuses at the door. */
  readonly refusal?: Refusal;
  /** Executes, and never answers. */
  readonly isSilent?: boolean;
  /** Executes, and answers that it is not available. */
  readonly isBroken?: boolean;
  readonly certificates?: (honest: ResultCertificate) => ResultCertificate;
}

type StreamCall = ServerDuplexStream<SubmitStreamRequest, SubmitStreamResponse>;
type Handle<Q, A> = (call: ServerUnaryCall<Q, A>, done: sendUnaryData<A>) => void;

/** A node of the fake chain, behind real gRPC and TLS. */
export class FakeNode {
  lies: Lies = {};
  submissions = 0;
  streams = 0;
  /** How many transactions each message of a stream carried. */
  readonly messages: number[] = [];
  readonly #chain: FakeChain;
  readonly #server = new Server();
  readonly #watchers = new Set<(certificate: ResultCertificate) => void>();

  constructor(chain: FakeChain) {
    this.#chain = chain;
    this.#server.addService(QueryServiceService, this.#service());
  }

  /** Starts under the network key of that label and returns host:port. */
  async listen(label: string): Promise<string> {
    const credentials = await serverCredentials(testSeed(`network ${label}`));
    const port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync("127.0.0.1:0", credentials, (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
    return `127.0.0.1:${port}`;
  }

  close(): void {
    this.#server.forceShutdown();
  }

  /** Tells every watcher of the chain's newest certificate. */
  publish(): void {
    for (const tell of this.#watchers) tell(this.#chain.newest);
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  #service(): QueryServiceServer {
    const chain = this.#chain;
    return {
      submit: this.#answer(({ request }, done) => {
        this.submissions += 1;
        const claimed = chain.execute(request.transaction);
        if (this.lies.isSilent) return;
        if (this.lies.isBroken) {
          done({ code: status.UNAVAILABLE });
          return;
        }
        done(null, { receipt: receiptToWire(this.#lie("receipt", claimed)) });
      }),
      submitStream: (call) => {
        this.streams += 1;
        let next = 0;
        call.on("cancelled", () => undefined);
        call.on("data", ({ transactions }: SubmitStreamRequest) => {
          const first = next;
          next += transactions.length;
          this.#streamed(call, first, transactions);
        });
        call.write({ credit: this.lies.credit ?? 64, runs: [], refusals: [] });
      },
      getTransaction: this.#answer(({ request }, done) => {
        const claimed = chain.receipts.get(toHex(request.transaction));
        const isKnown = claimed !== undefined;
        done(null, {
          state: isKnown
            ? TransactionState.TRANSACTION_STATE_CERTIFIED
            : TransactionState.TRANSACTION_STATE_UNKNOWN,
          height: 0n,
          code: "",
          receipt: isKnown ? receiptToWire(this.#lie("receipt", claimed)) : undefined,
        });
      }),
      getState: this.#answer(({ request }, done) => {
        const { value, proof, certificate } = this.#lie("state", chain.state(request.key));
        done(null, {
          found: value !== undefined,
          value: Buffer.from(value ?? []),
          proof: treeProofToWire(proof),
          certificate: certificateToWire(certificate),
        });
      }),
      getEpochProofs: this.#answer(({ request }, done) => {
        const honest = chain.epochProofs.slice(Number(request.fromEpoch) - 1);
        done(null, { proofs: this.#lie("epochProofs", honest).map(epochProofToWire) });
      }),
      getReceipts: this.#answer((_, done) => {
        const leaves = this.#lie("leaves", chain.leaves).map((leaf) => Buffer.from(leaf));
        const certificate = this.lies.leavesCertificate?.(chain.newest) ?? chain.newest;
        done(null, { leaves, certificate: certificateToWire(certificate) });
      }),
      getEvidence: this.#answer((_, done) => {
        const held = this.lies.evidence ?? [];
        done(null, { transactions: held.map((bytes) => Buffer.from(bytes)) });
      }),
      getStatus: this.#answer((_, done) => done(null, { status: this.#status() })),
      getAccount: this.#answer((_, done) => done({ code: status.UNIMPLEMENTED })),
      getMarkets: this.#answer((_, done) => done({ code: status.UNIMPLEMENTED })),
      getBlocks: (call) => {
        const { fromHeight, toHeight } = call.request;
        const asked = chain.blocks.filter(
          ({ height }) => BigInt(height) >= fromHeight && BigInt(height) <= toHeight,
        );
        for (const block of this.#lie("blocks", asked)) {
          call.write({ block: blockToWire(block) });
        }
        call.end();
      },
      watchCertificates: (call) => {
        const tell = (certificate: ResultCertificate): void => {
          const told = this.lies.certificates?.(certificate) ?? certificate;
          call.write({ certificate: certificateToWire(told) });
        };
        this.#watchers.add(tell);
        call.on("cancelled", () => this.#watchers.delete(tell));
        tell(chain.newest);
      },
    };
  }

  /** Executes what came in one message in one block. */
  #streamed(call: StreamCall, first: number, transactions: readonly Uint8Array[]): void {
    this.submissions += transactions.length;
    this.messages.push(transactions.length);
    const numbers = transactions.map((_, at) => first + at);
    const { refuseOnce, isSilent, isBroken, run } = this.lies;
    if (isBroken === true) {
      call.emit("error", { code: status.UNAVAILABLE, details: "broken" });
      return;
    }
    if (refuseOnce !== undefined) {
      const { retryAfterMs, ...refusal } = refuseOnce;
      this.lies = { ...this.lies, refuseOnce: undefined };
      call.write({ credit: 0, runs: [], refusals: [{ ...refusal, numbers, retryAfterMs }] });
      return;
    }
    const honest = this.#chain.executeAll(transactions, numbers);
    if (isSilent === true) return;
    call.write({ credit: 0, runs: [runToWire(run?.(honest) ?? honest)], refusals: [] });
  }

  #answer<Q, A>(handle: Handle<Q, A>): Handle<Q, A> {
    return (call, done) => {
      const { refusal } = this.lies;
      if (refusal === undefined) {
        handle(call, done);
        return;
      }
      const metadata = new Metadata();
      metadata.set("quorate-code", refusal.code);
      metadata.set("quorate-field", refusal.field);
      metadata.set("quorate-fix", refusal.fix);
      done({ code: status.INVALID_ARGUMENT, details: refusal.code, metadata });
    };
  }

  #lie<K extends "receipt" | "state" | "epochProofs" | "leaves" | "blocks", T>(
    kind: K,
    honest: T,
  ): T {
    const lie = this.lies[kind] as ((value: T) => T) | undefined;
    return lie === undefined ? honest : lie(honest);
  }

  #status() {
    const { set, height, newest, chainId } = this.#chain;
    const empty = Buffer.alloc(32);
    return {
      genesisHash: bytesOf(this.lies.chainId ?? chainId),
      key: empty,
      networkKey: empty,
      role: Role.ROLE_MEMBER,
      epoch: BigInt(set.epoch),
      round: 1n,
      height: BigInt(height),
      certified: certificateToWire(newest).result,
      set: undefined,
      setHash: empty,
      seats: [],
      spares: this.#chain.spares.map((key) => ({
        key: bytesOf(key),
        networkKey: empty,
        address: "",
        owner: empty,
        bond: "0",
        registeredAtHeight: 0n,
        attestedHeight: 0n,
        attestedAtMs: 0n,
        fit: false,
        jailedUntilMs: 0n,
        endorsed: false,
      })),
      swaps: [],
      queued: 0n,
      signing: true,
      notSigningReason: "",
      peers: [],
      version: "test",
      protocol: this.lies.protocol,
      split: this.lies.split,
    };
  }
}
