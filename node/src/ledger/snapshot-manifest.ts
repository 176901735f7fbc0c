import { type Reader, Writer } from "../kernel/codec.ts";
import { stateInnerHash } from "../kernel/merkle.ts";
import { ok, type Refusal, type Result, refuse } from "../kernel/result.ts";
import { type Digest, type Height, ZERO_DIGEST } from "../kernel/scalars.ts";
import type { AttestedResult } from "../kernel/statements.ts";
import { readChoice } from "./action-codec.ts";

/** Chunks of a manifest are 2^bits: 65,536 at most, whose manifest has 2.8 MB. */
export const SNAPSHOT_BITS_MAX = 16;
/** Longest chunk that is looked at, whatever a manifest declares. */
export const CHUNK_BYTES_MAX = 2 * 1_024 * 1_024;
/** u32 number of leaves. */
export const CHUNK_HEADER_BYTES = 4;

const CHUNK_KINDS = ["empty", "leaf", "inner"] as const;
type ChunkKind = (typeof CHUNK_KINDS)[number];

/**
 * The subtree of all keys whose hash begins with the `bits` bits of the chunk's index. Only `hash`
 * is bound by the state root; the rest is a declaration, checked when the chunk is there.
 */
export interface ChunkRoot {
  /** A lone leaf moves up when its neighbour is empty, an inner node does not. */
  readonly kind: ChunkKind;
  readonly hash: Digest;
  readonly leaves: number;
  /** Length of the encoded chunk. */
  readonly bytes: number;
}

/**
 * Subtree hashes at depth `bits` that fold to the state root; verifies alone against a certificate.
 */
export interface SnapshotManifest {
  readonly height: Height;
  readonly stateRoot: Digest;
  readonly bits: number;
  readonly chunks: readonly ChunkRoot[];
}

type Node = Pick<ChunkRoot, "kind" | "hash">;

/** The compact rule of the state tree (node/spec/encoding.md, State root). */
function foldPair(left: Node, right: Node): Node {
  if (left.kind === "empty" && right.kind !== "inner") return right;
  if (right.kind === "empty" && left.kind !== "inner") return left;
  return { kind: "inner", hash: stateInnerHash(left.hash, right.hash) };
}

/** The root that the hashes of all chunks fold to. */
export function foldChunks(chunks: readonly Node[]): Digest {
  let level = chunks;
  while (level.length > 1) {
    const above: Node[] = [];
    for (let index = 0; index + 1 < level.length; index += 2) {
      const [left, right] = level.slice(index, index + 2);
      if (left !== undefined && right !== undefined) above.push(foldPair(left, right));
    }
    level = above;
  }
  return level[0]?.hash ?? ZERO_DIGEST;
}

function isCoherent({ kind, hash, leaves, bytes }: ChunkRoot): boolean {
  if (bytes > CHUNK_BYTES_MAX) return false;
  if (kind === "empty") return hash === ZERO_DIGEST && leaves === 0 && bytes === CHUNK_HEADER_BYTES;
  if (bytes <= CHUNK_HEADER_BYTES || hash === ZERO_DIGEST) return false;
  return kind === "leaf" ? leaves === 1 : leaves >= 2;
}

/**
 * Whether the manifest is of the certified state: height, root, shape, and the fold of its hashes.
 */
export function verifyManifest(
  manifest: SnapshotManifest,
  certified: AttestedResult,
): Result<void, Refusal> {
  const { height, stateRoot, bits, chunks } = manifest;
  if (height !== certified.height) {
    const fix = `it says ${height}: ask for the manifest of height ${certified.height}`;
    return refuse("MANIFEST_HEIGHT", "height", fix);
  }
  if (stateRoot !== certified.stateRoot) {
    const fix = `a quorum certified ${certified.stateRoot}: ask another node`;
    return refuse("MANIFEST_ROOT", "stateRoot", fix);
  }
  if (bits > SNAPSHOT_BITS_MAX || chunks.length !== 2 ** bits) {
    const fix = `${chunks.length} chunks at depth ${bits}: 2^bits, bits at most ${SNAPSHOT_BITS_MAX}`;
    return refuse("MANIFEST_SHAPE", "chunks", fix);
  }
  const wrong = chunks.findIndex((chunk) => !isCoherent(chunk));
  if (wrong !== -1) {
    const fix = "kind, hash, leaves and bytes of a chunk go together: ask another node";
    return refuse("MANIFEST_CHUNK", `chunks[${wrong}]`, fix);
  }
  if (foldChunks(chunks) !== stateRoot) {
    const fix = "its hashes do not fold to the certified root: ask another node";
    return refuse("MANIFEST_FORGED", "chunks", fix);
  }
  return ok(undefined);
}

/** Layout: node/spec/encoding.md, Snapshots. */
export function encodeManifest({ height, stateRoot, bits, chunks }: SnapshotManifest): Uint8Array {
  const writer = new Writer().u64(height).hex32(stateRoot).u8(bits);
  writer.list(chunks, (out, { kind, hash, leaves, bytes }) => {
    out.u8(CHUNK_KINDS.indexOf(kind)).hex32(hash).u32(leaves).u32(bytes);
  });
  return writer.finish();
}

/** @throws DecodeError on bytes that no encoder writes. */
export function readManifest(reader: Reader): SnapshotManifest {
  return {
    height: reader.u64("height"),
    stateRoot: reader.hex32("stateRoot"),
    bits: reader.u8("bits"),
    chunks: reader.list("chunks", 2 ** SNAPSHOT_BITS_MAX, (input, field) => ({
      kind: readChoice(input, `${field}.kind`, CHUNK_KINDS),
      hash: input.hex32(`${field}.hash`),
      leaves: input.u32(`${field}.leaves`),
      bytes: input.u32(`${field}.bytes`),
    })),
  };
}
