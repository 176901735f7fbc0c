import { status as grpcStatus, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import type {
  GetSnapshotChunkRequest,
  GetSnapshotChunkResponse,
  GetSnapshotHeadRequest,
  GetSnapshotHeadResponse,
  OfferSnapshotsRequest,
  OfferSnapshotsResponse,
  PeersServiceServer,
} from "@quorate/proto/consensus/v1/consensus";
import type { EpochProof } from "../../kernel/certificates.ts";
import type { Epoch, Height, Millis, PublicKey } from "../../kernel/scalars.ts";
import { bufferOf, epochProofToWire } from "../wire/ledger-wire.ts";
import { TokenBucket } from "./token-bucket.ts";

/** What one peer may cost: a token for every 4 KiB, 128 MiB a second, and calls at once. */
const PEER_LIMITS = { perSecond: 32_768, burst: 32_768 };
const TOKEN_BYTES = 4_096;
/** A call costs this much whatever it brings. */
const CALL_TOKENS = 16;
const CALLS_AT_ONCE_MAX = 16;
const PROOFS_AT_ONCE = 64;

/** Where the snapshots are; undefined: not there (any more). */
export interface SnapshotSource {
  readonly epochProofs: () => readonly EpochProof[];
  readonly heights: () => readonly Height[];
  readonly lowest: () => Height;
  readonly head: (height: Height) => Uint8Array | undefined;
  readonly chunk: (height: Height, index: number) => Promise<Uint8Array | undefined>;
}

type Call<Q extends { readonly genesisHash: Uint8Array }, R> = ServerUnaryCall<Q, R>;
type Handlers = Pick<PeersServiceServer, "offerSnapshots" | "getSnapshotHead" | "getSnapshotChunk">;

interface Asker {
  readonly bucket: TokenBucket;
  paidAt: Millis;
  calls: number;
}

export interface SnapshotServiceOptions {
  readonly source: SnapshotSource;
  readonly now: () => Millis;
  /** Checks pin and chain; ends the call and returns undefined where either is wrong. */
  readonly authorise: (
    call: ServerUnaryCall<{ readonly genesisHash: Uint8Array }, unknown>,
  ) => Authorised;
}

export type Authorised =
  | { readonly peer: PublicKey }
  | { readonly code: number; readonly details: string };

/** Answers newcomers that sync: bounded for each peer, so that nobody can keep the disk busy. */
export class SnapshotService {
  readonly #options: SnapshotServiceOptions;
  readonly #askers = new Map<PublicKey, Asker>();

  constructor(options: SnapshotServiceOptions) {
    this.#options = options;
  }

  get handlers(): Handlers {
    const { source } = this.#options;
    return {
      offerSnapshots: this.#unary<OfferSnapshotsRequest, OfferSnapshotsResponse>(
        async ({ fromEpoch }) => ({
          bytes: 0,
          answer: {
            epochProofs: this.#proofs(Number(fromEpoch)).map(epochProofToWire),
            heights: source.heights().map(BigInt),
            lowestHeight: BigInt(source.lowest()),
          },
        }),
      ),
      getSnapshotHead: this.#unary<GetSnapshotHeadRequest, GetSnapshotHeadResponse>(
        async ({ height }) => {
          const head = source.head(Number(height));
          return head && { bytes: head.length, answer: { head: bufferOf(head) } };
        },
      ),
      getSnapshotChunk: this.#unary<GetSnapshotChunkRequest, GetSnapshotChunkResponse>(
        async ({ height, index }) => {
          const chunk = await source.chunk(Number(height), index);
          return chunk && { bytes: chunk.length, answer: { chunk: bufferOf(chunk) } };
        },
      ),
    };
  }

  /** Peers that are pinned no more are forgotten. */
  keep(peers: ReadonlySet<PublicKey>): void {
    for (const peer of [...this.#askers.keys()]) {
      if (!peers.has(peer)) this.#askers.delete(peer);
    }
  }

  #proofs(fromEpoch: Epoch): readonly EpochProof[] {
    return this.#options.source
      .epochProofs()
      .filter(({ nextSet }) => nextSet.epoch > fromEpoch)
      .slice(0, PROOFS_AT_ONCE);
  }

  #unary<Q extends { readonly genesisHash: Uint8Array }, R>(
    handle: (request: Q) => Promise<{ readonly bytes: number; readonly answer: R } | undefined>,
  ): (call: Call<Q, R>, reply: sendUnaryData<R>) => void {
    return (call, reply) => {
      const authorised = this.#options.authorise(call);
      if (!("peer" in authorised)) {
        reply(authorised, null);
        return;
      }
      const asker = this.#asker(authorised.peer);
      if (asker.calls >= CALLS_AT_ONCE_MAX || asker.paidAt > this.#options.now()) {
        const code = grpcStatus.RESOURCE_EXHAUSTED;
        reply({ code, details: "ask again in a moment: this peer has had its share" }, null);
        return;
      }
      asker.calls += 1;
      handle(call.request)
        .then(
          (found) => {
            this.#charge(asker, found?.bytes ?? 0);
            const details = "this node has no such snapshot (any more)";
            if (found === undefined) reply({ code: grpcStatus.NOT_FOUND, details }, null);
            else reply(null, found.answer);
          },
          (error: unknown) => {
            const details = error instanceof Error ? error.message : String(error);
            reply({ code: grpcStatus.INTERNAL, details }, null);
          },
        )
        .finally(() => {
          asker.calls -= 1;
        });
    };
  }

  #charge(asker: Asker, bytes: number): void {
    const now = this.#options.now();
    asker.paidAt = now + asker.bucket.take(CALL_TOKENS + bytes / TOKEN_BYTES, now);
  }

  #asker(peer: PublicKey): Asker {
    const known = this.#askers.get(peer);
    if (known !== undefined) return known;
    const asker = {
      bucket: new TokenBucket(PEER_LIMITS, this.#options.now()),
      paidAt: 0,
      calls: 0,
    };
    this.#askers.set(peer, asker);
    return asker;
  }
}
