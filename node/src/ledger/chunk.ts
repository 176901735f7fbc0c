import { ok, type Refusal, type Result, refuse } from "../kernel/result.ts";
import type { Steps } from "../kernel/steps.ts";
import {
  CHUNK_BYTES_MAX,
  CHUNK_HEADER_BYTES,
  type ChunkRoot,
  type SnapshotManifest,
} from "./snapshot-manifest.ts";
import { buildTree, type StateTree, treeRoot } from "./state-tree.ts";
import {
  compareHashes,
  DIGEST_BYTES,
  hashRecord,
  type LeafItem,
  PAIR_BYTES,
  prefixOf,
  recordEnd,
} from "./tree-page.ts";

/** A chunk that is what the manifest says: its leaves in order, and their subtree. */
export interface VerifiedChunk {
  readonly items: readonly LeafItem[];
  readonly tree: StateTree;
}

/** Leaves that are hashed, or decoded, between two yields: about a millisecond of work. */
export const LEAVES_PER_STEP = 256;

const ASK = "ask another node for this chunk";

/**
 * Reads u32 number of leaves, then their records in order of the key hashes, and nothing else. What
 * is kept while reading is bounded by the bytes that are there, whatever they declare. In steps:
 * whoever sends a chunk decides how long it is.
 */
export function* readChunk(
  manifest: SnapshotManifest,
  index: number,
  bytes: Uint8Array,
): Steps<Result<VerifiedChunk, Refusal>> {
  const root = manifest.chunks[index];
  if (root === undefined) {
    const fix = `name one of ${manifest.chunks.length} chunks`;
    return refuse("CHUNK_UNKNOWN", `chunks[${index}]`, fix);
  }
  if (bytes.length > CHUNK_BYTES_MAX) {
    const fix = `${bytes.length} bytes, at most ${CHUNK_BYTES_MAX}: ${ASK}`;
    return refuse("CHUNK_OVERSIZED", `chunks[${index}]`, fix);
  }
  const items = yield* readChunkItems(manifest.bits, index, bytes);
  if (!items.ok) return items;
  yield;
  const tree = buildTree(items.value, manifest.bits);
  if (treeRoot(tree) !== root.hash) {
    return refuse("CHUNK_CORRUPT", `chunks[${index}]`, `its hash is ${treeRoot(tree)}: ${ASK}`);
  }
  const refusal = checkDeclaration(root, index, { leaves: items.value.length, bytes });
  return refusal ?? ok({ items: items.value, tree });
}

/** The hash binds the leaves, and one set of leaves has one encoding: the manifest lied. */
function checkDeclaration(
  root: ChunkRoot,
  index: number,
  found: { readonly leaves: number; readonly bytes: Uint8Array },
): Result<never, Refusal> | undefined {
  const { leaves, bytes } = found;
  if (root.leaves === leaves && root.bytes === bytes.length && root.kind === kindOf(leaves)) {
    return undefined;
  }
  const fix = `the chunk is right, ${leaves} leaves in ${bytes.length} bytes: ask another node for the manifest`;
  return refuse("MANIFEST_FALSE", `chunks[${index}]`, fix);
}

export function kindOf(leaves: number): ChunkRoot["kind"] {
  if (leaves === 0) return "empty";
  return leaves === 1 ? "leaf" : "inner";
}

/** Every leaf of a chunk, in its place; whether they are the right ones is for the hash to say. */
export function* readChunkItems(
  bits: number,
  index: number,
  bytes: Uint8Array,
): Steps<Result<LeafItem[], Refusal>> {
  const field = `chunks[${index}]`;
  const malformed = (why: string): Result<never, Refusal> =>
    refuse("CHUNK_MALFORMED", field, `${why}: ${ASK}`);
  if (bytes.length < CHUNK_HEADER_BYTES) return malformed("it has no header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(0);
  const items: LeafItem[] = [];
  let offset = CHUNK_HEADER_BYTES;
  while (offset < bytes.length) {
    const end = recordEnd(view, offset);
    if (end === undefined) return malformed(`the leaf at byte ${offset} does not end in it`);
    const record = bytes.subarray(offset, end);
    const pair = new Uint8Array(PAIR_BYTES);
    hashRecord(record, pair, 0);
    const keyHash = pair.subarray(0, DIGEST_BYTES);
    if (prefixOf(keyHash, bits) !== index) {
      const fix = `the leaf at byte ${offset} belongs to chunk ${prefixOf(keyHash, bits)}: ${ASK}`;
      return refuse("CHUNK_FOREIGN_LEAF", field, fix);
    }
    const last = items.at(-1);
    if (last !== undefined && compareHashes(last.keyHash, keyHash) >= 0) {
      const fix = `the leaf at byte ${offset} is not above the one before it: ${ASK}`;
      return refuse("CHUNK_UNORDERED", field, fix);
    }
    items.push({ keyHash, leafHash: pair.subarray(DIGEST_BYTES), record });
    offset = end;
    if (items.length % LEAVES_PER_STEP === 0) yield;
  }
  if (items.length !== count) return malformed(`it has ${items.length} leaves and says ${count}`);
  return ok(items);
}
